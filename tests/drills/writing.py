"""Somebody who writes to App Mesh's API all the time, and keeps what was acknowledged."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import sqlalchemy as sa
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tealmesh.model.arn import DEFAULT_REGION
from tests.support import sdk

PAUSE_SECONDS = 0.2
KEPT = 50
"""So many of the newest are kept: a mesh may have 200 virtual nodes, as App Mesh's quota says."""
PASSING = frozenset({"ServiceUnavailableException", "ServiceUnavailable"})
"""Errors of our API that ask the caller to try again."""

NAME = re.compile(r"written-\d{5}")


@dataclass(frozen=True)
class Acknowledged:
    """A write that was answered with success."""

    number: int
    at: float
    """By the monotonic clock."""


class Writer:
    """Creates ``written-00001``, ``written-00002``, … in a mesh, each through another replica, and
    deletes what came `KEPT` before. Each time it moves a route of the gateway to that number, so
    that an Envoy has something to acknowledge. What fails is tried again until it is done.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        mesh: str,
        gateway: str,
        node: str,
        passing: Container[str] = PASSING,
    ) -> None:
        """``passing``: the codes of errors after which writing again is right."""
        self._passing = passing
        self._clients = [_client(endpoint) for endpoint in endpoints]
        self._turns = itertools.cycle(self._clients)
        self._mesh = mesh
        self._gateway = gateway
        self._node = node
        self._stop = threading.Event()
        self._abandoned = False
        self._goes = threading.Event()
        self._goes.set()
        self._calls = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self.acknowledged: list[Acknowledged] = []
        """The virtual nodes that were created, in order."""
        self.deleted = 0
        """The number of the last one that was deleted."""
        self.moves: list[tuple[int, int]] = []
        """The numbers that the route was moved to, and the versions that the answers said."""
        self.errors: Counter[str] = Counter()
        """What was answered to attempts that failed, or why there was no answer."""
        self.told: set[str] = set()
        """What answers said that were errors."""
        self.wrong: list[str] = []
        """What must not be."""

    def start(self) -> None:
        self._prepare(self._clients[0])
        self._thread.start()

    def stop(self) -> None:
        """End it, once the last write is acknowledged."""
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), f"nothing can be written: {self.errors}"

    def abandon(self) -> None:
        """End it, whatever it waits for."""
        self._abandoned = True
        self._goes.set()
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def pause(self) -> None:
        """Write nothing more until `go_on`; what is being written has its answer then."""
        self._goes.clear()
        with self._calls:
            pass

    def go_on(self) -> None:
        self._goes.set()

    def first_since(self, at: float) -> float | None:
        """When the first write was acknowledged that was after ``at``; None if none was yet."""
        return next((one.at for one in list(self.acknowledged) if one.at >= at), None)

    @property
    def writes(self) -> int:
        return len(self.acknowledged) + self.deleted + len(self.moves)

    def lost(self, database: sa.Engine) -> list[str]:
        """What was acknowledged and is not there, as each replica answers and as the database has
        it; or not in the order in which it was acknowledged.
        """
        wrong = list(self.wrong)
        wanted = [_name(one.number) for one in self.acknowledged]
        kept = set(wanted[self.deleted :])
        for index, client in enumerate(self._clients):
            there = self._nodes_of(client)
            wrong += [f"{name} is not at replica {index}" for name in sorted(kept - there)]
            wrong += [f"{name} is back at replica {index}" for name in sorted(there - kept)]
            shown = client.describe_route(**self._named())["route"]
            if self.moves and _number(shown) < self.moves[-1][0]:
                wrong.append(f"replica {index} has the route at {_number(shown)}")
        made = _order(database)
        if made != wanted:
            wrong.append(f"committed in another order, twice or not at all: {_first(made, wanted)}")
        versions = [version for _, version in self.moves]
        if versions != sorted(set(versions)):
            wrong.append(f"versions of the route were answered twice: {versions}")
        return wrong

    def _prepare(self, client: Any) -> None:
        client.create_virtual_node(
            meshName=self._mesh, virtualNodeName="counter", spec=_spec("localhost")
        )
        listener = {"portMapping": {"port": 8080, "protocol": "http"}}
        client.create_virtual_router(
            meshName=self._mesh, virtualRouterName="counter", spec={"listeners": [listener]}
        )
        client.create_virtual_service(
            meshName=self._mesh,
            virtualServiceName="counter.invalid",
            spec={"provider": {"virtualRouter": {"virtualRouterName": "counter"}}},
        )
        client.create_route(**self._named(), spec=self._route(0))
        target = {"virtualService": {"virtualServiceName": "counter.invalid"}}
        client.create_gateway_route(
            meshName=self._mesh,
            virtualGatewayName=self._gateway,
            gatewayRouteName="counter",
            spec={"httpRoute": {"match": {"prefix": "/counter"}, "action": {"target": target}}},
        )

    def _run(self) -> None:
        for number in itertools.count(1):
            if self._stop.is_set():
                return
            self._create(number)
            if number > KEPT:
                self._delete(number - KEPT)
            self._move(number)
            self._stop.wait(PAUSE_SECONDS)

    def _create(self, number: int) -> None:
        name = _name(number)
        spec = _spec(f"{name}.invalid")
        self._done(
            lambda client: client.create_virtual_node(
                meshName=self._mesh, virtualNodeName=name, spec=spec
            ),
            "ConflictException",
        )
        if not self._abandoned:
            self.acknowledged.append(Acknowledged(number, time.monotonic()))

    def _delete(self, number: int) -> None:
        self._done(
            lambda client: client.delete_virtual_node(
                meshName=self._mesh, virtualNodeName=_name(number)
            ),
            "NotFoundException",
        )
        if not self._abandoned:
            self.deleted = number

    def _done(self, call: Callable[[Any], Any], already: str) -> Any:
        """The answer to a call, which is made until there is one. After an attempt without an
        answer, or with "nobody knows", the error ``already`` says that it was made.
        """
        tried = False
        while not self._abandoned:
            self._goes.wait()
            try:
                with self._calls:
                    if self._goes.is_set():
                        return call(next(self._turns))
            except (ClientError, BotoCoreError) as error:
                if tried and _code(error) == already:
                    return None
                self._failed(error)
                tried = True
        return None

    def _move(self, number: int) -> None:
        spec = self._route(number)
        answer = self._done(lambda client: client.update_route(**self._named(), spec=spec), "")
        if answer is not None:
            self.moves.append((number, answer["route"]["metadata"]["version"]))

    def _failed(self, error: Exception) -> None:
        code = _code(error)
        self.errors[code] += 1
        if isinstance(error, ClientError):
            self.told.add(str(error))
            if code not in self._passing:
                self.wrong.append(str(error))
        time.sleep(0.1)

    def _nodes_of(self, client: Any) -> set[str]:
        pages = client.get_paginator("list_virtual_nodes").paginate(meshName=self._mesh)
        names = {node["virtualNodeName"] for page in pages for node in page["virtualNodes"]}
        return {name for name in names if NAME.fullmatch(name)}

    def _named(self) -> dict[str, str]:
        return {"meshName": self._mesh, "virtualRouterName": "counter", "routeName": "counter"}

    def _route(self, number: int) -> Any:
        match = {"exact": str(number)}
        return {
            "httpRoute": {
                "match": {"prefix": "/", "headers": [{"name": "counter", "match": match}]},
                "action": {"weightedTargets": [{"virtualNode": self._node, "weight": 1}]},
            }
        }


def _client(endpoint: str) -> Any:
    """One that tries nothing again itself, and gives up before a person would."""
    return boto3.client(
        "appmesh",
        endpoint_url=endpoint,
        region_name=DEFAULT_REGION,
        aws_access_key_id=sdk.KEY,
        aws_secret_access_key=sdk.SECRET,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=20),
    )


def _name(number: int) -> str:
    return f"written-{number:05}"


def _spec(hostname: str) -> Any:
    listener = {"portMapping": {"port": 8080, "protocol": "http"}}
    return {"listeners": [listener], "serviceDiscovery": {"dns": {"hostname": hostname}}}


def _code(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__


def _number(route: Any) -> int:
    return int(route["spec"]["httpRoute"]["match"]["headers"][0]["match"]["exact"])


def _order(database: sa.Engine) -> list[str]:
    """The names that were created, in the order of the commits."""
    query = sa.text(
        "SELECT changes FROM audit WHERE operation = 'CreateVirtualNode' ORDER BY revision"
    )
    with database.connect() as connection:
        rows = [json.dumps(json.loads(row.changes)) for row in connection.execute(query)]
    return [name for row in rows for name in sorted(set(NAME.findall(row)))]


def _first(made: list[str], wanted: list[str]) -> str:
    """Where two orders differ, in words."""
    for index, (one, other) in enumerate(itertools.zip_longest(made, wanted)):
        if one != other:
            return f"{one} in place of {other}, number {index + 1} of {len(wanted)}"
    return ""
