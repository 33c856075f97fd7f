"""lint: what it requests, prints and exits with."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command_line import TEAL_TOML, teal
from tests.cli.teal_api import TealApi
from tests.support.machine import free_port

RISK = {
    "level": "risk",
    "key": "services.web.gates.min_requests",
    "what": "min_requests = 0",
    "why": "nobody looks",
    "remedy": "set it to 100",
}


def test_what_is_deployed_is_looked_at_without_a_file(api: TealApi, tmp_path: Path) -> None:
    api.operations["Lint"] = lambda _: {"findings": [RISK, {**RISK, "level": "odd"}]}
    done = teal("lint", endpoint=api.endpoint, cwd=tmp_path)
    assert done.returncode == 1
    assert api.requests("Lint") == [{}]
    assert done.stdout.splitlines()[:3] == [
        "risk  services.web.gates.min_requests: min_requests = 0",
        "      why  nobody looks",
        "      do   set it to 100",
    ]
    assert done.stdout.splitlines()[-1] == "what is deployed: 1 risk, 1 odd"


def test_what_is_odd_alone_is_no_failure(api: TealApi, tmp_path: Path) -> None:
    (tmp_path / "teal.toml").write_text(TEAL_TOML)
    api.operations["Lint"] = lambda _: {"findings": [{**RISK, "level": "odd"}]}
    done = teal("lint", "--json", endpoint=api.endpoint, cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout) == [{**RISK, "level": "odd"}]
    assert api.requests("Lint") == [{"text": TEAL_TOML, "file": "teal.toml"}]


def test_a_file_is_looked_at_without_a_control_plane(tmp_path: Path) -> None:
    file = tmp_path / "teal.toml"
    file.write_text(f"{TEAL_TOML}\n[services.web.gates]\nmin_requests = 0\n")
    endpoint = f"http://127.0.0.1:{free_port()}"
    done = teal("lint", str(file), endpoint=endpoint)
    assert done.returncode == 1
    assert "nothing is known of traffic" in done.stderr
    assert done.stdout.splitlines()[0].startswith("risk  services.web.gates.min_requests")
    assert teal("lint", str(file), "--offline", endpoint=endpoint).stderr == ""
    file.write_text("nonsense = 1")
    done = teal("lint", str(file), endpoint=endpoint)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
