"""Deployments that run: the work on them, and what people decide about them."""
