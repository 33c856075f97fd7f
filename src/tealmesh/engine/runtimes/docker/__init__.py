"""Talking to a Docker-compatible engine, and what a task's own network needs."""
