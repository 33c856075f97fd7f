"""How long a task may take for its last requests, by the mesh that it is in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.runtimes.sidecar import arguments
from tealmesh.engine.task import draining
from tealmesh.model.ecs.bodies import TaskEnvoy
from tealmesh.model.errors import EngineError
from tealmesh.store import Store, tables
from tests.engine.task.mesh import resource

DEFAULT = 15.0
WEB: TaskEnvoy = {"mesh": "m", "kind": "virtualNode", "name": "web"}
EDGE: TaskEnvoy = {"mesh": "m", "kind": "virtualGateway", "name": "edge"}
APPLICATION = Container("app", "team/web:1", Role.APPLICATION, stop_timeout=100.0)

milliseconds = st.none() | st.integers(0, 100_000)


def timeout(value: int | None) -> Any:
    return {"perRequest": {"unit": "ms", "value": value}} if value is not None else {}


def route(value: int | None, node: str = "web") -> Any:
    action = {"weightedTargets": [{"virtualNode": node, "weight": 1}]}
    return {"httpRoute": {"match": {"prefix": "/"}, "action": action, "timeout": timeout(value)}}


def limit(
    store: Store, envoy: TaskEnvoy, listener: int | None, routes: list[Any], **variables: str
) -> float:
    spec = {
        "listeners": [
            {
                "portMapping": {"port": 80, "protocol": "http"},
                "timeout": {"http": timeout(listener)},
            }
        ]
    }
    sidecar = Container("envoy", "envoy", Role.ENVOY, environment=variables)

    def change(tx: Any) -> float:
        for document in tx.list(tables.ROUTES, "m"):
            tx.delete(tables.ROUTES, "m", "r", document.body["name"])
        tx.put(tables.VIRTUAL_NODES, "m", "web", body=resource("web", spec))
        for index, one in enumerate(routes):
            tx.put(tables.ROUTES, "m", "r", str(index), body=resource(str(index), one, "r"))
        return draining.limit(tx, envoy, [APPLICATION, sidecar], DEFAULT)

    return asyncio.run(store.write("test", "Limit", change))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = Store.open(Path(tmp_path_factory.mktemp("store")) / "state.db")
    yield made
    made.close()


@settings(max_examples=40, deadline=None)
@given(listener=milliseconds, routes=st.lists(milliseconds, max_size=3))
def test_a_task_drains_as_long_as_its_longest_request_may_take(
    store: Store, listener: int | None, routes: list[int | None]
) -> None:
    def seconds(value: int | None) -> float:
        return DEFAULT if value is None else value / 1000 or float("inf")

    longest = min([seconds(listener), *([max(map(seconds, routes))] if routes else [])])
    wanted = max(DEFAULT, longest) if longest < float("inf") else 100.0
    made = [*map(route, routes), route(0, "other")]
    assert limit(store, WEB, listener, made) == wanted


def test_a_gateway_drains_as_long_as_the_longest_route_and_what_is_told_counts(
    store: Store,
) -> None:
    assert limit(store, EDGE, None, []) == DEFAULT
    assert limit(store, EDGE, None, [route(60_000), route(1000)]) == 60.0
    assert limit(store, EDGE, None, [route(0)]) == 100.0
    assert limit(store, EDGE, None, [route(60_000)], TEAL_DRAIN_TIME="2.5") == 2.5
    assert limit(store, WEB, 60_000, [], TEAL_DRAIN_TIME="0") == 0.0


def test_envoy_gives_the_connections_of_a_listener_that_goes_as_long() -> None:
    def options(**variables: str) -> tuple[str, ...]:
        made = arguments("envoy", Path("b.json"), variables)
        return made[made.index("--drain-time-s") : made.index("--file-flush-interval-msec")]

    assert options() == ("--drain-time-s", "5")
    assert options(TEAL_DRAIN_TIME="2") == ("--drain-time-s", "5")
    long = ("--drain-time-s", "301", "--drain-strategy", "immediate")
    assert options(TEAL_DRAIN_TIME="300.5") == long
    with pytest.raises(EngineError, match=r"TEAL_DRAIN_TIME = 'soon': must be a number"):
        options(TEAL_DRAIN_TIME="soon")
