"""Tasks on a real Podman: what definitions say, which packets Envoy gets, images, neighbours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.engine.runtimes.docker.images import PAUSE_IMAGE, make_pause
from tests.engine.runtimes.docker.tasks import IMAGE, app, names, proxied, tasks
from tests.support.planes.engine import web
from tests.support.programs.load import answering
from tests.support.programs.podman import Podman, needs_engine

pytestmark = needs_engine

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def test_which_packets_are_taken(docker: Podman, tmp_path: Path) -> None:
    """Every row is a real connection; a program in Envoy's place says when it got it."""

    async def work() -> dict[str, str]:
        async with (
            answering("AWS", "127.0.0.1", 18765),
            tasks(docker, tmp_path, ("127.0.0.1", 18765)) as (world, _),
        ):
            await world.start("one", app(variables={"VERSION": "one", "PORTS": "8080,8081"}))
            await world.start("two", app(variables={"VERSION": "two"}))
            await world.up("one", "two")
            one, two = world.address("one"), world.address("two")
            catcher = {"PORTS": "15000,15001", "VERSION": "CAUGHT"}
            plain = {"PORTS": "8080,8082", "VERSION": "app"}
            await world.start(
                "meshed",
                app("p", variables=catcher, user="1337"),
                app(variables=plain),
                app("same", variables={"PORTS": "8083"}, user="1337"),
                app("group", variables={"PORTS": "8084"}, user="5:6"),
                **proxied(EgressIgnoredPorts="8081", EgressIgnoredIPs=two, IgnoredGID="6"),
            )
            await world.up("meshed")

            async def asked(path: str, port: int) -> str:
                return (await world.get("meshed", path, port)).rpartition("\r\n")[2]

            assert "APPMESH" not in await asyncio.to_thread(host_rules)
            return {
                "in to an AppPort": await asked("/", 8080),
                "in to another port": await asked("/", 8082),
                "out by the application": await asked(f"/connect/{one}/8080", 8082),
                "out by IgnoredUID": await asked(f"/connect/{one}/8080", 8083),
                "out by IgnoredGID": await asked(f"/connect/{one}/8080", 8084),
                "out to an ignored port": await asked(f"/connect/{one}/8081", 8082),
                "out to an ignored address": await asked(f"/connect/{two}/8080", 8082),
                "to its own localhost": await asked("/connect/127.0.0.1/8080", 8082),
                "to its own address": await asked("/connect/localhost/8080", 8082),
                "to the endpoints of ECS": await asked("/connect/169.254.170.2/80", 8082),
            }

    assert asyncio.run(work()) == {
        "in to an AppPort": "VERSION CAUGHT",
        "in to another port": "VERSION app",
        "out by the application": "VERSION CAUGHT",
        "out by IgnoredUID": "VERSION one",
        "out by IgnoredGID": "VERSION one",
        "out to an ignored port": "VERSION one",
        "out to an ignored address": "VERSION two",
        "to its own localhost": "VERSION app",
        "to its own address": "VERSION app",
        "to the endpoints of ECS": "AWS",
    }


def host_rules() -> str:
    """The packet filter rules of this machine itself."""
    done = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True)
    return done.stdout


