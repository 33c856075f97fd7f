"""The world in which rows are played: a control plane, three Envoys under test, and applications.

It is started once per test process. `World.play` empties the Envoys, gives them the row's mesh,
waits until they have converged on it and makes the row's calls; so a row never depends on the one
before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx

from tealmesh.envoy.bootstrap.bootstrap import bootstrap
from tealmesh.envoy.translate import Translator
from tealmesh.model.cloudmap import DnsService
from tealmesh.model.mesh import Instance, Kind
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.server import AdsServicer
from tests.behaviour import applications as apps
from tests.behaviour.bridge import bridge
from tests.behaviour.caller import Caller
from tests.behaviour.dns import NameServer
from tests.behaviour.secrets import Pki, secret_service
from tests.behaviour.table import PORTS, SECOND, Row, resources
from tests.support.meshes.builder import MeshBuilder
from tests.support.planes.admitting import Shared, secret_file
from tests.support.programs.envoy import ENVOY, loopback

PLACES = {
    "WEB": 2,
    "APP": 3,
    "EDGE": 4,
    "BRIDGE": 5,
    "DNS": 6,
    "INSIDE": 7,
    "blue": 11,
    "green": 12,
    "sick": 13,
    "moody": 14,
    "refuser": 15,
    "dead": 19,
}
"""The last number of each loopback address, less `_FIRST_NUMBER`; nothing listens at ``dead``."""
_FIRST_NUMBER = 200
"""Other tests of the same process use lower numbers, while the world is running."""

APPLICATIONS = {"blue": "blue", "green": "green", "sick": "sick", "moody": "moody", "app": "INSIDE"}
NAMES = {
    "both.test": ("blue", "green"),
    "blue.test": ("blue",),
    "outside.test": ("green",),
    "six.test": ("::1",),
    "mixed.test": ("::1", "blue"),
}
ROLES = {
    "web": (Kind.VIRTUAL_NODE, "WEB"),
    "app": (Kind.VIRTUAL_NODE, "APP"),
    "edge": (Kind.VIRTUAL_GATEWAY, "EDGE"),
}
LINES = {("egress", "http2"): 7001, ("gateway", "http2"): 7002, ("node", "http2"): 7003}
"""Ports of the bridge for calls in HTTP/2."""

EMPTY = Row("empty", "", (), (), web={"backends": []})
"""A mesh in which the Envoys of ``web`` and ``edge`` have no clusters.

