"""Scaling of ECS services: what the store keeps of it, and what is decided. Pure."""
