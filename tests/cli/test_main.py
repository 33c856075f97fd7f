"""Endpoints, usage errors, and what `teal --help` imports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import click
import pytest

from tealmesh.cli.listing import listed
from tealmesh.cli.main import teal as command_group
from tealmesh.cli.mistyped import Commands
from tealmesh.cli.options import Number
from tests.cli.command_line import assert_one_line, teal
from tests.cli.teal_api import Refused, TealApi
from tests.support.machine import free_port


def test_help_imports_little() -> None:
    program = """
import sys
sys.argv = ["teal", "--help"]
from tealmesh.cli.main import main
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
heavy = ["rich", "grpc", "botocore", "httpx", "sqlalchemy", "starlette", "asyncio", "tealmesh.app",
         "tealmesh.model.wire", "tealmesh.cli.client"]
commands = [name for name in sys.modules if name.startswith("tealmesh.cli.commands")]
sys.exit(", ".join([name for name in heavy if name in sys.modules] + commands) or None)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for command in ("up", "down", "apply", "deploy", "status", "rollback", "logs", "demo"):
        assert f"\n  {command} " in done.stdout


@pytest.mark.parametrize(
    ("line", "imported"),
    [
        ("teal ", []),
        ("teal dep", []),
        ("teal logs --", ["tealmesh.cli.commands.logs"]),
        # It asks the control plane for names, and so needs the client.
        ("teal logs w", ["tealmesh.cli.client", "tealmesh.cli.commands.logs"]),
    ],
)
def test_completing_imports_the_module_of_one_command(line: str, imported: list[str]) -> None:
    program = """
import sys
sys.argv = ["teal"]
from tealmesh.cli.main import main
try:
    main()
except SystemExit:
    pass
sys.stdout.flush()
found = sorted(name for name in sys.modules if name.startswith("tealmesh.cli.commands."))
print(*["tealmesh.cli.client"] if "tealmesh.cli.client" in sys.modules else [], *found,
      file=sys.stderr)
"""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={
            **os.environ,
            "_TEAL_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            "TEAL_ENDPOINT": "http://127.0.0.1:1",
        },
    )
    assert done.stderr.split() == imported
    offered = {one.removeprefix("plain,") for one in done.stdout.split()}
    wanted = {"teal ": "status", "teal dep": "deploy", "teal logs --": "--side"}.get(line)
    assert wanted is None or wanted in offered


def test_every_module_of_commands_is_known_by_the_names_of_its_commands() -> None:
    whole = command_group.whole()
    assert whole.list_commands(click.Context(whole)) == sorted(whole.commands)


def test_the_line_of_each_command_fits_the_list() -> None:
    longest = max(len(name) for name, _ in listed())
    for name, command in listed():
        assert len(command.summary) <= 80 - longest - 6, name
        assert re.fullmatch(r"[A-Z].*\.", command.summary), name


def test_no_option_takes_what_is_no_number() -> None:
    whole = command_group.whole()
    found = [
        (name, option)
        for name in whole.list_commands(click.Context(whole))
        for option in whole.commands[name].params
        if isinstance(option.type, click.types.FloatParamType)
    ]
    assert len(found) > 10
    for name, option in found:
        for value in ("nan", "inf"):
            with pytest.raises(click.BadParameter, match=r"number|range"):
                option.type.convert(value, option, None)
            assert isinstance(option.type, Number), (name, option.opts)


def test_every_group_answers_a_mistyped_command_with_those_that_there_are() -> None:
    whole = command_group.whole()
    groups = {n: one for n, one in whole.commands.items() if isinstance(one, click.Group)}
    assert len(groups) > 5
    for name, group in groups.items():
        assert isinstance(group, Commands), name
        context = click.Context(group, click.Context(whole, info_name="teal"), info_name=name)
        with pytest.raises(click.UsageError) as refused:
            group.resolve_command(context, ["nosuch"])
        there = ", ".join(group.list_commands(context))
        assert f"No such command 'nosuch'. `teal {name}` has {there}." in str(refused.value)


def test_no_control_plane() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    text = f"no control plane answers at {endpoint}"
    for command in (["status"], ["deploy", "web", "--image", "x"], ["envoys"]):
        done = teal(*command, endpoint=endpoint)
        assert_one_line(
            done, f"{text}: start it, or name another one with --endpoint or TEAL_ENDPOINT"
        )
    # It goes on with tasks that a killed control plane of another test may just have left.
    done = teal("down", endpoint=endpoint)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"teal: {text}")
    assert "Traceback" not in done.stderr


def test_the_option_beats_the_variable(api: TealApi) -> None:
    done = teal("status", "--endpoint", api.endpoint, endpoint="http://127.0.0.1:1")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("endpoint", ["ftp://127.0.0.1", "http://", "http://x:y", "http://x:99999"])
def test_an_invalid_endpoint(endpoint: str) -> None:
    assert_one_line(teal("status", "--endpoint", endpoint), "must be an address such as")


def test_another_server_than_tealmesh(api: TealApi) -> None:
    api.health = ["hello"]
    # More may follow, of tasks that a killed control plane of another test has just left.
    first = teal("down", endpoint=api.endpoint)
    assert first.returncode == 1
    assert "Traceback" not in first.stderr
    assert "is not a Tealmesh control plane" in first.stderr.splitlines()[0]
    api.content_type = "application/json"
    assert_one_line(teal("status", endpoint=api.endpoint), "is not a Tealmesh control plane")


def test_an_error_of_the_api_is_one_line(api: TealApi) -> None:
    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise Refused("ConflictException", "a deployment of web runs already", 409)

    api.operations["Deploy"] = refuse
    done = teal("deploy", "web", "--image", "x/web:2", endpoint=api.endpoint)
    assert_one_line(done, "teal: a deployment of web runs already")


def test_usage_errors() -> None:
    for arguments in (["nonsense"], ["deploy", "web"], ["up", "--port", "0"], ["logs"]):
        done = teal(*arguments)
        assert done.returncode == 2, arguments
        assert "Traceback" not in done.stderr
    done = teal("up", "--port", "4000", "--xds-port", "4000")
    assert (done.returncode, "are both 4000" in done.stderr) == (2, True)
    done = teal("up", "--port", "4000", "--dns-port", "4000")
    assert (done.returncode, "--port and --dns-port are both 4000" in done.stderr) == (2, True)
    done = teal("--endpoint", "http://127.0.0.1:1", "status")
    assert "come after it: `teal COMMAND --endpoint`" in done.stderr
