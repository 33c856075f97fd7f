"""docs/screens.md shows commands that exist, in 80 columns."""

from __future__ import annotations

import click

from tealmesh.cli.main import teal
from tests.support.machine import REPOSITORY

PAGE = (REPOSITORY / "docs" / "screens.md").read_text()
SHOWN = [block.partition("```")[0] for block in PAGE.split("```text\n")[1:]]


def test_what_is_shown_fits() -> None:
    assert SHOWN
    assert all(len(line) <= 80 for block in SHOWN for line in block.splitlines())


def test_the_commands_exist_with_their_options() -> None:
    for block in SHOWN:
        prompt, program, name, *rest = block.splitlines()[0].split()
        assert (prompt, program) == ("$", "teal")
        command = teal.get_command(click.Context(teal), name)
        assert command is not None
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options
