"""version, help, env, completion, and what a mistyped command is answered with."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh import __version__
from tealmesh.cli.commands.about import _line, environment
from tealmesh.cli.main import teal as commands
from tealmesh.cli.mistyped import MEANT, suggestion
from tests.cli.command_line import teal
from tests.cli.teal_api import TealApi
from tests.support.machine import BIN, REPOSITORY, free_port


def test_version_names_teal_and_the_control_plane(api: TealApi) -> None:
    done = teal("version", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert f"teal {__version__}\n" in done.stdout
    assert "APIs: appmesh 2019-01-25, ecs 2014-11-13, " in done.stdout
    assert "(botocore 1." in done.stdout
    assert "tealmesh 2026-11-01\n" in done.stdout
    assert f"control plane: 9 at {api.endpoint} (this is {__version__}" in done.stdout
    done = teal("version", "--json", endpoint=f"http://127.0.0.1:{free_port()}")
    assert "no control plane answers" in json.loads(done.stdout)["control plane"]
    assert teal("-V").stdout == f"teal, version {__version__}\n"


def test_help_shows_what_the_option_shows() -> None:
    assert teal("help").stdout == teal("--help").stdout
    assert teal("help", "terraform", "vars").stdout == teal("terraform", "vars", "--help").stdout
    done = teal("help", "terrafrom")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean `teal terraform`?" in done.stderr
    assert teal("help", "status", "more").returncode == 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("stauts", "status"), ("ps", "status"), ("unpause", "resume"), ("undo", "rollback"),
     ("Deploy", "deploy"), ("xyzzy", "")],
)  # fmt: skip
def test_a_mistyped_command_is_answered_with_the_one_that_was_meant(typed: str, meant: str) -> None:
    assert suggestion(typed, list(commands.whole().commands)) == meant


def test_every_command_that_is_offered_exists() -> None:
    known_commands = commands.whole().commands
    for meant in MEANT.values():
        name, *options = meant.split()
        command = known_commands[name]
        known = [text for parameter in command.params for text in parameter.opts]
        assert set(options) <= set(known), meant
    assert not MEANT.keys() & known_commands.keys()


def test_env_is_read_by_a_shell() -> None:
    script = f'eval "$({BIN / "teal"} env --endpoint 127.0.0.1:4599)"; env'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    for name, value in environment("http://127.0.0.1:4599").items():
        assert f"{name}={value}\n" in done.stdout
    undone = subprocess.run(
        ["bash", "-c", f'eval "$({BIN / "teal"} env --unset)"; env'],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": "x"},
    )
    assert "AWS_ENDPOINT_URL" not in undone.stdout


def test_a_call_that_reaches_aws_all_the_same_has_none_of_the_users_keys() -> None:
    """AWS CLI 1 takes no endpoint from the environment for RDS. Nothing answers it here."""
    theirs = {
        "AWS_ACCESS_KEY_ID": "AKIAUSERSOWN",
        "AWS_SECRET_ACCESS_KEY": "users-own",
        "AWS_SESSION_TOKEN": "users-session",
        "AWS_SECURITY_TOKEN": "users-older-session",
    }
    nobody = f"127.0.0.1:{free_port()}"
    alone = {"PATH": f"{BIN}:/usr/bin:/bin", "HTTPS_PROXY": nobody, "AWS_MAX_ATTEMPTS": "1"}
    script = f'eval "$(teal env --endpoint {nobody})"; aws rds describe-db-instances --debug'
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env=alone | theirs
    )
    assert done.returncode
    assert "Credential=test/" in done.stderr
    assert not [value for value in theirs.values() if value in done.stderr]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_values_are_quoted_for_each_shell(value: str) -> None:
    assert shlex.split(_line("NAME", value, fish=False)) == ["export", f"NAME={value}"]
    line = _line("NAME", value, fish=True).removeprefix("set -gx NAME '").removesuffix("'")
    assert line.replace("\\'", "'").replace("\\\\", "\\") == value


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_every_shell(shell: str) -> None:
    done = teal("completion", shell)
    assert done.returncode == 0, done.stderr
    assert "_TEAL_COMPLETE" in done.stdout
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=done.stdout, text=True, check=False)
        assert checked.returncode == 0


def test_every_command_says_what_it_does() -> None:
    for name, command in commands.whole().commands.items():
        assert command.get_short_help_str(100), name
        assert isinstance(command, click.Command)


@pytest.mark.parametrize(("version", "load_balancers"), [(3, "elb"), (5, "elbv2")])
def test_an_override_for_terraform(version: int, load_balancers: str) -> None:
    done = teal("env", "--terraform", str(version), "--endpoint", "127.0.0.1:4599")
    lines = [line.split(" = ") for line in done.stdout.splitlines() if " = " in line]
    values = {name.strip(): value for name, value in lines}
    ours = {name for name, value in values.items() if value == '"http://127.0.0.1:4599"'}
    example = (REPOSITORY / "examples" / "terraform" / "versions.tf").read_text()
    assert set(re.findall(r"(\w+) += var.endpoint", example)) | {load_balancers} <= ours
    assert ("elbv2" in ours) == (version > 3)
    assert ("s3_force_path_style" in values) == (version == 3)
    # It overrides the configuration's own block, whose region its availability zones are in.
    assert "region" not in values
    assert "alias" not in values


def test_an_override_for_terraform_with_a_second_provider() -> None:
    asked = ("env", "--terraform", "3", "--endpoint", "127.0.0.1:4599")
    plain = teal(*asked).stdout.splitlines()[1:]
    both = teal(*asked, "--alias", "mesh", "--alias", "mesh").stdout.splitlines()[1:]
    assert both[: len(plain)] == plain
    assert [line.split() for line in both[len(plain) :] if line not in plain] == [
        ["alias", "=", '"mesh"']
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--alias", "mesh"), "--alias goes with --terraform VERSION alone"),
        (("--terraform", "3", "--alias", "a b"), "--alias 'a b': must be a letter or underscore"),
    ],
)
def test_an_alias_that_cannot_be_one(arguments: tuple[str, ...], said: str) -> None:
    done = teal("env", "--endpoint", "127.0.0.1:4599", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
