"""`teal rehearse`: what it refuses, what it makes of a teal.toml, and one rehearsal for real."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from tealmesh.cli.rehearse.faults import FAULTS, Wrong
from tealmesh.cli.rehearse.faulty import MARK
from tealmesh.cli.rehearse.stage import Stage
from tealmesh.model.config.parse import parse
from tealmesh.model.errors import TealError
from tests.cli.command_line import teal
from tests.support.machine import BIN, REPOSITORY, free_port
from tests.support.planes.sample import Sample
from tests.support.waiting import until

SAMPLE = REPOSITORY / "examples" / "sample"


def test_what_is_rehearsed_is_the_system_with_free_ports_and_short_times() -> None:
    stage = Stage(SAMPLE / "teal.toml", "web", 2.0)
    text = stage.toml(FAULTS)
    config, original = parse(text), parse((SAMPLE / "teal.toml").read_text())
    assert config.gateways["edge"].port == stage.ports["edge"] != 9080
    strategy = config.services["web"].strategy
    assert (strategy.step_time, strategy.bake_time) == (2.0, 2.0)
    assert strategy.steps == original.services["web"].strategy.steps
    assert config.services["web"].gates == original.services["web"].gates
    assert config.services["front"] == original.services["front"]
    commands = {image.pattern: image.command for image in config.images}
    for fault in FAULTS:
        assert commands[stage.faulty_image(fault)][-4:] == ("python3", "app.py", "--version", "1")
    assert tomllib.loads(text).keys() >= {"mesh", "services", "gateways", "images"}


@pytest.mark.parametrize(
    ("service", "change", "words"),
    [
        ("wbe", ("", ""), "has no service wbe (known: web, front)"),
        ("front", ('"/front" = "front"', '"/f" = "web"'), "no gateway leads to front"),
    ],
)
def test_what_cannot_be_rehearsed_is_said(
    tmp_path: Path, service: str, change: tuple[str, str], words: str
) -> None:
    file = tmp_path / "teal.toml"
    file.write_text((SAMPLE / "teal.toml").read_text().replace(*change))
    with pytest.raises(TealError) as raised:
        Stage(file, service, 2.0)
    assert words in str(raised.value)


def test_a_service_that_others_made_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "teal.toml"
    file.write_text("[adopted.shop.gates]\nmin_requests = 20\n")
    with pytest.raises(TealError, match=r"shop was made by others .* as \[services.shop\]"):
        Stage(file, "shop", 2.0)


def test_an_unknown_fault_is_refused() -> None:
    done = teal("rehearse", "web", "--fault", "rain")
    assert done.returncode == 2
    assert "--fault rain: must be one of none, errors" in done.stderr
    listed = teal("rehearse", "web", "--fault", "list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [f.name for f in FAULTS]
    missing = teal("rehearse", "web", "--config", "/no/such/teal.toml")
    assert missing.returncode == 2
    assert "/no/such/teal.toml: No such file or directory" in missing.stderr


@pytest.mark.parametrize(
    ("wrong", "request_", "status"),
    [
        ({"kind": "errors", "status": 404}, ("GET", "/", {}), 404),
        ({"kind": "errors"}, ("GET", "/health", {}), 200),
        ({"kind": "errors", "method": "POST"}, ("GET", "/", {}), 200),
        ({"kind": "errors", "method": "POST"}, ("POST", "/", {}), 500),
        ({"kind": "errors", "header": "x-tenant=a"}, ("GET", "/", {"x-tenant": "b"}), 200),
        ({"kind": "errors", "header": "x-tenant=a"}, ("GET", "/", {"x-tenant": "a"}), 500),
        ({"kind": "hang"}, ("GET", "/", {}), None),
        ({"kind": "leak", "requests": 0}, ("GET", "/", {}), None),
        ({"kind": "crash", "requests": 0}, ("GET", "/", {}), None),
    ],
)
def test_a_faulty_version_does_what_it_should(
    wrong: Wrong, request_: tuple[str, str, dict[str, str]], status: int | None
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "tealmesh.cli.rehearse.faulty", json.dumps(wrong), "/health"]
    app = [sys.executable, str(SAMPLE / "app.py"), "--version", "1"]
    environment = {"HOST": "127.0.0.1", "PORT": str(port), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen([*command, *app], env=environment)
    url = f"http://127.0.0.1:{port}"
    method, path, headers = request_

    def healthy() -> bool:
        try:
            return httpx.get(f"{url}/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(healthy)
        try:
            got = httpx.request(method, url + path, headers=headers, timeout=1, trust_env=False)
        except httpx.TransportError:
            assert status is None
        else:
            assert got.status_code == status
            assert (MARK in got.headers) == (status != 200)
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.scenario
def test_a_rehearsal_tells_how_a_version_with_errors_was_taken_back(tmp_path: Path) -> None:
    sample = Sample(tmp_path, 1)
    arguments = (
        "--config",
        str(sample.config),
        "--fault",
        "errors",
        "--rate",
        "60",
        "--longest",
        "0.5",
        "--json",
    )
    command = [str(BIN / "teal"), "rehearse", "web", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    (played,) = json.loads(done.stdout)["rehearsals"]
    assert (played["fault"], played["status"]) == ("errors", "ROLLBACK_SUCCESSFUL")
    assert played["failures"] == {"by the fault": played["failed"]}, "nothing else was lost"
    assert 0 < played["failed"] < played["requests"]
    assert "success-rate" in played["reason"]


@pytest.mark.drill
@pytest.mark.timeout(1500)
def test_every_fault_ends_as_it_should_and_loses_nothing_but_what_the_version_answered() -> None:
    command = [str(BIN / "teal"), "rehearse", "web", "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=1400, check=False, cwd=SAMPLE
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    played = {one["fault"]: one for one in json.loads(done.stdout)["rehearsals"]}
    assert played.keys() == {fault.name for fault in FAULTS}
    for fault in FAULTS:
        one = played[fault.name]
        assert one["asItShould"], one
        if fault.succeeds or fault.name in ("latency", "slow-start"):
            assert one["failed"] == 0, one
