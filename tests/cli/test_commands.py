"""The commands against a server that speaks the API: what they ask, print and exit with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tealmesh.cli.checks import check_containers
from tealmesh.engine.runtimes.docker import netns
from tests.cli.teal_api import Refused, TealApi, teal_api
from tests.support.machine import BIN, free_port

TEAL_TOML = """
[mesh]
name = "shop"
[services.web]
port = 8080
image = "x/web:1"
"""

DEPLOYMENT = {
    "deploymentId": "d1",
    "service": "web",
    "mesh": "shop",
    "strategy": "canary",
    "steps": [10, 100],
    "step": 1,
    "oldImage": "x/web:1",
    "newImage": "x/web:2",
    "oldSide": "blue",
    "newSide": "green",
    "phase": "CLEAN_UP",
    "status": "SUCCESSFUL",
    "createdAt": 1000.0,
    "finishedAt": 1012.5,
    "evidence": [
        {
            "step": 0,
            "weights": {"blue": 90, "green": 10},
            "expectedShare": 0.1,
            "share": 0.1012,
            "requests": 1234,
            "failures": 3,
            "propagationSeconds": 0.0123,
            "startedAt": 1001.0,
            "finishedAt": 1006.0,
            "verdicts": [{"gate": "success-rate", "verdict": "PASS", "detail": "3 of 1234"}],
        }
    ],
}

STATUS = {
    "revision": 7,
    "services": [
        {
            "name": "web",
            "mesh": "shop",
            "hostname": "web.shop.local",
            "port": 8080,
            "image": "registry:5000/x/web:1",
            "sides": [
                {
                    "side": "blue",
                    "image": "x/web:1",
                    "weight": 1,
                    "share": 1.0,
                    "running": 3,
                    "desired": 3,
                    "healthy": 3,
                    "requests": 1000,
                    "errors": 2,
                    "p50": 1.25,
                    "p99": 123.4,
                },
                {"side": "green", "weight": 0, "running": 0, "desired": 0, "healthy": 0},
            ],
            "deployment": DEPLOYMENT,
        }
    ],
    "gateways": [
        {"name": "edge", "mesh": "shop", "address": "127.0.0.1", "port": 9080, "running": 1}
    ],
}


@pytest.fixture
def api() -> Iterator[TealApi]:
    with teal_api() as server:
        server.operations["GetStatus"] = lambda _: STATUS
        yield server


def teal(
    *arguments: str, endpoint: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "TEAL_ENDPOINT"}
    if endpoint:
        environment["TEAL_ENDPOINT"] = endpoint
    return subprocess.run(
        [str(BIN / "teal"), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=cwd,
        timeout=60,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], told: str, code: int = 1) -> None:
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_help_imports_little() -> None:
    program = """
import sys
sys.argv = ["teal", "--help"]
from tealmesh.cli.main import main
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
heavy = ["rich", "tealmesh.app", "grpc", "botocore", "httpx", "sqlalchemy", "starlette", "asyncio"]
sys.exit(", ".join(name for name in heavy if name in sys.modules) or None)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for command in ("up", "down", "apply", "deploy", "status", "rollback", "logs", "demo"):
        assert f"\n  {command} " in done.stdout


def test_no_control_plane() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    for command in (["status"], ["down"], ["deploy", "web", "--image", "x"], ["envoys"]):
        done = teal(*command, endpoint=endpoint)
        assert_one_line(done, f"no control plane answers at {endpoint}: start one with `teal up`")


def test_the_option_beats_the_variable(api: TealApi) -> None:
    done = teal("status", "--endpoint", api.endpoint, endpoint="http://127.0.0.1:1")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("endpoint", ["ftp://127.0.0.1", "http://", "http://x:y", "http://x:99999"])
def test_an_endpoint_that_is_none(endpoint: str) -> None:
    assert_one_line(teal("status", "--endpoint", endpoint), "must be an address such as")


