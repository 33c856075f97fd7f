"""docs/commands.md has every command and every option, as today's `--help` says them."""

from __future__ import annotations

import re
from collections import Counter

import click

from tealmesh.cli.listing import SECTIONS
from tealmesh.cli.main import teal
from tests.cli.test_json import COMMANDS
from tests.docs.scripts import load

commands = load("commands")
PAGE = commands.PAGE.read_text()


def test_it_is_current() -> None:
    assert commands.page(PAGE) == PAGE, "run `python docs/commands.py`"


def test_every_command_and_every_option_is_there() -> None:
    by_hand, _, made = PAGE.partition(commands.BEGIN)
    for name, command in COMMANDS.items():
        # `teal keys show|rotate|retire` has the last word of three.
        assert all(word in by_hand for word in name.split()), name
        told = re.split(rf"\*\*`teal {name}[ `]", made)[1].partition("\n**`")[0]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (name, parameter.opts)
                for option in parameter.opts:
                    assert option in told or parameter.opts[-1] in commands.OF_MOST, (name, option)


def test_help_lists_every_command_once() -> None:
    listed = Counter(name for names in SECTIONS.values() for name in names)
    assert dict(listed) == dict.fromkeys(teal.list_commands(click.Context(teal)), 1)


def test_help_fits_eighty_columns_and_has_no_types_of_python() -> None:
    root = click.Context(teal, info_name="teal", terminal_width=80)
    for name, command in [("", teal), *COMMANDS.items()]:
        text = command.get_help(click.Context(command, root, info_name=name, terminal_width=80))
        assert all(len(line) <= 80 for line in text.splitlines()), name
        for word in ("INTEGER", "FLOAT", "DIRECTORY "):
            assert word not in text, name
