"""What happens to requests while targets, weights and listeners change."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.behaviour.load_balancers import targets
from tests.behaviour.load_balancers.rows.conditions import path
from tests.behaviour.load_balancers.table import Call, Row, fixed, forward, rule
from tests.behaviour.load_balancers.world import EMPTY, World, place

OK = {"status": 200}


def _row(**more: Any) -> Row:
    return Row("changes", "", (), (), **more)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def _in_flight(world: World, target: str, port: int = targets.HTTP) -> int | None:
    """How many requests the Envoy has at a target; None when it does not know the target."""
    for cluster in json.loads(world.admin("/clusters?format=json"))["cluster_statuses"]:
        for host in cluster.get("host_statuses", ()):
            address = host["address"]["socket_address"]
            if (address["address"], address["port_value"]) == (place(target), port):
                stats = {one["name"]: int(one.get("value", 0)) for one in host["stats"]}
                return stats["rq_active"]
    return None


def _slow(world: World, pool: ThreadPoolExecutor, target: str) -> Future[dict[str, Any]]:
    """A request that has arrived at ``target`` and takes two seconds there."""
    made = pool.submit(world.caller.make, Call(OK, headers={"x-delay": "2"}))
    world.until(lambda: _in_flight(world, target) == 1, f"no request in flight at {target}")
    return made


def test_a_deregistered_target_finishes_its_requests_and_gets_no_more(
    balancer: World, pool: ThreadPoolExecutor
) -> None:
    balancer.load(EMPTY)
    balancer.load(_row())
    slow = _slow(balancer, pool, "blue")
    both = {"blue": (("blue", {"draining": True}), "green")}
    balancer.load(_row(targets=both))
    call = Call({**OK, "node": "green"}, times=10, until=10)
    balancer.caller.check("while it drains", call)
    assert _in_flight(balancer, "blue") == 1, "what drains must still be counted"
    assert slow.result()["node"] == "blue"
    balancer.until(lambda: _in_flight(balancer, "blue") == 0, "the request is not counted out")


def test_a_removed_target_finishes_its_requests(balancer: World, pool: ThreadPoolExecutor) -> None:
    balancer.load(EMPTY)
    balancer.load(_row())
    slow = _slow(balancer, pool, "blue")
    balancer.load(_row(targets={"blue": ("green",)}))
    assert slow.result()["node"] == "blue"


def test_a_registered_target_gets_requests_once_it_is_healthy(balancer: World) -> None:
    balancer.load(EMPTY)
    balancer.load(_row())
    balancer.load(_row(targets={"blue": ("blue", "green", "sick")}))
    spread = Call(OK, times=30, spread=frozenset({"blue", "green"}), until=10)
    balancer.caller.check("after registration", spread)


def test_no_request_is_lost_while_weights_and_rules_change(
    balancer: World, pool: ThreadPoolExecutor
) -> None:
    balancer.load(EMPTY)
    balancer.load(_row())
    done = threading.Event()
    seen: list[list[Any]] = [[], [], []]

    def keep_asking(into: list[Any]) -> None:
        while not done.is_set():
            into.append(balancer.caller.make(Call(OK)))

    asking = [pool.submit(keep_asking, into) for into in seen]
    for step in range(30):
        weights = {"blue": 10 - step % 11, "green": step % 11}
        rules = (rule(path("/x"), then=fixed(404)),) if step % 2 else ()
        balancer.load(_row(default=forward(**weights), rules=rules))
    done.set()
    for one in asking:
        one.result()
    outcomes = [outcome for part in seen for outcome in part]
    assert [one for one in outcomes if one["status"] != 200] == []
    assert {one["node"] for one in outcomes} == {"blue", "green"}


@contextlib.contextmanager
def _deaf(address: str, port: int) -> Iterator[None]:
    """A port whose queue of connections is full: it neither accepts nor refuses more."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind((address, port))
        server.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


def test_504_when_a_connection_to_the_target_is_not_made_in_time(balancer: World) -> None:
    port = 8006
    with _deaf(place("dead"), port):
        balancer.load(EMPTY)
        unchecked = {"blue": {"HealthCheckEnabled": False}}
        balancer.load(_row(groups=unchecked, targets={"blue": (("dead", {"Port": port}),)}))
        page = "<h1>504 Gateway Time-out</h1>"
        balancer.caller.check("deaf", Call({"status": 504}, body=page))