Envoy keeps a cluster that does not change, with everything that it knows: ejected hosts, results
of health checks, open connections. Two rows with equal clusters would share all that.
"""


def place(name: str) -> str:
    """The address of a place."""
    return name if ":" in name else loopback(_FIRST_NUMBER + PLACES[name])


class World:
    """Use it as a context manager; see the module."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pki = Pki.make(directory)
        self.six_port = _six_port()
        self.tries = apps.Tries()
        self._stack = contextlib.ExitStack()
        self._loop = asyncio.new_event_loop()
        self._translator = Translator()
        self._builder = MeshBuilder()
        self._material = self.pki.material()
        self._socket = str(directory / "sds.sock")
        self._admins: dict[str, httpx.Client] = {}
        self.caller = Caller(place, LINES, self.tries, self.pki)

    def __enter__(self) -> World:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        self._stack.callback(thread.join, 10)
        self._stack.callback(self._loop.call_soon_threadsafe, self._loop.stop)
        self._on_loop(self._serve())
        self._applications()
        self._bridge()
        self.load(EMPTY, wait=False)
        for role in ROLES:
            self._envoy(role)
        for role in ROLES:
            self._ready(role)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def play(self, row: Row) -> None:
        """Make the row's calls in the row's mesh, then check logs and configuration dumps."""
        self.load(EMPTY)
        self.tries.forget_health_checks()
        already_logged = {name: len(self._log_lines(name)) for name in row.logs}
        self.load(row)
        for call in row.calls:
            if call.checks:
                self._await_checks(*call.checks)
            self.caller.check(row.name, call)
        for name, pattern in row.logs.items():
            self._await_line(row, name, pattern, already_logged[name])
        for role, resource, content in row.holds:
            self._check_dump(role, resource, content)

    def load(self, row: Row, *, wait: bool = True) -> None:
        """Give all Envoys the row's mesh."""
        builder = MeshBuilder(revisions=self._builder.revisions)
        for kind, parent, name, spec in resources(row):
            builder.put(kind, name, self.filled(spec), parent)
        for service in ("blue", "green", "app"):
            where = "APP" if service == "app" else service
            builder.cloud_map["ns", service] = (_instance(service, place(where)),)
        for service, instances in row.instances.items():
            builder.cloud_map["ns", service] = tuple(_instance_of(one) for one in instances)
        for zone, services in row.zones.items():
            builder.zones[zone] = {
                name: DnsService(frozenset(records), tuple(_instance_of(one) for one in instances))
                for name, (records, instances) in services.items()
            }
        self._builder = builder
        snapshot = replace(builder.snapshot(), material=self._material)
        self._on_loop(self._update(snapshot, wait))
        if wait:
            self._warm()

    def filled(self, value: Any) -> Any:
        """The spec with ``$DIR`` and ``$SIX_PORT`` replaced by their values."""
        if isinstance(value, dict):
            return {key: self.filled(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.filled(one) for one in value]
        if value == "$SIX_PORT":
            return self.six_port
        return value.replace("$DIR", str(self.directory)) if isinstance(value, str) else value

    async def _serve(self) -> None:
        self.cache = AdsCache(self._translator.translate, lambda mesh: (), hold_off=0.0005)
        self._server = grpc.aio.server()
        self._servicer = AdsServicer(self.cache, Shared("token"))
        self._servicer.add_to(self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        self._stack.callback(self._on_loop, self._close())

        async def others() -> None:
            for name, where in APPLICATIONS.items():
                for ports in (PORTS, SECOND):
                    server = grpc.aio.server()
                    app = apps.GrpcApplication(name, ports["grpc"], self.tries)
                    server.add_generic_rpc_handlers((app,))
                    server.add_insecure_port(f"{place(where)}:{ports['grpc']}")
                    await server.start()
                    self._others.append(server)
                    await apps.tcp_application(name, place(where), ports["tcp"], self.tries)
            await apps.refusing_application(place("refuser"), PORTS["http2"], self.tries)

        self._others: list[Any] = []
        await others()
        self._secrets = grpc.aio.server()
        self._secrets.add_generic_rpc_handlers((secret_service(self.pki),))
        self._secrets.add_insecure_port(f"unix:{self._socket}")
        await self._secrets.start()
        self._others.append(self._secrets)
        records = {name: [place(one) for one in places] for name, places in NAMES.items()}
        await self._loop.create_datagram_endpoint(
            lambda: NameServer(records), local_addr=(place("DNS"), 5353)
        )

    async def _close(self) -> None:
        self._servicer.close()
        for server in (self._server, *self._others):
            await server.stop(0.2)

    async def _update(self, snapshot: Any, wait: bool) -> None:
        self.cache.update(snapshot)
        if wait:
            state = await self.cache.wait_converged("m", snapshot.revision, 15)
            assert state.converged, (state, self.cache.envoys("m"))

    def _applications(self) -> None:
        for name, where in APPLICATIONS.items():
            for port in (PORTS["http"], SECOND["http"]):
                self._stack.enter_context(
                    apps.http_application(name, place(where), port, self.tries)
                )
        for name, at in (("six", "::1"), ("blue", place("blue"))):
            self._stack.enter_context(apps.http_application(name, at, self.six_port, self.tries))

    def _bridge(self) -> None:
        here = place("BRIDGE")
        pairs: list[tuple[tuple[str, int], tuple[str, int], bool]] = [
            ((here, LINES["egress", "http2"]), (place("WEB"), 15001), True),
            ((here, LINES["gateway", "http2"]), (place("EDGE"), PORTS["http2"]), True),
            ((here, LINES["node", "http2"]), (place("APP"), PORTS["http2"]), True),
        ]
        for where in APPLICATIONS.values():
            at = place(where)
            for ports in (PORTS, SECOND):
                pairs.append(((at, ports["http2"]), (at, ports["http"]), False))
        self._start("bridge", bridge(pairs, (here, 9901)), here)
        self._ready("bridge")

    def _envoy(self, role: str) -> None:
        kind, where = ROLES[role]
        made = bootstrap(
            {
                "APPMESH_RESOURCE_ARN": f"mesh/m/{kind.value}/{role}",
                "APPMESH_SDS_SOCKET_PATH": self._socket,
            },
            xds_address=("127.0.0.1", self.port),
            token_file=secret_file(self.directory, "token"),
            task=role,
            address=place(where),
            app_address=place("INSIDE"),
            admin_address=place(where),
            dns_address=(place("DNS"), 5353),
        )
        del made["stats_sinks"]
        self._start(role, made, place(where))

    def _start(self, role: str, made: Any, admin: str) -> None:
        path = self.directory / f"{role}.json"
        path.write_text(json.dumps(made))
        argv = [ENVOY, "-c", str(path), "-l", "warning", "--disable-hot-restart"]
        argv += ["--concurrency", "1", "--file-flush-interval-msec", "20", "--drain-time-s", "1"]
        with (self.directory / f"{role}.log").open("ab") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        self._stack.callback(_end, process)
        self._admins[role] = self._stack.enter_context(
            httpx.Client(base_url=f"http://{admin}:9901", timeout=20, trust_env=False, verify=False)
        )

    def _ready(self, role: str) -> None:
        self._until(
            lambda: self._get(role, "/ready") == "LIVE\n",
            lambda: f"{role} is not ready: {self._log(role)}",
        )

    def _get(self, role: str, path: str) -> str:
        try:
            return self._admins[role].get(path).text
        except httpx.TransportError:
            return ""

    def _warm(self) -> None:
        """Wait for listeners to be in place: Envoy acknowledges them before they are."""
        stat = "listener_manager.total_listeners_warming"
        for role in ROLES:
            self._until(
                lambda role=role: self._get(role, f"/stats?filter={stat}") == f"{stat}: 0\n",
                lambda role=role: f"a listener of {role} does not become warm",
            )

    def _log(self, role: str) -> str:
        return (self.directory / f"{role}.log").read_text()

    def _log_lines(self, name: str) -> list[str]:
        """Of a file below the directory, or of the log of a role (``stdout of ROLE``)."""
        role = name.removeprefix("stdout of ")
        path = self.directory / (f"{role}.log" if role != name else name)
        return path.read_text().splitlines() if path.exists() else []

    def _await_line(self, row: Row, name: str, pattern: str, already: int) -> None:
        """Wait until ``name`` has a new line that matches; it had ``already`` many before."""
        self._until(
            lambda: any(re.fullmatch(pattern, line) for line in self._log_lines(name)[already:]),
            lambda: f"{row.name}: no line of {name} matches {pattern}: {self._log_lines(name)}",
        )

    def _await_checks(self, which: str, count: int) -> None:
        self._until(
            lambda: self.tries.health[which] >= count,
            lambda: f"fewer than {count} health checks {which!r}: {self.tries.health}",
            limit=30,
        )

    def _check_dump(self, role: str, resource: str, content: Any) -> None:
        """Envoy's own dump of ``resource`` contains ``content``, at any depth."""
        dumps = [
            one
            for one in _objects(json.loads(self._get(role, "/config_dump")))
            if one.get("name") == resource
        ]
        assert dumps, f"{role} has no {resource}"
        assert any(_contains(one, content) for one in dumps), (resource, content, dumps)

    def _until(self, condition: Any, message: Any, limit: float = 15) -> None:
        deadline = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < deadline, message()
            time.sleep(0.01)

    def _on_loop(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)


def _instance(name: str, address: str, **more: Any) -> Instance:
    family = "AWS_INSTANCE_IPV6" if ":" in address else "AWS_INSTANCE_IPV4"
    own = more.pop("attributes", {})
    identity = more.pop("id", f"{name}-{address}")
    return Instance(identity, tuple(sorted({family: address, **own}.items())), **more)


def _instance_of(one: Any) -> Instance:
    """From a place's name, or (name, members of Instance)."""
    name, more = (one, {}) if isinstance(one, str) else one
    return _instance(name, place(name), **more)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """All JSON objects in ``value``."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            yield from _objects(one)


def _contains(where: Any, content: dict[str, Any]) -> bool:
    """Whether one object in ``where`` has all members of ``content``."""
    return any(
        all(one.get(key) == value for key, value in content.items()) for one in _objects(where)
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _six_port() -> int:
    """A port that is free on IPv6's only loopback address."""
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return int(probe.getsockname()[1])
