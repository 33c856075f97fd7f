"""Texts that others choose give no orders to the terminal of whoever reads them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.output import harmless

ORDERS = {
    "\x1b]0;owned\x07": r"\x1b]0;owned\x07",
    "\x1b]52;c;cm0gLXJm\x07": r"\x1b]52;c;cm0gLXJm\x07",
    "\x1bP$q\x1b\\": r"\x1bP$q\x1b" + "\\",
    "\x1b[6n": r"\x1b[6n",
    "\x9b6n": r"\x9b6n",
    "a\u202egnp.exe": r"a\u202egnp.exe",
    "\x00\x7f": r"\x00\x7f",
}


@pytest.mark.parametrize("text", ORDERS)
def test_orders_are_spelled_out(text: str) -> None:
    assert harmless(text) == ORDERS[text]


@given(st.text())
def test_nothing_else_is_changed(text: str) -> None:
    told = harmless(text)
    assert harmless(told) == told
    if text.isprintable():
        assert told == text
    colours = f"\x1b[1;31m{'a'}\x1b[0m\r\x1b[K\x1b[2A\x1b[?25l\n\t"
    assert harmless(colours) == colours


SCRIPT = """
from tealmesh.cli.output import make_safe
make_safe()
import click, sys
from rich.console import Console
click.echo("name \\x1b]0;owned\\x07 \\x1b[31mred\\x1b[0m")
Console(force_terminal=True).print("bold", style="bold")
print("\\x9b6n", file=sys.stderr)
"""


def test_a_real_terminal() -> None:
    near, far = pty.openpty()
    done = subprocess.run([sys.executable, "-c", SCRIPT], stdout=far, stderr=far, timeout=60)
    os.close(far)
    seen = b""
    try:
        while part := os.read(near, 65536):
            seen += part
    except OSError:
        pass  # Linux's way to say that nobody writes any more
    finally:
        os.close(near)
    assert done.returncode == 0, seen
    text = seen.decode()
    assert "\x1b]" not in text
    assert "\x9b" not in text
    assert "\x1b[31mred\x1b[0m" in text
    assert "\x1b[1mbold\x1b[0m" in text
