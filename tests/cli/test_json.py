"""Every command that shows something shows it as JSON too, and nothing else on standard output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tealmesh.cli.main import teal
from tealmesh.model.errors import TealError
from tealmesh.store import Store
from tests.cli.command_line import DEPLOYMENT, STATUS, TEAL_TOML, follow
from tests.cli.commands.test_explain import ANSWER
from tests.cli.commands.test_plan import PLAN
from tests.cli.teal_api import TealApi, teal_api

SHOWS_NOTHING = {
    "up": "starts a program",
    "down": "stops a program",
    "init": "writes files",
    "reset": "deletes files",
    "serve": "is a server, which logs",
    "demo": "is a play to watch",
    "image control-plane": "makes an image",
    "image envoy": "makes an image",
    "help": "is a text for people",
    "completion": "is a script for a shell",
    "schema": "is JSON already",
    "evidence": "is JSON already",
    "export": "is JSON by --to json",
    "envoy bootstrap": "is JSON already",
    "envoy identity": "keeps a file",
    "keys bundle": "is one secret",
}
TESTED_ELSEWHERE = {"rehearse", "backtest", "terraform moved"}
"""They take more than a server with answers."""
CHANGE = {"action": "create", "what": "virtual node web-blue"}
APPLIED = {
    "services": [{"name": "web", "changes": []}], "gateways": [], "summary": [],
    "notes": ["a note"],
    "changes": [CHANGE], "refused": [], "leftOver": ["old"],
}  # fmt: skip
REMOVED = {
    "kind": "service", "changes": [CHANGE], "callers": ["front"], "waitingFor": [], "done": True,
}  # fmt: skip
TOKEN = {
    "tokenId": "5f3a", "actor": "ada", "access": "viewer", "createdAt": 1000.0, "expiresAt": 2000.0,
}  # fmt: skip
LOCK = {"by": "ada", "since": 1000.0, "reason": "the sale"}
SIDE = {"side": "blue", "virtualNode": "web-blue", "exists": True, "weight": 1, "image": "x:1"}
SERVICE = {"name": "web", "mesh": "shop", "hostname": "web.shop.local", "sides": [SIDE]}
ARGUMENTS = {
    "deploy": "web x/web:2",
    "deploy --plan": "web x/web:2",
    "models install": "--directory {directory}/models",
    "weights": "web blue=1",
    "explain": "web",
    "logs": "web",
    "credentials": "ci --new --data-dir {directory}",
    "credentials --list": "--data-dir {directory}",
    "adopt": "web",
    "database migrate": "{directory}/state.db",
    "database check": "{directory}/state.db",
    "database backup": "{directory}/state.db --to {directory}/copy.db",
    "database restore": "{directory}/new.db --from {directory}/state.db",
    "import": "{directory}/mesh.json --plan",
    "keys show": "--data-dir {directory}",
    "keys rotate": "task-keys --data-dir {directory}",
    "keys retire": "task-keys --data-dir {directory}",
    "envoy allow": "spiffe://x/sa/web mesh/m/virtualNode/web --data-dir {directory}",
    "terraform vars": "web --config {directory}/teal.toml",
    "apply": "--config {directory}/teal.toml --wait 0",
    "apply --plan": "--config {directory}/teal.toml --prune",
    "apply --prune": "--config {directory}/teal.toml --yes --wait 0",
    "delete": "web --yes",
    "load": "http://127.0.0.1:{port}/_teal/health --time 0.05",
    "approve": "web",
    "rollback": "web",
    "abort": "web",
    "resume": "web",
    "promote": "web",
    "pause": "web",
    "retry": "web",
    "lock": "web",
    "unlock": "web",
    "token revoke": "5f3a",
    "mesh show": "shop",
    "mesh graph": "shop",
    "explain --callers": "web",
}
"""What each command needs, besides --json; none for those that are not here."""


def leaves(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


COMMANDS = dict(leaves(teal.whole()))


@pytest.fixture(scope="module")
def api() -> Iterator[TealApi]:
    with teal_api() as server:
        answers: dict[str, Any] = {
            "GetStatus": {**STATUS, "meshes": [{"name": "shop"}]},
            "ListMembersWithoutEffect": {"members": []},
            "Explain": ANSWER,
            "PlanDeployment": PLAN,
            "Lint": {"findings": []},
            "Lock": {"lock": LOCK},
            "Unlock": {"lock": LOCK},
            "Apply": APPLIED,
            "Remove": REMOVED,
            "Adopt": {"service": SERVICE},
            "GetService": {"service": SERVICE},
            "ListDeployments": {"deployments": [DEPLOYMENT]},
            "ListEvents": {"events": []},
            "ListEnvoys": {"envoys": []},
            "ListCallers": {"callers": []},
            "GetLogs": {"lines": [{"task": "t", "container": "app", "line": "hello"}]},
            "GetMeshGraph": {"graph": {"name": "shop", "nodes": [], "edges": []}, "edges": {}},
            "ListTraces": {"traces": [], "kept": 0, "services": []},
            "GetServiceMap": {"nodes": [], "edges": [], "traces": 0},
            "GetPageCode": {"code": "c", "path": "/_teal/#code=c", "expires": 1000.0},
            "CreateToken": {"secret": "s", "token": TOKEN},
            "ListTokens": {"tokens": [TOKEN]},
            "RevokeToken": {"token": TOKEN},
            "SetWeights": {"revision": 9, "weights": {"blue": 1}},
            "GetConvergence": {
                "mesh": "shop",
                "revision": 9,
                "converged": True,
                "expected": 1,
                "acknowledged": 1,
            },
        }
        for operation, answer in answers.items():
            server.operations[operation] = lambda _, answer=answer: answer  # type: ignore[misc]
        yield server


def test_every_command_has_json_or_shows_nothing() -> None:
    without = {
        name
        for name, command in COMMANDS.items()
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert without == set(SHOWS_NOTHING)


WALKED = sorted(set(COMMANDS) - set(SHOWS_NOTHING) - TESTED_ELSEWHERE)


@pytest.mark.parametrize("command", [*WALKED, *(name for name in ARGUMENTS if "--" in name)])
def test_it_is_json_and_nothing_else(command: str, api: TealApi, tmp_path: Path) -> None:
    (tmp_path / "teal.toml").write_text(f'{TEAL_TOML}\n[terraform]\nweight = "{{side}}_weight"\n')
    (tmp_path / "task-keys").write_text("secret")
    if command.startswith("database"):
        Store.open(tmp_path / "state.db").close()
    (tmp_path / "mesh.json").write_text('{"meshName": "shop", "spec": {}}')
    follow(api, DEPLOYMENT)
    port = api.endpoint.rpartition(":")[2]
    rest = ARGUMENTS.get(command, "").format(directory=tmp_path, port=port)
    environment = {"TEAL_ENDPOINT": api.endpoint}
    done = CliRunner().invoke(teal, f"{command} {rest} --json".split(), env=environment)
    # A deployment that is aborted ends otherwise here; what is printed is the same.
    assert done.exception is None or isinstance(done.exception, SystemExit | TealError), done.output
    assert json.loads(done.stdout) is not None


def test_a_deployment_that_is_followed_ends_as_json(api: TealApi) -> None:
    follow(api, DEPLOYMENT)
    arguments = ["deploy", "web", "x/web:2", "--json"]
    done = CliRunner().invoke(teal, arguments, env={"TEAL_ENDPOINT": api.endpoint})
    assert json.loads(done.stdout) == DEPLOYMENT
    assert "CREATED" in done.stderr
