"""Order of the tests: those of whole systems first, for they wait more than they compute."""

from __future__ import annotations

import pytest

from tests.support.podman import missing
from tests.support.terraform import NO_TERRAFORM, terraform_binary

_FIRST = (
    "tests/terraform/test_procedure.py",
    "tests/e2e/test_killed_control_plane.py",
    "tests/terraform/",
    "tests/e2e/",
    "tests/wire/",
    "tests/engine/test_container_tasks.py",
    "tests/envoy/test_generated.py",
)
_ALONE = (
    "tests/terraform/",
    "tests/e2e/test_killed",
    "tests/e2e/test_rollback",
    "tests/behaviour/",
)
"""Tests that share nothing with those of their file, but what their whole process shares."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest first, so that no worker is left alone with one, and keep a file's tests,
    which may share a control plane, in one worker (``--dist loadgroup``).
    """
    items.sort(key=_rank)
    for item in items:
        if not item.nodeid.startswith(_ALONE):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def _rank(item: pytest.Item) -> int:
    ranks = (rank for rank, start in enumerate(_FIRST) if item.nodeid.startswith(start))
    return next(ranks, len(_FIRST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What could not run here is said aloud, not only counted."""
    if terraform_binary() is None:
        terminalreporter.write_sep("!", NO_TERRAFORM, red=True)
    if missing():
        text = f"CONTAINER TESTS NOT RUN: {missing()}"
        terminalreporter.write_sep("!", text, red=True)
