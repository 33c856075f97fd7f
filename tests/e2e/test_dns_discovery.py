"""Nodes found by DNS names of Cloud Map's namespaces: tasks are replaced under load, as processes
and as containers, and Envoys resolve names that are not in the mesh.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.boxes import Boxes
from tests.support import waiting
from tests.support.drills import sizes
from tests.support.machine import BIN, free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.elb import listener, load_balancer, network
from tests.support.planes.sample import Sample
from tests.support.programs.envoy import loopback
from tests.support.programs.load import Load, Report
from tests.support.programs.podman import needs_engine, podman

until = partial(waiting.until, seconds=20)

pytestmark = pytest.mark.timeout(300)

EACH = 1_000
"""Requests for each replacement."""


def find_by_dns(plane: ControlPlane, mesh: str, hostname: str) -> None:
    """Let ``web-blue`` be found by a DNS name."""
    appmesh = plane.client("appmesh")
    named = {"meshName": mesh, "virtualNodeName": "web-blue"}
    spec = appmesh.describe_virtual_node(**named)["virtualNode"]["spec"]
    spec["serviceDiscovery"] = {"dns": {"hostname": hostname}}
    appmesh.update_virtual_node(**named, spec=spec)


def replace_under_load(plane: ControlPlane, mesh: str, port: int, replacements: int) -> Report:
    """Replace all tasks of ``web-blue`` so many times while requests go through the gateway."""
    ecs = plane.client("ecs")

    def tasks() -> set[str]:
        return set(ecs.list_tasks(cluster=mesh, serviceName="web-blue")["taskArns"])

    def replace() -> None:
        before = tasks()
        ecs.update_service(cluster=mesh, service="web-blue", forceNewDeployment=True)
        until(lambda: len(tasks()) == len(before) and not tasks() & before, seconds=90)

    async def work() -> Report:
        async with Load("127.0.0.1", port, host=mesh, concurrency=4, rate=400, timeout=20) as load:
            await load.answered(100)
            for _ in range(replacements):
                await asyncio.to_thread(replace)
                await load.answered(100)
            await load.answered(max(0, replacements * EACH - load.report.total))
        return load.report

    return asyncio.run(work())


@sizes("replacements", short=1, long=5)
def test_processes_are_replaced_and_their_envoys_resolve_names(
    tmp_path: Path, replacements: int
) -> None:
    sample = Sample(tmp_path, desired_count=2)
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        find_by_dns(plane, "sample", "Web.sample.local")
        report = replace_under_load(plane, "sample", sample.gateway_port, replacements)
        assert report.failures == []
        assert report.statuses.keys() == {200}
        assert report.total >= replacements * EACH
        names_outside_the_mesh(plane)
        found_at_a_load_balancer(plane, sample.url)


def names_outside_the_mesh(plane: ControlPlane) -> None:
    """An application's request through its Envoy to a name that only Cloud Map has, which soon
    leads elsewhere.
    """
    plane.client("appmesh").update_mesh(
        meshName="sample", spec={"egressFilter": {"type": "ALLOW_ALL"}}
    )
    registry = plane.client("servicediscovery")
    (namespace,) = registry.list_namespaces()["Namespaces"]
    service = registry.create_service(
        Name="other",
        NamespaceId=namespace["Id"],
        DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 300}]},
    )["Service"]["Id"]
    ecs = plane.client("ecs")
    arns = ecs.list_tasks(cluster="sample", serviceName="web-blue")["taskArns"]
    task = ecs.describe_tasks(cluster="sample", tasks=arns)["tasks"][0]
    details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}

    def ask(port: int) -> tuple[int, str]:
        proxy = http.client.HTTPConnection(details["privateIPv4Address"], 15001, timeout=10)
        try:
            proxy.request("GET", f"http://other.sample.local:{port}/")
            answer = proxy.getresponse()
            return answer.status, answer.read().decode()
        finally:
            proxy.close()

    port = free_port()
    with answering(loopback(91), port), answering(loopback(92), port):
        for address in (loopback(91), loopback(92)):
            instance: dict[str, Any] = {"ServiceId": service, "InstanceId": "i"}
            registry.register_instance(**instance, Attributes={"AWS_INSTANCE_IPV4": address})
            until(lambda wanted=(200, address): ask(port) == wanted)  # type: ignore[misc]
        plane.kill9()
        plane.start()
        registry.register_instance(**instance, Attributes={"AWS_INSTANCE_IPV4": loopback(91)})
        until(lambda: ask(port) == (200, loopback(91)))


def found_at_a_load_balancer(plane: ControlPlane, gateway: str) -> None:
    """A node whose DNS name is that of a load balancer: the gateway's Envoy resolves it."""
    elb = plane.client("elbv2")
    arn = load_balancer(elb, network(plane), "outside")
    answer = {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "balanced"}
    listener(elb, arn, 8080, [{"Type": "fixed-response", "FixedResponseConfig": answer}])
    (described,) = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    find_by_dns(plane, "sample", described["DNSName"])

    def ask() -> str:
        try:
            with urllib.request.urlopen(gateway, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError as error:
            return str(error)

    until(lambda: ask() == "balanced")


@contextmanager
def answering(address: str, port: int) -> Iterator[None]:
    """An application that answers its address and closes each connection: an open one would stay
    where it is, whatever DNS says.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(address.encode())

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer((address, port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@needs_engine
@sizes("replacements", short=1, long=5)
def test_containers_are_replaced(tmp_path: Path, replacements: int) -> None:
    (tmp_path / "podman").mkdir()
    boxes = Boxes(tmp_path)
    with podman(tmp_path / "podman") as engine:
        boxes.make_images(engine)
        plane = ControlPlane(tmp_path)
        try:
            plane.start(DOCKER_HOST=engine.url)
            make = [str(BIN / "teal"), "image", "envoy"]
            subprocess.run(make, env={**os.environ, "DOCKER_HOST": engine.url}, check=True)
            boxes.apply(plane)
            find_by_dns(plane, "boxes", "Web.boxes.local")
            report = replace_under_load(plane, "boxes", boxes.port, replacements)
        finally:
            plane.down()
    assert report.failures == []
    assert report.statuses.keys() == {200}
    assert report.total >= replacements * EACH
