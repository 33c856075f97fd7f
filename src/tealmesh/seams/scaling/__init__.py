"""Automatic scaling of ECS services.

    publisher ── what tasks use ──► CloudWatch
                                        │
    alarms ── of policies ──► CloudWatch ── looks ── evaluation ──► plan ──► worker: desired count

- `plan`: what the desired count becomes; pure
- `evaluation`, `reading`: the states of alarms; pure
- `usage`: CPU and memory utilization; pure
- `looks`, `publisher`, `alarms`, `metrics`: what is read from CloudWatch, and written to it
- `worker`: bounds, schedules and alarms, acted upon; each `changes` in one write
"""
