"""The options of `teal serve`: what is wrong is said, and each is in the documentation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tealmesh.cli import foreground
from tealmesh.cli.commands.plane import serve as module
from tealmesh.cli.commands.plane.serve import serve
from tests.support.machine import REPOSITORY

GIVEN = {"region": "eu-central-1", "account": "123456789012"}


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The configurations with which a control plane would run."""
    found: list[Any] = []

    async def run(config: Any, stop: asyncio.Event) -> None:
        found.append(config)

    monkeypatch.setattr(module, "_serve", run)
    monkeypatch.setattr(module, "begin", lambda level, form: found.append((level, form)))
    monkeypatch.setattr(foreground.os, "_exit", lambda code: None)
    return found


def called(tmp_path: Path, *more: str, **environment: str) -> Result:
    arguments = ["--keys", str(tmp_path / "keys")]
    for name, value in GIVEN.items():
        arguments += [f"--{name}", value]
    return CliRunner().invoke(serve, [*arguments, *more], env=environment)


def said(result: Result) -> str:
    """What went wrong, in one line."""
    assert result.exit_code != 0
    text = result.output + (str(result.exception) if result.exception else "")
    return " ".join(text.split())


def test_every_option_is_documented_and_a_variable(taken: list[Any]) -> None:
    page = (REPOSITORY / "docs" / "serve.md").read_text()
    for option in serve.params:
        assert isinstance(option, click.Option)
        assert f"`{option.opts[0]}" in page, f"{option.opts[0]} is not in docs/serve.md"


def test_options_come_from_variables(tmp_path: Path, taken: list[Any]) -> None:
    variables = {
        "TEAL_SERVE_LOG_FORMAT": "json",
        "TEAL_SERVE_LOG_LEVEL": "warning",
        "TEAL_SERVE_ECS_CLUSTERS": "one two",
        "TEAL_DATABASE": "postgresql://teal:secret@db/teal",
    }
    result = called(tmp_path, **variables)
    assert result.exit_code == 0, result.output
    (level, form), config = taken
    assert (level, form) == ("warning", "json")
    assert config.ecs_clusters == ("one", "two")
    assert config.database == "postgresql://teal:secret@db/teal"
    assert config.sts_endpoint == "https://sts.eu-central-1.amazonaws.com"
    assert "secret" not in repr(config)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "--database is missing"),
        (["--database", "postgresql://teal:secret@db/teal"], "everybody on this machine sees"),
        (["--database", "mysql://teal@db/teal"], "begins with mysql://"),
        (["--database", "a", "--account", "12"], "--account '12': must be the 12 digits"),
        (["--database", "a", "--region", "Mars"], "--region 'Mars'"),
        (["--database", "a", "--advertise", "here"], "--advertise 'here': must be HOST:PORT"),
        (["--database", "a", "--ecs-endpoint", "http://ecs"], "--ecs-endpoint 'http://ecs'"),
        (["--database", "a", "--port", "18000"], "--port and --xds-port are both 18000"),
        (["--database", "a", "--database-file", "b"], "give only one of them"),
        (["--database-file", "/no/such/file"], "--database-file /no/such/file: No such file"),
        (["--database", "a", "--listen", "0.0.0.0:1"], "needs --tls-cert and --tls-key"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, taken: list[Any], arguments: list[str], expected: str
) -> None:
    result = called(tmp_path, *arguments)
    assert expected in said(result)
    assert "secret" not in said(result)
    assert not taken


def test_a_file_with_the_url_is_for_its_owner(tmp_path: Path, taken: list[Any]) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://teal:secret@db/teal\n")
    file.chmod(0o644)
    assert "open to others (mode 644)" in said(called(tmp_path, "--database-file", str(file)))
    file.chmod(0o600)
    assert called(tmp_path, "--database-file", str(file)).exit_code == 0
    assert taken[-1].database == "postgresql://teal:secret@db/teal"
