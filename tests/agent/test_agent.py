"""The agent as a program, with a real Envoy and a real control plane."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tealmesh.agent import settings
from tealmesh.model.identity.issued import TaskKeys
from tests.support.machine import free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.backend import Seen, backend
from tests.support.programs.envoy import loopback
from tests.support.waiting import until

ROLE = "arn:aws:iam::123456789012:role/web"
NODE = "mesh/m/virtualNode/web"
APP, BOUND = loopback(75), loopback(76)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("plane")) as started:
        iam, appmesh = started.client("iam"), started.client("appmesh")
        iam.create_role(RoleName="web", AssumeRolePolicyDocument="{}")
        action = "appmesh:StreamAggregatedResources"
        statement = {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:appmesh:*:*:{NODE}"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=document)
        appmesh.create_mesh(meshName="m")
        listener = {"portMapping": {"port": 8080, "protocol": "http"}}
        spec = {"listeners": [listener], "serviceDiscovery": {"dns": {"hostname": BOUND}}}
        appmesh.create_virtual_node(meshName="m", virtualNodeName="web", spec=spec)
        yield started


def environment(plane: ControlPlane, directory: Path) -> dict[str, str]:
    """As a task with this role has it."""
    master = (plane.directory / "data" / "task-keys").read_text()
    made = plane.client("iam").get_role(RoleName="web")["Role"]["RoleId"]
    key = TaskKeys(master).issue("ASIAEXAMPLEEXAMPLE01", ROLE, "laptop", time.time() + 3600, made)
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "AWS_ACCESS_KEY_ID": key.key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_SESSION_TOKEN": key.token,
        "AWS_REGION": "us-east-1",
        "APPMESH_RESOURCE_ARN": f"arn:aws:appmesh:us-east-1:123456789012:{NODE}",
        "APPMESH_XDS_ENDPOINT": f"127.0.0.1:{plane.xds_port}",
        "APPNET_AGENT_HTTP_PORT": str(free_port()),
        "ENVOY_ADMIN_ACCESS_PORT": str(free_port()),
        "ENVOY_CONCURRENCY": "1",
        "TEAL_ENVOY_ADDRESS": BOUND,
        "TEAL_ENVOY_DIRECTORY": str(directory),
        "TEAL_STS_ENDPOINT": plane.endpoint,
    }


def agent(*words: str) -> list[str]:
    return [sys.executable, "-m", "tealmesh.agent", *words]


@contextmanager
def running(given: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as written:
        process = subprocess.Popen(agent(), env=given, stdout=written, stderr=written)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def asked(given: Mapping[str, str], target: str, method: str = "GET", **headers: str) -> Any:
    """Status and text of the agent's answer; 0 for none."""
    url = f"http://127.0.0.1:{given['APPNET_AGENT_HTTP_PORT']}{target}"
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def children(process: subprocess.Popen[bytes]) -> list[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(one) for one in text.split()]


