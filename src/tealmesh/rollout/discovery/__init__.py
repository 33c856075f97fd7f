"""Finds the services that others made in the state of App Mesh, ECS and Cloud Map. Pure.

A service is a virtual service whose router has weighted targets. `find` is the whole of it; its
routes are chosen in `routes`, and its sides found in `sides`.
"""

from tealmesh.rollout.discovery.find import discover, find, without_targets

__all__ = ["discover", "find", "without_targets"]