def test_what_answers_is_not_tealmesh(api: TealApi) -> None:
    api.health = ["hello"]
    assert_one_line(teal("down", endpoint=api.endpoint), "is not a Tealmesh control plane")
    api.content_type = "application/json"
    assert_one_line(teal("status", endpoint=api.endpoint), "is not a Tealmesh control plane")


def test_status(api: TealApi) -> None:
    done = teal("status", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert api.requests("GetStatus") == [{"windowSeconds": 10}]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[1] == (
        "web blue x/web:1 1 100.0 % 3/3 100 2 1.2 ms 123 ms".split()  # noqa: SIM905
    )
    assert rows[2][:3] == ["green", "-", "0"]
    assert "web: SUCCESSFUL  x/web:1 → x/web:2 on green" in done.stdout
    assert "gateway edge  http://127.0.0.1:9080/" in done.stdout
    assert "\x1b" not in done.stdout


def test_status_of_nothing(api: TealApi) -> None:
    api.operations["GetStatus"] = lambda _: {"revision": 0, "services": [], "gateways": []}
    assert "`teal apply`" in teal("status", endpoint=api.endpoint).stdout


def test_status_as_json(api: TealApi) -> None:
    done = teal("status", "--json", "--window", "60", endpoint=api.endpoint)
    assert json.loads(done.stdout) == STATUS
    assert api.requests("GetStatus") == [{"windowSeconds": 60}]


def test_an_error_of_the_api_is_one_line(api: TealApi) -> None:
    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise Refused("ConflictException", "a deployment of web runs already", 409)

    api.operations["Deploy"] = refuse
    done = teal("deploy", "web", "--image", "x/web:2", endpoint=api.endpoint)
    assert_one_line(done, "teal: a deployment of web runs already")


def follow(api: TealApi, final: dict[str, Any]) -> None:
    """A deployment of two transitions that ends as ``final``."""
    entries = [
        {
            "sequence": n,
            "at": 1000.0 + n,
            "transition": name,
            "phase": "SCALE_UP",
            "status": "IN_PROGRESS",
            "message": f"it is {name}",
        }
        for n, name in ((1, "CREATED"), (2, "SCALING_UP"))
    ]
    running = {**final, "status": "IN_PROGRESS", "phase": "SCALE_UP"}
    api.operations["ListJournal"] = lambda body: {
        "deploymentId": "d1",
        "entries": [entry for entry in entries if entry["sequence"] == body["after"] + 1],
    }
    api.operations["Deploy"] = lambda _: {"deployment": running}
    api.operations["Approve"] = lambda _: {"deployment": running}
    api.operations["Rollback"] = lambda _: {"deployment": running}
    api.operations["GetDeployment"] = lambda _: {
        "deployment": final if len(api.requests("ListJournal")) > 2 else running
    }


def test_deploy_follows_to_the_end(api: TealApi) -> None:
    follow(api, DEPLOYMENT)
    done = teal(
        "deploy", "web", "--image", "x/web:2", "--strategy", "canary", "--steps", "10,100",
        endpoint=api.endpoint,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (request,) = api.requests("Deploy")
    token = request.pop("clientToken")
    assert 1 <= len(token) <= 64
    assert request == {
        "service": "web",
        "image": "x/web:2",
        "strategy": "canary",
        "steps": [10, 100],
    }
    assert [body["after"] for body in api.requests("ListJournal")] == [0, 1, 2]
    lines = done.stdout.splitlines()
    assert lines[0].split()[1:] == ["CREATED", "it", "is", "CREATED"]
    assert "10.12 %" in done.stdout
    assert "success-rate: PASS 3 of 1234" in done.stdout
    assert lines[-1].startswith("web: SUCCESSFUL")


def test_deploy_that_is_rolled_back_fails_with_the_reason(api: TealApi) -> None:
    follow(api, {**DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL", "reason": "20 % errors"})
    done = teal("deploy", "web", "--image", "x/web:2", endpoint=api.endpoint)
    assert_one_line(done, "teal: web: deployment d1: ROLLBACK_SUCCESSFUL: 20 % errors")


def test_deploy_of_a_tag_takes_the_present_image(api: TealApi) -> None:
    follow(api, DEPLOYMENT)
    done = teal("deploy", "web", "--image", ":0.2", "--no-follow", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert api.requests("Deploy")[0]["image"] == "registry:5000/x/web:0.2"
    assert api.requests("ListJournal") == []
    assert "IN_PROGRESS" in done.stdout


def test_rollback_of_a_running_deployment_is_done_when_it_is_rolled_back(api: TealApi) -> None:
    follow(api, {**DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL", "reason": "asked for"})
    done = teal("rollback", "web", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr


def test_approve(api: TealApi) -> None:
    follow(api, DEPLOYMENT)
    assert teal("approve", "web", "--no-follow", endpoint=api.endpoint).returncode == 0
    assert api.requests("Approve") == [{"service": "web"}]


@pytest.mark.parametrize("steps", ["", "a", "0,100", "50,10,100", "10"])
def test_steps_that_are_none(api: TealApi, steps: str) -> None:
    done = teal("deploy", "web", "--image", "x", "--steps", steps, endpoint=api.endpoint)
    assert done.returncode == 2
    assert "must be rising percentages from 1 that end with 100" in done.stderr


def test_weights(api: TealApi) -> None:
    api.operations["SetWeights"] = lambda body: {"revision": 9, "weights": body["weights"]}
    seen = {"mesh": "shop", "revision": 9, "converged": True, "expected": 4, "acknowledged": 4}
    api.operations["GetConvergence"] = lambda _: seen
    done = teal("weights", "web", "green=0", "blue=1", endpoint=api.endpoint)
    assert done.stdout == "web: blue=1, green=0 at revision 9; 4 of 4 Envoys have them\n"
    assert api.requests("SetWeights") == [{"service": "web", "weights": {"blue": 1, "green": 0}}]
    assert api.requests("GetConvergence") == [{"mesh": "shop", "revision": 9, "waitSeconds": 15}]
    seen |= {"converged": False, "acknowledged": 3}
    seen["rejected"] = [{"envoy": "e1", "message": "no such cluster"}]
    done = teal("weights", "web", "blue=1", endpoint=api.endpoint)
    assert_one_line(done, "only 3 of 4 Envoys have them; e1: no such cluster")


@pytest.mark.parametrize("weight", ["blue", "blue=", "=1", "blue=-1", "blue=101", "blue=x"])
def test_weights_that_are_none(api: TealApi, weight: str) -> None:
    done = teal("weights", "web", "--", weight, endpoint=api.endpoint)
    assert done.returncode == 2
    assert "must be SIDE=WEIGHT with a weight from 0 to 100" in done.stderr
    assert api.calls == []


def test_history(api: TealApi) -> None:
    entry = {"sequence": 1, "at": 1.0, "transition": "CREATED", "status": "IN_PROGRESS"}
    api.operations["ListDeployments"] = lambda _: {"deployments": [DEPLOYMENT] * 9}
    api.operations["ListJournal"] = lambda _: {"deploymentId": "d1", "entries": [entry]}
    done = teal("history", "-n", "2", endpoint=api.endpoint)
    assert done.stdout.count("SUCCESSFUL") == 2
    assert "CREATED" not in done.stdout
    assert "12.5 s" in done.stdout
    assert api.requests("ListDeployments") == [{"service": "web"}]
    done = teal("history", "web", "--journal", endpoint=api.endpoint)
    assert done.stdout.count("CREATED") == 5
    done = teal("history", "web", "-n", "1", "--json", endpoint=api.endpoint)
    assert json.loads(done.stdout) == [{**DEPLOYMENT, "journal": [entry]}]


def test_events(api: TealApi) -> None:
    event = {"revision": 7, "at": 1.0, "actor": "me", "operation": "appmesh:DeleteRoute"}
    late, early = {**event, "message": "second"}, {**event, "message": "first"}
    api.operations["ListEvents"] = lambda _: {"events": [late, early]}
    lines = teal("events", "-n", "2", endpoint=api.endpoint).stdout.splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "me appmesh:DeleteRoute: first",
        "me appmesh:DeleteRoute: second",
    ]
    done = teal("events", "--all", "--json", endpoint=api.endpoint)
    assert json.loads(done.stdout) == [early, late]
    assert api.requests("ListEvents") == [
        {"limit": 2, "all": False},
        {"limit": 20, "all": True},
    ]


def test_logs(api: TealApi) -> None:
    line = {"task": "arn:aws:ecs:r:1:task/c/0123456789ab", "side": "blue", "container": "app"}
    api.operations["GetLogs"] = lambda _: {"lines": [{**line, "line": "hello"}]}
    done = teal("logs", "web", "--side", "blue", "-n", "5", endpoint=api.endpoint)
    assert done.stdout == "[blue 01234567 app] hello\n"
    assert api.requests("GetLogs") == [{"service": "web", "side": "blue", "lines": 5}]


def test_envoys(api: TealApi) -> None:
    api.operations["ListEnvoys"] = lambda _: {
        "envoys": [
            {"id": "t/1", "resource": "mesh/shop/virtualNode/web-blue", "connected": True},
            {"id": "t/2", "resource": "r2", "connected": False, "message": "bad", "revision": 7},
        ]
    }
    done = teal("envoys", endpoint=api.endpoint)
    assert api.requests("ListEnvoys") == [{"mesh": "shop"}]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[1] == ["mesh/shop/virtualNode/web-blue", "1", "yes", "-"]
    assert rows[2] == ["r2", "2", "no", "7", "bad"]


def test_doctor(api: TealApi, tmp_path: Path) -> None:
    api.operations["ListEnvoys"] = lambda _: {
        "envoys": [{"id": "1", "resource": "r", "connected": True}]
    }
    done = teal("doctor", "--data-dir", str(tmp_path), endpoint=api.endpoint)
    assert done.returncode == 0, done.stdout
    assert "ok    envoy: 1." in done.stdout
    assert "ok    mesh shop: 1 Envoys connected" in done.stdout
    assert "cloud map clients: " in done.stdout
    assert "AWS_DISABLE_HOST_PREFIX_INJECTION" in done.stdout
    short = {**STATUS["services"][0]["sides"][0], "healthy": 1}  # type: ignore[index]
    service = {**STATUS["services"][0], "sides": [short]}  # type: ignore[index,dict-item]
    assert "ok    service web: " in done.stdout
    assert "ok    gateway edge: " in done.stdout
    api.operations["GetStatus"] = lambda _: {**STATUS, "services": [service]}
    done = teal("doctor", "--data-dir", str(tmp_path), endpoint=api.endpoint)
    assert done.returncode == 1
    assert "wrong service web: 1 of 3 tasks of blue healthy: see `teal logs web`" in done.stdout


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"DOCKER_HOST": "unix:///nowhere"},
            "at /nowhere does not answer (ConnectError): start ",
        ),
        (
            {"DOCKER_HOST": "tcp://h:2375"},
            "DOCKER_HOST=tcp://h:2375 is no socket of this mach",
        ),
        ({"PATH": ""}, "nsenter, iptables-restore, ip not on PATH: install"),
    ],
)
def test_doctor_says_what_containers_lack(
    changed: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    found = check_containers()
    assert (found.name, found.verdict) == ("containers", "note")
    assert "tasks run as processes only: " in found.detail
    # Root and the tools are asked for before the engine.
    assert (netns.missing() or expected) in found.detail


def test_usage_errors() -> None:
    for arguments in (["nonsense"], ["deploy", "web"], ["up", "--port", "0"], ["logs"]):
        done = teal(*arguments)
        assert done.returncode == 2, arguments
        assert "Traceback" not in done.stderr
    done = teal("up", "--port", "4000", "--xds-port", "4000")
    assert (done.returncode, "are both 4000" in done.stderr) == (2, True)
    done = teal("up", "--port", "4000", "--dns-port", "4000")
    assert (done.returncode, "--dns-port is 4000" in done.stderr) == (2, True)
