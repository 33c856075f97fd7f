"""Order of the tests: those of whole systems first, for they wait more than they compute."""

from __future__ import annotations

import pytest

from tests.support.podman import missing
from tests.support.terraform import NO_TERRAFORM, terraform_binary

_FIRST = ("tests/terraform/", "tests/e2e/", "tests/containers/", "tests/wire/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest tests before the others, so that no worker is left alone with one."""
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What could not run here is said aloud, not only counted."""
    if terraform_binary() is None:
        terminalreporter.write_sep("!", NO_TERRAFORM, red=True)
    if missing():
        text = f"CONTAINER TESTS NOT RUN: {missing()}"
        terminalreporter.write_sep("!", text, red=True)