@pytest.mark.timeout(180)
def test_it_runs_envoy_with_the_role_of_its_task(plane: ControlPlane, tmp_path: Path) -> None:
    directory, log = tmp_path / "own", tmp_path / "log"
    directory.mkdir(mode=0o700)
    given = environment(plane, directory)
    given |= {"APPNET_ENVOY_RESTART_COUNT": "1", "ENABLE_STATS_SNAPSHOT": "true"}
    with backend("app", "127.0.0.1", 8080), running(given, log) as process:
        until(lambda: asked(given, "/health")[0] == 200, log.read_text, seconds=60)
        (shown,) = json.loads(plane.teal("envoys", "--json").stdout)
        assert (shown["connected"], shown["id"]) == (True, "web/laptop")
        status = json.loads(asked(given, "/status")[1])
        assert status["envoyConnectivityState"] == "CONNECTED"
        assert (status["healthStatus"], status["envoyRestartCount"]) == ("HEALTHY", 0)
        done = subprocess.run(agent("health"), env=given, capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (0, b"HEALTHY\n")
        with urllib.request.urlopen(f"http://{BOUND}:8080/", timeout=10) as answer:
            assert answer.status == 200

        # What it keeps is its own, and holds no key of the role's.
        for name in (settings.BOOTSTRAP, settings.IDENTITY, settings.LAUNCH):
            assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
            assert given["AWS_SECRET_ACCESS_KEY"] not in (directory / name).read_text()
        for name in (settings.ADMIN_SOCKET, settings.PLANE_SOCKET):
            assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
        assert "teal-sts1" not in (directory / settings.BOOTSTRAP).read_text()
        questions = f"http://127.0.0.1:{given['ENVOY_ADMIN_ACCESS_PORT']}"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{questions}/config_dump", timeout=10)

        # What it answers besides.
        assert "envoy_cluster" in asked(given, "/stats/prometheus")[1]
        assert asked(given, "/enableLogging?level=debug", "POST")[0] == 200
        assert asked(given, "/enableLogging?level=loud", "POST")[0] == 400
        assert asked(given, "/drain")[0] == 405
        assert asked(given, "/drain", "POST", Origin="http://a.example")[0] == 403

        # An Envoy that is killed is started again, as often as allowed.
        (envoy,) = children(process)
        os.kill(envoy, signal.SIGKILL)
        until(lambda: bool(children(process)) and children(process) != [envoy], log.read_text)
        until(lambda: asked(given, "/health")[0] == 200, log.read_text)
        assert json.loads(asked(given, "/status")[1])["envoyRestartCount"] == 1
        (envoy,) = children(process)
        os.kill(envoy, signal.SIGKILL)
        assert process.wait(30) == 128 + signal.SIGKILL
    text = log.read_text()
    assert "ENABLE_STATS_SNAPSHOT is not kept" in text
    assert "Envoy has ended with exit code 137" in text


@pytest.mark.timeout(180)
def test_a_request_under_way_ends_before_envoy_does(plane: ControlPlane, tmp_path: Path) -> None:
    log = tmp_path / "log"
    given = environment(plane, tmp_path / "own")
    may_answer = threading.Event()

    def answer(_: Seen) -> tuple[int, float]:
        may_answer.wait(60)
        return 200, 0.0

    with backend("app", "127.0.0.1", 8080) as app, running(given, log) as process:
        until(lambda: asked(given, "/health")[0] == 200, log.read_text, seconds=60)
        waiting = subprocess.Popen(agent("drain"), env=given, stderr=subprocess.PIPE)
        assert waiting.stderr is not None
        assert b"waits until the task is stopped" in waiting.stderr.readline()
        app.answer = answer
        slow = subprocess.Popen(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://{BOUND}:8080/"],
            stdout=subprocess.PIPE,
        )
        until(lambda: len(app.seen) == 1, log.read_text)
        process.terminate()
        until(lambda: json.loads(asked(given, "/status")[1])["draining"], log.read_text)
        assert process.poll() is None
        waiting.terminate()
        may_answer.set()
        out, _ = slow.communicate(timeout=30)
        assert out == b"200"
        assert process.wait(60) == 0
        _, said = waiting.communicate(timeout=30)
        assert b'"drained": true' in said, said
        assert waiting.returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("APPMESH_XDS_ENDPOINT", "", "APPMESH_XDS_ENDPOINT is not set: must be HOST:PORT"),
        (
            "APPMESH_XDS_ENDPOINT",
            "appmesh-envoy-management.us-east-1.amazonaws.com:443",
            "App Mesh's is gone",
        ),
        ("APPMESH_RESOURCE_ARN", "web", "APPMESH_RESOURCE_ARN = 'web': must be mesh/MESH/"),
        ("LISTENER_DRAIN_WAIT_TIME_S", "200", "must be a number from 5 to 110"),
        ("TEAL_XDS_CA", "/none", "must be system, a PEM file, or PEM text"),
        ("ENVOY_CONFIG_FILE", "/none.yaml", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, name: str, value: str, said: str) -> None:
    given = {
        "PATH": os.environ["PATH"],
        "APPMESH_RESOURCE_ARN": NODE,
        "APPMESH_XDS_ENDPOINT": "127.0.0.1:9",
        "APPNET_AGENT_HTTP_PORT": str(free_port()),
        "TEAL_ENVOY_DIRECTORY": str(tmp_path / "own"),
        name: value,
    }
    done = subprocess.run(agent(), env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.startswith("teal-envoy: ")
    assert done.stderr.count("\n") == 1
