"""Packet filter rules, hosts files, create calls and the choice of runtime: the pure parts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.engine.runtimes.base import TaskSpec
from tealmesh.engine.runtimes.choice import Mode, in_containers
from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.runtimes.docker.api import _refusal, with_tag
from tealmesh.engine.runtimes.docker.definition import (
    ContainerSpec,
    ImageSpec,
    create_body,
    limits,
    mounts,
)
from tealmesh.engine.runtimes.docker.images import libraries
from tealmesh.engine.runtimes.docker.network.hosts import VIRTUAL_ADDRESS, hosts_text, padded
from tealmesh.engine.runtimes.docker.network.resolver import others, resolv_text
from tealmesh.engine.runtimes.docker.network.rules import redirection, restore_text
from tealmesh.model.ecs.images import ImageBody
from tealmesh.model.errors import EngineError


def proxy(**properties: str) -> dict[str, object]:
    pairs = [{"name": name, "value": value} for name, value in properties.items()]
    return {"proxyConfiguration": {"containerName": "envoy", "properties": pairs}}


def test_rules_ignore_before_they_redirect() -> None:
    wanted = redirection(
        proxy(
            AppPorts="8080, 8081",
            ProxyIngressPort="15000",
            ProxyEgressPort="15001",
            IgnoredUID="1337",
            EgressIgnoredPorts="22",
            EgressIgnoredIPs="10.0.0.1,fd00::1,10.1.0.0/16,169.254.170.2",
        )
    )
    assert wanted is not None
    egress = [line for line in restore_text(wanted).splitlines() if "-A APPMESH_EGRESS" in line]
    assert egress == [
        "-A APPMESH_EGRESS -m owner --uid-owner 1337 -j RETURN",
        "-A APPMESH_EGRESS -p tcp -m tcp --dport 22 -j RETURN",
        "-A APPMESH_EGRESS -d 10.0.0.1 -p tcp -j RETURN",
        "-A APPMESH_EGRESS -d 10.1.0.0/16 -p tcp -j RETURN",
        "-A APPMESH_EGRESS -d 169.254.170.2 -p tcp -j RETURN",
        "-A APPMESH_EGRESS -d 169.254.169.254 -p tcp -j RETURN",
        "-A APPMESH_EGRESS -p tcp -j REDIRECT --to-ports 15001",
    ]
    ingress = [line for line in restore_text(wanted).splitlines() if "-A APPMESH_INGRESS" in line]
    assert [line.split()[7] for line in ingress] == ["8080", "8081"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web", "web:latest"),
        ("h:5000/team/web", "h:5000/team/web:latest"),
        ("h:5000/team/web:1", "h:5000/team/web:1"),
        ("team/web@sha256:ab", "team/web@sha256:ab"),
    ],
)
def test_one_tag_is_pulled(name: str, expected: str) -> None:
    assert with_tag(name) == expected


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (500, "container ab does not exist in database: no such container", 404),
        (500, "the disk is full", 500),
        (409, "container ab is not running", 409),
    ],
)
def test_a_container_that_is_being_removed_is_not_there(
    status: int, message: str, expected: int
) -> None:
    """Podman 4 answers 500 until the removal is done, and 404 from then on."""
    assert _refusal(status, json.dumps({"message": message}).encode()).status == expected


def test_the_name_servers_of_a_task() -> None:
    made = resolv_text("search x\nnameserver 10.0.0.1\nnameserver fd00::1\noptions ndots:2\n")
    assert made.splitlines()[0] == "nameserver 169.254.169.253"
    assert made.endswith("options ndots:2\n")
    assert others(made) == ["10.0.0.1"]


def test_no_proxy_configuration_redirects_nothing() -> None:
    assert redirection({}) is None


def test_virtual_services_do_not_move_while_instances_come_and_go() -> None:
    before = hosts_text(["me"], "10.0.0.2", ["b.local", "a.local"], {"web.local": ["10.0.0.9"]})
    after = hosts_text(["me"], "10.0.0.2", ["a.local", "b.local"], {"web.local": []})
    assert before == (
        "127.0.0.1 localhost\n10.0.0.2 me\n"
        f"{VIRTUAL_ADDRESS} a.local\n{VIRTUAL_ADDRESS} b.local\n10.0.0.9 web.local\n"
    )
    assert before.startswith(after)


@given(st.text(alphabet="ab.\n", max_size=9000), st.integers(0, 20000))
def test_a_hosts_file_never_gets_shorter(text: str, least: int) -> None:
    made = padded(text, least)
    assert len(made) >= least
    assert made.startswith(text.encode())
    assert made[len(text) :].strip(b"\n") == b""
    assert made.endswith(b"\n")


@pytest.mark.parametrize(
    ("mode", "docker", "local", "published", "expected"),
    [
        ("auto", True, False, False, True),
        ("auto", True, True, False, False),  # the image map has a command
        ("auto", False, False, False, False),  # no Docker
        ("process", True, False, False, False),
        ("container", True, True, False, True),
        ("container", True, True, True, False),  # a port of this machine is shared
    ],
)
def test_the_choice_of_runtime(
    mode: Mode, docker: bool, local: bool, published: bool, expected: bool
) -> None:
    environment = {"TEAL_PUBLISH_ADDRESS": "127.0.0.1"} if published else {}
    app = Container("app", "team/app:1", Role.APPLICATION, environment=environment)
    pattern = "team/*" if local else "other/*"
    image: ImageBody = {"pattern": pattern, "command": ["app"], "cwd": "", "environment": {}}
    task = TaskSpec("arn", Path("t"), {"containerDefinitions": []}, [app], [image])
    assert in_containers(mode, docker, task) is expected


def test_limits_of_a_container() -> None:
    assert limits({"memory": 128, "memoryReservation": 64, "cpu": 0}, {"memory": "512"}) == {
        "Memory": 128 << 20,
        "MemorySwap": 128 << 20,
        "MemoryReservation": 64 << 20,
    }
    assert limits({}, {"memory": "512"})["Memory"] == 512 << 20
    assert limits({}, {}) == {}
    assert limits({"cpu": 32}, {}) == {"CpuShares": 32}


@given(st.integers(256, 16384), st.lists(st.integers(0, 1024), min_size=1, max_size=5))
def test_containers_of_a_task_share_its_cpu_as_they_ask_for_it(whole: int, own: list[int]) -> None:
    bodies = [{"cpu": one} for one in own]
    task = {"cpu": str(whole), "containerDefinitions": bodies}
    shares = [limits(one, task)["CpuShares"] for one in bodies]
    assert sum(shares) <= whole + 2 * len(own)
    assert sum(shares) >= whole - len(own)
    assert [b for _, b in sorted(zip(own, shares, strict=True))] == sorted(shares)


def test_the_envoy_of_a_small_reservation_has_what_its_task_has() -> None:
    """Beside the containers of other tasks, 32 shares would be next to nothing."""
    envoy, app = {"cpu": 32}, {}
    task = {"cpu": "512", "containerDefinitions": [app, envoy]}
    assert (limits(app, task)["CpuShares"], limits(envoy, task)["CpuShares"]) == (30, 481)


def test_volumes_are_the_tasks_own_unless_they_name_a_path() -> None:
    points = [
        {"sourceVolume": "own", "containerPath": "/own"},
        {"sourceVolume": "host", "containerPath": "/host", "readOnly": True},
    ]
    volumes = [{"name": "own"}, {"name": "host", "host": {"sourcePath": "/srv"}}]
    allowed = [Path("/srv")]
    assert mounts({"volumes": volumes}, {"mountPoints": points}, Path("/tasks/1"), allowed) == (
        ("/tasks/1/task.volumes/own", "/own", False),
        ("/srv", "/host", True),
    )
    efs = [{"name": "own", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]
    with pytest.raises(EngineError, match="volume own: a file system of AWS cannot be mounted"):
        mounts({"volumes": efs}, {"mountPoints": points[:1]}, Path("/tasks/1"))


@pytest.mark.parametrize(
    ("source", "fits"),
    [("", True), ("/part/of", True), ("/..", False), ("-other", False), ("/link", False)],
)
def test_host_paths_are_those_that_the_owner_allows(
    tmp_path: Path, source: str, fits: bool
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "link").symlink_to("/etc")
    volumes = [{"name": "v", "host": {"sourcePath": f"{own}{source}"}}]
    points = [{"sourceVolume": "v", "containerPath": "/v"}]
    given = {"volumes": volumes}, {"mountPoints": points}, Path("/tasks/1")
    if fits:
        assert mounts(*given, [own]) == ((f"{own}{source}", "/v", False),)
        with pytest.raises(EngineError, match="allows \\(none\\): start with `teal up --allow-"):
            mounts(*given)
    else:
        with pytest.raises(EngineError, match="is not in a directory that the owner"):
            mounts(*given, [own])


def test_a_volume_of_an_older_version_stays_in_its_task() -> None:
    volumes = [{"name": "../../x"}]
    points = [{"sourceVolume": "../../x", "containerPath": "/v"}]
    with pytest.raises(EngineError, match="must not have a slash"):
        mounts({"volumes": volumes}, {"mountPoints": points}, Path("/tasks/1"))


def test_what_a_definition_leaves_out_is_left_to_the_image() -> None:
    image = ImageSpec("team/app:1")
    spec = ContainerSpec(Path("/tasks/1"), "app", image)
    body = create_body(spec, image, "pause", {})
    assert not {"Entrypoint", "Cmd", "User", "WorkingDir"} & body.keys()
    assert body["HostConfig"]["NetworkMode"] == "container:pause"


@pytest.mark.skipif(shutil.which("ldd") is None, reason="ldd is not on PATH")
def test_a_file_that_is_no_program_has_no_libraries(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh\n")
    assert libraries(tmp_path / "text") == []
