"""What still runs with the one token that all Envoys had under an earlier version."""

from __future__ import annotations

from pathlib import Path

from tealmesh.engine.runtimes.sidecar import private
from tealmesh.engine.state import Phase, TaskState
from tealmesh.model.load_balancers import load_balancer_name
from tealmesh.model.mesh import load_balancer_proxy
from tealmesh.store import View, tables
from tealmesh.store.snapshot import load_balancer_places


def former_task(state: TaskState) -> bool:
    """Whether a task was started with it."""
    return not state.keyed and state.phase not in (Phase.PREPARE, Phase.STOPPED)


def former_balancers(view: View) -> set[str]:
    """The load balancers whose Envoys were, as ``loadbalancer/NAME``."""
    return {
        load_balancer_proxy(load_balancer_name(arn)).resource
        for arn, place in load_balancer_places(view).items()
        if "handle" in place and not private(Path(place["handle"]["home"]).parent).exists()
    }


def any_former(view: View) -> bool:
    """Whether any task or load balancer was."""
    tasks = (TaskState.of(document.body) for document in view.list(tables.TASKS))
    return any(map(former_task, tasks)) or bool(former_balancers(view))
