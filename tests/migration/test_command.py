"""`teal import --plan`, as programs use it: nothing answers, and nothing has to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tealmesh.cli.main import teal


def plan(*arguments: str, given: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(teal, ["import", *arguments, "--plan"], input=given)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout


@pytest.mark.parametrize(("protocol", "code"), [("http", 0), ("htp", 1)])
def test_what_would_be_refused_exits_with_1(protocol: str, code: int, tmp_path: Path) -> None:
    router = {"listeners": [{"portMapping": {"port": 80, "protocol": protocol}}]}
    requests = [{"meshName": "shop"}]
    requests += [{"meshName": "shop", "virtualRouterName": "web", "spec": router}]
    file = tmp_path / "mesh.json"
    file.write_text(json.dumps(requests))
    ended, said = plan(str(file))
    assert ended == code
    assert ("would be refused:" in said) is bool(code)
    ended, said = plan("-", "--json", given=file.read_text())
    assert ended == code
    assert [one["refuses"] for one in json.loads(said)["remarks"]] == [True] * code
