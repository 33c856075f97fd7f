"""Order of the tests, and what is said of those that could not run."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

from tests.support.programs import aws_cli
from tests.support.programs.podman import missing
from tests.support.programs.terraform import NO_TERRAFORM, terraform_binary

# Tests share two cores with whole systems: how long one takes says nothing about it.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

_FIRST = (
    "tests/terraform/test_procedure.py",
    "tests/e2e/test_containers.py",
    "tests/terraform/test_everything.py",
    "tests/e2e/test_killed_control_plane.py",
    "tests/terraform/",
    "tests/e2e/",
    "tests/wire/",
    "tests/engine/task/test_mesh_tasks.py",
    "tests/engine/runtimes/docker/",
    "tests/envoy/test_generated.py",
    "tests/engine/",
)
"""The longest first: a worker that is left alone with one would make everybody wait."""

_ALONE = (
    "tests/e2e/test_killed_control_plane.py",
    "tests/e2e/test_rollback.py",
    "tests/engine/task/test_mesh_tasks.py",
)
"""Tests that share nothing with those of their file."""


class Together(LoadScopeScheduling):
    """A file's tests, which may share a control plane, in one worker; the next file to whichever
    worker is free. (xdist's own ``loadgroup`` does nothing under pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(_ALONE) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """``-n 4`` means this, in the order of `pytest_collection_modifyitems`."""
    config.option.loadscopereorder = False
    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in order."""
    items.sort(key=_rank)


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
    if aws_cli.missing():
        text = f"AWS CLI 2 TESTS NOT RUN: {aws_cli.missing()}"
        terminalreporter.write_sep("!", text, red=True)