def test_task_definitions_mean_what_they_say(docker: Podman, tmp_path: Path) -> None:
    python = json.loads(docker.run("image", "inspect", IMAGE))[0]["Config"]["Entrypoint"][0]
    write = "import os; open('/data/made', 'w').write(str(os.getuid())); print('made it')"
    look = "import os; raise SystemExit(open('/in/made').read() != '7')"
    mount = {"sourceVolume": "shared", "containerPath": "/data"}
    first = app("first", essential=False, user="7", mountPoints=[mount])
    first |= {"entryPoint": [python, "-c"], "command": [write]}
    second = app(
        variables={"VERSION": "x"},
        user="1000:1000",
        dependsOn=[{"containerName": "first", "condition": "SUCCESS"}],
        mountPoints=[{**mount, "containerPath": "/in", "readOnly": True}],
        healthCheck={"command": ["CMD", python, "-c", look], "interval": 5},
        cpu=128,
        memory=256,
        memoryReservation=64,
        # Podman's own default for nproc may be more than this machine's hard limit.
        ulimits=[
            {"name": "nofile", "softLimit": 512, "hardLimit": 1024},
            {"name": "nproc", "softLimit": 100, "hardLimit": 100},
        ],
    )

    shell = '[ "$VERSION" = y ] && [ $(echo "$PWD") = /proc ]'
    third = app(
        "third",
        variables={"VERSION": "y", "PORTS": "8081"},
        workingDirectory="/proc",
        healthCheck={"command": ["CMD-SHELL", shell], "interval": 5},
    )

    async def work() -> Mapping[str, Any]:
        async with tasks(docker, tmp_path) as (world, _):
            shared = [{"name": "shared", "host": {}}]
            await world.start("web", first, second, third, volumes=shared, cpu="256")
            await world.up("web")
            assert await world.get("web", "/") == "VERSION x"
            task = world.task("web")
            assert task["healthStatus"] == "HEALTHY"
            name = next(n for n in names(docker) if n.endswith("-app"))
            log = tmp_path / "tasks" / task["taskArn"].rpartition("/")[2] / "first" / "log"
            assert log.read_text() == "made it\n"
            inspected: Mapping[str, Any] = json.loads(docker.run("inspect", name))[0]
            return inspected

    shown = asyncio.run(work())
    host = shown["HostConfig"]
    assert shown["Config"]["User"] == "1000:1000"
    assert (host["Memory"], host["MemoryReservation"], host["CpuShares"]) == (
        256 << 20,
        64 << 20,
        248,  # of the task's 256, as those of the others count as 2
    )
    limits = {u["Name"].upper().removeprefix("RLIMIT_"): u for u in host["Ulimits"]}
    assert (limits["NOFILE"]["Soft"], limits["NOFILE"]["Hard"]) == (512, 1024)
    # The engine has stopped the tasks and left nothing of them.
    assert names(docker) == []


def test_both_runtimes_and_two_control_planes_on_one_docker(docker: Podman, tmp_path: Path) -> None:
    async def work() -> None:
        async with tasks(docker, tmp_path / "one", mode="auto") as (one, _):
            await one.documents.images(web="version=1")
            await one.start("process", web())
            await one.start("boxed", app(variables={"VERSION": "boxed"}))
            await one.up("process", "boxed")
            assert ("pid" in one.task("process")["teal"], "pid" in one.task("boxed")["teal"]) == (
                False,
                True,
            )
            assert await one.get("process", "/") == "1"
            async with tasks(docker, tmp_path / "two") as (two, _):
                await two.start("boxed", app(variables={"VERSION": "other"}))
                await two.up("boxed")
                assert await two.get("boxed", "/") == "VERSION other"
                assert len(names(docker)) == 4
                assert docker.run("ps", "--format", "{{.Ports}}").strip() == ""
            # The other's end took its own along and nothing else.
            assert await one.get("boxed", "/") == "VERSION boxed"
            assert len(names(docker)) == 2

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    asyncio.run(work())
    assert names(docker) == []
    assert "tealmesh-" not in docker.run("network", "ls", "--quiet")


def test_an_image_is_pulled_with_progress(
    docker: Podman, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tealmesh")
    image = f"127.0.0.1:{docker.registry}/team/small:1"

    async def small() -> None:
        await make_pause(api := DockerApi(docker.socket))
        await api.close()

    async def work() -> None:
        async with tasks(docker, tmp_path) as (world, _):
            await world.start("web", {"name": "app", "image": image, "stopTimeout": 1})
            await world.up("web")
            events = world.documents.events("web")
            assert any(f"pulls image {image}: the control plane's log" in e for e in events)

    asyncio.run(small())
    with registry(docker, PAUSE_IMAGE, tmp_path / "pushed"):
        asyncio.run(work())
    progress = [m for m in caplog.messages if m.startswith(f"pulling image {image}: ")]
    assert any(line.endswith("Download complete") for line in progress), progress


@contextlib.contextmanager
def registry(docker: Podman, image: str, directory: Path) -> Iterator[None]:
    """A registry at Podman's port that has this image under every name
    (https://github.com/opencontainers/distribution-spec/blob/main/spec.md).
    """
    docker.run("push", image, f"dir:{directory}")

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, _, last = self.path.rpartition("/")
            blob = "/blobs/" in self.path
            name = last.removeprefix("sha256:") if blob else "manifest.json"
            body = (directory / name).read_bytes() if last else b"{}"
            self.send_response(200)
            self.send_header("content-type", "application/octet-stream" if blob else _MANIFEST)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - as http.server calls it

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", docker.registry), Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
