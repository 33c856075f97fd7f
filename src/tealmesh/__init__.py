"""Tealmesh: blue/green and canary deployments for Amazon ECS over Envoy."""

__version__ = "0.1.0"
