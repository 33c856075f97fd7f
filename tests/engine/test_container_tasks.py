"""Tasks on a real engine: what definitions say, which packets Envoy's ports get, and faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.container_tasks import IMAGE, app, names, proxied, tasks
from tests.support.load import answering
from tests.support.podman import Podman, needs_engine

pytestmark = needs_engine


def test_which_packets_are_taken(engine: Podman, tmp_path: Path) -> None:
    """Every row is a real connection; a program in Envoy's place says when it got it."""

    async def work() -> dict[str, str]:
        async with (
            answering("AWS", "127.0.0.1", 18765),
            tasks(engine, tmp_path, ("127.0.0.1", 18765)) as (world, _),
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


def test_task_definitions_mean_what_they_say(engine: Podman, tmp_path: Path) -> None:
    python = json.loads(engine.run("image", "inspect", IMAGE))[0]["Config"]["Entrypoint"][0]
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

    async def work() -> Mapping[str, Any]:
        async with tasks(engine, tmp_path) as (world, _):
            await world.start("web", first, second, volumes=[{"name": "shared", "host": {}}])
            await world.up("web")
            assert await world.get("web", "/") == "VERSION x"
            task = world.task("web")
            assert task["healthStatus"] == "HEALTHY"
            name = next(n for n in names(engine) if n.endswith("-app"))
            log = tmp_path / "tasks" / task["taskArn"].rpartition("/")[2] / "first" / "log"
            assert log.read_text() == "made it\n"
            found: Mapping[str, Any] = json.loads(engine.run("inspect", name))[0]
            return found

    shown = asyncio.run(work())
    host = shown["HostConfig"]
    assert shown["Config"]["User"] == "1000:1000"
    assert (host["Memory"], host["MemoryReservation"], host["CpuShares"]) == (
        256 << 20,
        64 << 20,
        128,
    )
    limits = {u["Name"].upper().removeprefix("RLIMIT_"): u for u in host["Ulimits"]}
    assert (limits["NOFILE"]["Soft"], limits["NOFILE"]["Hard"]) == (512, 1024)
    # The engine has ended the tasks, and nothing of them is left.
    assert names(engine) == []
