"""Gives running Envoys new tokens when the key that signs them is another.

An Envoy takes a file that was renamed over the present one at its next stream. Those that have the
token in their bootstrap (`envoy.bootstrap.version.injects`) keep it; the former key verifies that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from tealmesh.engine.runtimes.sidecar import renew_token
from tealmesh.engine.state import Phase, TaskState
from tealmesh.model.arn import last_part
from tealmesh.model.identity.envoys import Identity, Owner, token
from tealmesh.model.identity.keys import Keys
from tealmesh.model.load_balancers import load_balancer_name
from tealmesh.model.mesh import load_balancer_proxy
from tealmesh.store import Store, View, tables
from tealmesh.store.snapshot import load_balancer_places

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0


async def renew(store: Store, data_dir: Path, keys: Keys) -> None:
    """Renew them after each rotation, and once at the beginning if there was one; until
    cancelled.
    """
    signs = "" if keys.is_rotated else keys.id
    while True:
        if keys.id != signs:
            signs = keys.id
            renewed = await asyncio.to_thread(_renew_all, store.view, data_dir, keys)
            _log.info("the key of Envoys' tokens is %s: %d have a new one", signs, renewed)
        await asyncio.sleep(_LOOK_SECONDS)


def _renew_all(view: View, data_dir: Path, keys: Keys) -> int:
    count = 0
    for directory, identity in (*_tasks(view, data_dir), *_balancers(view)):
        # One that ended meanwhile has no directory.
        with contextlib.suppress(FileNotFoundError):
            renew_token(directory, token(identity, keys.envoys[0]))
            count += 1
    return count


def _tasks(view: View, data_dir: Path) -> Iterator[tuple[Path, Identity]]:
    for document in view.list(tables.TASKS):
        state, arn = TaskState.of(document.body), document.body["taskArn"]
        if state.envoy is None or state.phase in (Phase.PREPARE, Phase.STOPPED):
            continue
        envoy = state.envoy
        resource = f"mesh/{envoy['mesh']}/{envoy['kind']}/{envoy['name']}"
        yield data_dir / "tasks" / last_part(arn), Identity(Owner.TASK, arn, resource)


def _balancers(view: View) -> Iterator[tuple[Path, Identity]]:
    for arn, place in load_balancer_places(view).items():
        if "handle" in place:
            resource = load_balancer_proxy(load_balancer_name(arn)).resource
            home = Path(place["handle"]["home"]).parent
            yield home, Identity(Owner.BALANCER, resource, resource)
