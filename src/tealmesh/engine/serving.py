"""Which tasks carry traffic: the tasks whose Envoys have to acknowledge a change.

A change has converged when all Envoys that carry traffic run with it. Those that are connected are
known to the ADS server; the store knows the others, whose control plane was just restarted or whose
connection is interrupted. Without them a change would count as converged too early, and an Envoy
that never heard of it would go on sending to tasks that are being stopped.
"""

from __future__ import annotations

from tealmesh.engine.state import TaskState
from tealmesh.store import View, tables


def serving_tasks(view: View, mesh: str) -> list[str]:
    """ARNs of the tasks with an Envoy in ``mesh`` that take requests or still answer some."""
    bodies = [document.body for document in view.list(tables.TASKS)]
    states = [(body["taskArn"], TaskState.of(body)) for body in bodies]
    return [
        arn
        for arn, state in states
        if state.phase.serving and state.envoy is not None and state.envoy["mesh"] == mesh
    ]
