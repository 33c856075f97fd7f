"""Envoys keep a router's last route for a grace period after it is deleted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.appmesh.grace import end_grace
from tealmesh.apis.tealmesh import events
from tealmesh.model.arn import DEFAULT_ACCOUNT
from tealmesh.model.clock import random_id
from tealmesh.store import Store, tables
from tealmesh.store.snapshot import mesh_snapshot
from tests.support.planes.appmesh import Direct

NODE = {
    "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
    "serviceDiscovery": {"dns": {"hostname": "app.local"}},
}
TCP_NODE = {**NODE, "listeners": [{"portMapping": {"port": 8080, "protocol": "tcp"}}]}
ROUTER = {"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]}


def spec(*nodes: str) -> dict[str, Any]:
    targets = [{"virtualNode": node, "weight": 1} for node in nodes]
    return {"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}}


class System:
    """Mesh m, nodes a and b, router r, routes by name."""

    def __init__(self, path: Path, grace: float = 5.0) -> None:
        self.path = path
        self.direct = Direct(path)
        self.direct.service = AppMesh(
            self.direct.store, DEFAULT_ACCOUNT, lambda: self.direct.now, random_id, None, grace
        )
        self.call("create_mesh")
        for node in "ab":
            self.call("create_virtual_node", virtualNodeName=node, spec=NODE)
        self.call("create_virtual_router", virtualRouterName="r", spec=ROUTER)

    def call(self, operation: str, **request: Any) -> None:
        self.direct.call(operation, meshName="m", **request)

    def create(self, name: str, *nodes: str) -> None:
        self.call("create_route", virtualRouterName="r", routeName=name, spec=spec(*nodes))

    def delete(self, name: str) -> None:
        self.call("delete_route", virtualRouterName="r", routeName=name)

    def delete_node(self, name: str) -> None:
        self.call("delete_virtual_node", virtualNodeName=name)

    @property
    def served(self) -> dict[str, list[str]]:
        """Routes that Envoys have, with their targets."""
        snapshot = mesh_snapshot(self.direct.store.view, "m")
        assert snapshot is not None
        return {
            name: [
                target["virtualNode"]
                for target in route.spec["httpRoute"]["action"]["weightedTargets"]
            ]
            for name, route in snapshot.routes.get("r", {}).items()
        }


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path / "state.db")
    yield made
    made.direct.close()


def test_the_last_route_is_gone_for_the_api_and_served_for_envoys(system: System) -> None:
    system.create("both", "a", "b")
    system.delete("both")
    answer = system.direct.call("list_routes", meshName="m", virtualRouterName="r")
    assert answer == {"routes": []}
    assert system.served == {"both": ["a", "b"]}
    system.create("only", "a")
    assert system.served == {"only": ["a"]}


def messages(system: System) -> list[str]:
    """What `teal events` shows, the newest first."""
    store = system.direct.store
    entries = asyncio.run(store.history(3, events.ENGINE_ACTORS))
    return [events.event(entry, store.view)["message"] for entry in entries]


def test_the_events_say_that_a_route_is_served_on(system: System) -> None:
    system.create("both", "a", "b")
    system.delete("both")
    assert messages(system)[0] == (
        "deleted route both of router r in mesh m; route both of router r in mesh m was the"
        " router's last: Envoys serve it a little longer"
    )
    system.create("only", "a")
    assert messages(system)[0].startswith(
        "created route only of router r in mesh m; route both of router r in"
    )
    assert messages(system)[0].endswith("deleted earlier, is no longer served")


def test_a_route_that_is_not_the_last_ends_at_once(system: System) -> None:
    system.create("one", "a")
    system.create("two", "b")
    system.delete("one")
    assert system.served == {"two": ["b"]}


def test_targets_that_go_leave_what_lingers_and_the_last_ends_it(system: System) -> None:
    system.create("both", "a", "b")
    system.delete("both")
    system.delete_node("a")
    assert system.served == {"both": ["b"]}
    system.delete_node("b")
    assert system.served == {}
    assert system.direct.store.view.list(tables.LINGERING_ROUTES) == []


def test_what_no_longer_fits_is_served_no_more(system: System) -> None:
    system.create("both", "a", "b")
    system.delete("both")
    system.call("update_virtual_node", virtualNodeName="a", spec=TCP_NODE)
    assert system.served == {}


def test_a_router_can_be_deleted_while_its_route_lingers(system: System) -> None:
    system.create("both", "a")
    system.delete("both")
    system.call("delete_virtual_router", virtualRouterName="r")
    assert system.served == {}


def test_no_grace_where_it_is_off(tmp_path: Path) -> None:
    system = System(tmp_path / "state.db", grace=0.0)
    system.create("both", "a")
    system.delete("both")
    assert system.served == {}
    system.direct.close()


def test_the_grace_ends_by_itself_and_after_a_restart(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    system.create("both", "a")
    system.delete("both")
    later = system.direct.now + 5.0
    # As after a kill -9: only what is committed, in the same boot. Somebody has set the clock back.
    reopened = Store.open(
        system.path, lambda: later - 3600.0, lambda: {"boot": "boot-1", "at": later}
    )
    route = reopened.view.list(tables.LINGERING_ROUTES)[0].body
    assert (route["deleted"]["at"], route["lingers"]) == (system.direct.now, 5.0)

    async def end() -> None:
        ending = asyncio.create_task(end_grace(reopened))
        async for view in reopened.watch():
            if not view.list(tables.LINGERING_ROUTES):
                break
        ending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ending
        assert (await reopened.history())[0].operation == "EndRouteGrace"

    asyncio.run(end())
    reopened.close()
    assert "route both of router r in mesh m was the router's last" in caplog.text
