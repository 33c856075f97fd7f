"""Replicas die, stop and come back, under load and in the middle of deployments."""

from __future__ import annotations
