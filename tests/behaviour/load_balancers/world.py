"""The world in which rows are played: a control plane, the Envoy of a load balancer, and targets.

It is started once per test process. `World.play` empties the Envoy, gives it the row's load
balancer, waits until it has converged on it and makes the row's calls; so a row never depends on
the one before it. In rows ``$HERE`` stands for the address of the place ``here``.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import ssl
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx

from tealmesh.envoy.bootstrap.bootstrap import load_balancer_bootstrap
from tealmesh.envoy.translate import Translator
from tealmesh.model.certificates import Material
from tealmesh.model.load_balancers import LoadBalancerSnapshot
from tealmesh.model.mesh import load_balancer_scope
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.server import AdsServicer
from tests.behaviour import applications
from tests.behaviour.bridge import bridge
from tests.behaviour.load_balancers import targets
from tests.behaviour.load_balancers.caller import Caller
from tests.behaviour.load_balancers.table import CERTIFICATES, NAME, Row, group_arn, load_balancer
from tests.support.certificates import Authority
from tests.support.planes.admitting import Shared, secret_file
from tests.support.programs.envoy import ENVOY, loopback

PLACES = {"lb": 231, "blue": 232, "green": 233, "sick": 234, "bridge": 235, "dead": 236}
PLACES |= {"here": 237, "there": 238}
"""The last number of each loopback address; nothing listens at ``dead``, clients are ``here`` and
``there``."""

LOCAL_PORTS = {"80": 8080, "443": 8443, "81": 8081}
"""Ports of the load balancer that are mapped on this machine; others are as they are."""

TARGETS = ("blue", "green", "sick")
SCOPE = load_balancer_scope(NAME)
EMPTY = Row("empty", "", (), (), listeners=())


def place(name: str) -> str:
    """The address of a place."""
    return loopback(PLACES[name])


class World:
    """Use it as a context manager; see the module."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority.make(directory, "world")
        leaves = {name: self.authority.issue(name, f"{name}.test") for name in CERTIFICATES}
        self._material = {
            arn: Material(self.authority.pem, leaves[name].chain, leaves[name].key)
            for name, arn in CERTIFICATES.items()
        }
        self._own = leaves["a"]
        self._stack = contextlib.ExitStack()
        self._loop = asyncio.new_event_loop()
        self._revisions = itertools.count(1)
        self.caller = Caller(place, LOCAL_PORTS, self.authority)

    def __enter__(self) -> World:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        self._stack.callback(thread.join, 10)
        self._stack.callback(self._loop.call_soon_threadsafe, self._loop.stop)
        self.on_loop(self._serve())
        self._targets()
        self.load(EMPTY, wait=False)
        made = load_balancer_bootstrap(
            NAME,
            xds_address=("127.0.0.1", self.port),
            token_file=secret_file(self.directory, "token"),
            admin_address=place("lb"),
        )
        self._start("lb", made, place("lb"))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def play(self, row: Row) -> None:
        """Make the row's calls to the row's load balancer."""
        self.load(EMPTY)
        self.load(row)
        self.caller.forget_cookies()
        for call in row.calls:
            self.caller.check(row.name, replace(call, expect=filled(call.expect)))

    def load(self, row: Row, *, wait: bool = True) -> None:
        """Give the Envoy the row's load balancer. Without listeners it has no target groups: Envoy
        keeps a cluster that does not change, with all that it knows of its targets.
        """
        made = load_balancer(replace(row, rules=filled(row.rules)), place("lb"), LOCAL_PORTS)
        if not row.listeners:
            made["target_groups"] = {}
        registered = {
            arn: tuple(_target(arn, one) for one in row.targets.get(name, (name,)))
            for arn, name in ((group_arn(name), name) for name in ("blue", "green", *row.groups))
        }
        snapshot = LoadBalancerSnapshot(
            revision=next(self._revisions),
            targets=registered,
            material=self._material,
            **made,
        )
        self.on_loop(self._update(snapshot, wait))
        if wait:
            stat = "listener_manager.total_listeners_warming"
            self.until(lambda: self.admin(f"/stats?filter={stat}") == f"{stat}: 0\n", "warming")

    def admin(self, path: str) -> str:
        """What the Envoy's admin interface answers; empty if it does not."""
        return self._get("lb", path)

    def until(self, condition: Any, what: str, limit: float = 20) -> None:
        """Wait until the condition holds."""
        deadline = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {self.log()}"
            time.sleep(0.01)

    def log(self) -> str:
        """What the Envoy has logged."""
        return (self.directory / "lb.log").read_text()

    def on_loop(self, coroutine: Any) -> Any:
        """Run a coroutine in the control plane's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(40)

    async def _serve(self) -> None:
        self.cache = AdsCache(Translator().translate, lambda scope: (), hold_off=0.0005)
        self._servers: list[Any] = [grpc.aio.server()]
        self._servicer = AdsServicer(self.cache, Shared("token"))
        self._servicer.add_to(self._servers[0])
        self.port = self._servers[0].add_insecure_port("127.0.0.1:0")
        await self._servers[0].start()
        self._stack.callback(self.on_loop, self._close())
        for name in TARGETS:
            server = grpc.aio.server()
            application = applications.GrpcApplication(name, targets.GRPC, applications.Tries())
            server.add_generic_rpc_handlers((application,))
            server.add_insecure_port(f"{place(name)}:{targets.GRPC}")
            await server.start()
            self._servers.append(server)
            await targets.tcp_target(name, place(name), targets.TCP)

    async def _close(self) -> None:
        self._servicer.close()
        for server in self._servers:
            await server.stop(0.2)

    async def _update(self, snapshot: LoadBalancerSnapshot, wait: bool) -> None:
        self.cache.update(snapshot)
        if wait:
            state = await self.cache.wait_converged(SCOPE, snapshot.revision, 20)
            assert state.converged, (state, self.cache.envoys(SCOPE))

    def _targets(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._own.chain_file, self._own.key_file)
        pairs = []
        for name in TARGETS:
            at = place(name)
            for port in (targets.HTTP, targets.CHECK):
                self._stack.enter_context(targets.http_target(name, at, port))
            self._stack.enter_context(targets.http_target(name, at, targets.HTTPS, context))
            pairs.append(((at, targets.HTTP2), (at, targets.HTTP), False))
        self._start("bridge", bridge(pairs, (place("bridge"), 9901)), place("bridge"))

    def _start(self, role: str, made: Any, admin: str) -> None:
        path = self.directory / f"{role}.json"
        path.touch(0o600)
        path.write_text(json.dumps(made))
        argv = [ENVOY, "-c", str(path), "-l", "warning", "--disable-hot-restart"]
        argv += ["--concurrency", "1", "--drain-time-s", "1"]
        with (self.directory / f"{role}.log").open("ab") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        self._stack.callback(_end, process)
        client = httpx.Client(base_url=f"http://{admin}:9901", timeout=20, trust_env=False)
        setattr(self, f"_{role}", self._stack.enter_context(client))
        self.until(lambda: self._get(role, "/ready") == "LIVE\n", f"{role} is not ready")

    def _get(self, role: str, path: str) -> str:
        client: httpx.Client = getattr(self, f"_{role}")
        try:
            return client.get(path).text
        except httpx.TransportError:
            return ""


def filled(value: Any) -> Any:
    """The value with the address for ``$HERE``."""
    if isinstance(value, dict):
        return {key: filled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [filled(one) for one in value]
    return value.replace("$HERE", place("here")) if isinstance(value, str) else value


def _target(arn: str, one: Any) -> dict[str, Any]:
    name, more = (one, {}) if isinstance(one, str) else one
    return {
        "TargetGroupArn": arn,
        "Id": place(name),
        "Port": targets.HTTP,
        "draining": False,
        "registeredAt": 0.0,
        **more,
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
