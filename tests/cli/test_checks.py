"""`teal doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tealmesh.cli.checks import check_containers
from tealmesh.engine.runtimes.docker.network import netns
from tests.cli.command_line import STATUS, teal
from tests.cli.teal_api import TealApi

OTHERS = "wrong tasks without a control plane: "
"""Said of the engines of other tests on this machine, which run beside."""


def wrong(said: str) -> list[str]:
    """What `teal doctor` finds wrong, but for what other tests run."""
    return [
        line
        for line in said.splitlines()
        if line.startswith("wrong ") and not line.startswith(OTHERS)
    ]


def test_doctor(api: TealApi, tmp_path: Path) -> None:
    api.operations["ListEnvoys"] = lambda _: {
        "envoys": [{"id": "1", "resource": "r", "connected": True}]
    }
    converged = {"mesh": "shop", "revision": 7, "converged": True, "expected": 1, "acknowledged": 1}
    api.operations["GetConvergence"] = lambda _: converged
    done = teal("doctor", "--data-dir", str(tmp_path), endpoint=api.endpoint)
    assert done.returncode == 0 or OTHERS in done.stdout
    assert not wrong(done.stdout), done.stdout
    assert "ok    envoy: 1." in done.stdout
    assert "ok    mesh shop: 1 Envoy connected" in done.stdout
    assert "cloud map clients: " in done.stdout
    assert "AWS_DISABLE_HOST_PREFIX_INJECTION" in done.stdout
    short = {**STATUS["services"][0]["sides"][0], "healthy": 1}  # type: ignore[index]
    service = {**STATUS["services"][0], "sides": [short]}  # type: ignore[index,dict-item]
    assert "ok    service web: " in done.stdout
    assert "ok    gateway edge: " in done.stdout
    api.operations["GetStatus"] = lambda _: {**STATUS, "services": [service]}
    done = teal("doctor", "--data-dir", str(tmp_path), endpoint=api.endpoint)
    assert done.returncode == 1
    assert "wrong service web: 1 of 3 tasks of blue are healthy: see `teal logs web`" in done.stdout


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (
            {"pid": 4_000_000, "engine": False, "runtime": "tasks of ECS at AWS, eu-central-1"},
            "AWS",
        ),
        ({}, "tasks run where it is"),
    ],
    ids=["teal serve", "on another machine"],
)
def test_this_machine_is_left_out_where_no_tasks_run_on_it(
    health: dict[str, object], said: str, api: TealApi
) -> None:
    api.operations["GetStatus"] = lambda _: {**STATUS, "services": [], "gateways": [], "meshes": []}
    api.health = {"status": "ok", "version": "9", "revision": 7, **health}
    done = teal("doctor", "--json", endpoint=api.endpoint)
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert list(found) == ["python", "this machine", "control plane", "readiness"]
    assert said in found["this machine"]["detail"]
    assert ("process" in found["control plane"]["detail"]) == ("pid" in health)
    assert done.returncode == 0
    api.ready = {"status": "not ready", "reasons": ["the database is away"], "warnings": ["full"]}
    done = teal("doctor", endpoint=api.endpoint)
    assert "wrong readiness: not ready: the database is away\n" in done.stdout
    assert "wrong readiness: full\n" in done.stdout
    assert done.returncode == 1


def test_doctor_names_members_without_effect(api: TealApi, tmp_path: Path) -> None:
    disconnected = {"id": "1", "resource": "r", "connected": False}
    api.operations["ListEnvoys"] = lambda _: {"envoys": [disconnected]}
    api.operations["ListMembersWithoutEffect"] = lambda _: {
        "members": [
            {"resource": f"service/shop/s{n}", "member": "placementStrategy", "reason": "one"}
            for n in range(5)
        ]
    }
    done = teal("doctor", "--data-dir", str(tmp_path), endpoint=api.endpoint)
    assert done.returncode == 0 or OTHERS in done.stdout
    assert not wrong(done.stdout), done.stdout
    text = " ".join(done.stdout.split())
    services = "service/shop/s0, service/shop/s1, service/shop/s2 and 2 more"
    assert f"note without effect: placementStrategy of {services}: one" in text


def test_doctor_sees_what_others_made(api: TealApi, tmp_path: Path) -> None:
    node = {"virtualNode": "ledger", "running": 0, "desired": 1, "healthy": 0, "reason": "exit 1"}
    batch = {"name": "batch", "cluster": "jobs", "running": 1, "desired": 2}
    api.operations["GetStatus"] = lambda _: {
        "revision": 7,
        "services": [],
        "gateways": [],
        "meshes": [{"name": "bank", "envoys": 1, "connected": 1, "rejected": 0}],
        "virtualServices": [{"name": "ledger.local", "mesh": "bank", "nodes": [node]}],
        "ecsServices": [batch],
    }
    identity = "arn:aws:ecs:us-east-1:123456789012:task/c/39bfa63b45624ab19dec"
    envoy = {"id": identity, "resource": "mesh/bank/virtualNode/ledger", "connected": True}
    api.operations["ListEnvoys"] = lambda _: {"envoys": [envoy]}
    api.operations["GetConvergence"] = lambda _: {
        "mesh": "bank",
        "revision": 7,
        "converged": False,
        "expected": 1,
        "acknowledged": 0,
        "waiting": [identity],
    }
    done = teal("doctor", "--data-dir", str(tmp_path), endpoint=api.endpoint)
    assert done.returncode == 1
    for line in (
        "wrong virtual service ledger.local: 0 of 1 tasks are healthy: exit 1",
        "wrong ECS service jobs/batch: 1 of 2 tasks are running: see `teal logs jobs/batch`",
        "note  mesh bank: without the newest configuration so far: ledger 39bfa63b",
    ):
        assert line in done.stdout


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"DOCKER_HOST": "unix:///nowhere"},
            "at /nowhere does not answer (ConnectError): start ",
        ),
        (
            {"DOCKER_HOST": "tcp://h:2375"},
            "DOCKER_HOST=tcp://h:2375 is not a socket of this mach",
        ),
        ({"PATH": ""}, "nsenter, iptables-restore, ip not on PATH: install"),
    ],
)
def test_doctor_says_why_tasks_cannot_run_in_containers(
    changed: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    check = check_containers()
    assert (check.name, check.verdict) == ("containers", "note")
    assert "tasks run as processes only: " in check.detail
    # Root and the tools are checked before Docker.
    assert (netns.missing() or expected) in check.detail
