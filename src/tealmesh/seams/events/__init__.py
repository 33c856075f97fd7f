"""Events of ECS for EventBridge.

- `content`: what is told of tasks, services and deployments; pure
- `worker`: tells it, where somebody listens
"""
