"""The order of the tests, and a report of those that cannot run on this machine."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import inspect
import os
import random
import signal
import zlib
from pathlib import Path

import httpx
import pytest
from httpx._transports import default
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

from tests.support import cost
from tests.support.drills import examples
from tests.support.programs import aws_cli, chromium
from tests.support.programs.podman import missing
from tests.support.programs.postgres import database, postgres, postgres_url
from tests.support.programs.terraform import NO_TERRAFORM, terraform_binary

__all__ = ["database", "postgres", "postgres_url"]

# While tests are found, all that is made stays: the garbage collector looks at it in vain, a fifth
# of the time. `pytest_collection_finish` lets it work again.
gc.disable()

# Tests share two cores with whole systems: how long one takes says nothing about it.
settings.register_profile(
    "busy",
    deadline=None,
    max_examples=examples(100),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("busy")

# The same of an answer, for which httpx waits 5 s unless it is told another limit.
_patience = inspect.signature(httpx.Client).parameters["timeout"].default
_patience.connect = _patience.read = _patience.write = _patience.pool = 60.0

# Each client reads the authorities of the whole world, 40 ms of the processor: once is enough.
default.create_ssl_context = functools.cache(httpx.create_ssl_context)

# A shell that starts this in the background has it ignore Ctrl-C, and programs inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent

SEED = os.environ.setdefault("TEALMESH_TEST_SEED", str(random.randrange(1_000_000)))
"""Shuffles the rows of the behaviour suite; set it to repeat a run. Workers of xdist inherit it."""

SHUFFLED = "tests/behaviour/"
"""Tests that must pass in any order: they share a world, and each sets up all that it needs."""

ROWS = "tests/behaviour/test_rows.py"
ROW_GROUPS = 4
"""The rows are dealt to the workers in this many groups; each worker has a world of its own."""

WALK = (
    "tests/rollout/machine/test_machine.py",
    "tests/rollout/machine/test_beside.py",
    "tests/rollout/explaining/test_explain.py",
)
"""They look at the same walk, which takes long."""

ATTACKED = (
    "tests/security/test_before_a_caller_is_known.py",
    "tests/security/test_exchanged_keys.py",
    "tests/security/test_many_slow_connections.py",
    "tests/security/test_sessions_of_the_page.py",
    "tests/security/test_simulated_policies.py",
    "tests/security/test_smuggled_requests.py",
    "tests/security/test_tasks_and_their_roles.py",
    "tests/security/fuzz/test_port.py",
)
"""They attack the same control plane."""

BROWSED = tuple(
    f"tests/dashboard/test_{name}.py"
    for name in ("group", "left_open", "named_by_a_proxy", "states", "tabs")
)
"""They have one browser."""

TOGETHER = (
    BROWSED,
    WALK,
    ATTACKED,
    ("tests/behaviour/load_balancers/",),
    ("tests/dashboard/page/",),
    ("tests/engine/runtimes/docker/",),
)
"""The tests of each of these go to one worker: they share what takes long to make."""

WALK_SECONDS = 600
"""The time limit of the first of them, which walks: on a busy machine, ten times a quiet one's."""

LONGEST = (
    "tests/rehearsal/",
    "tests/e2e/test_containers.py",
    "tests/dashboard/",
    "tests/terraform/",
    *WALK,
    "tests/drills/",
    "tests/e2e/serving/",
    "tests/cli/commands/test_run.py",
    "tests/behaviour/test_rows.py",
    "tests/e2e/",
    *ATTACKED,
    "tests/cli/commands/test_rehearse.py",
    "tests/engine/load_balancers/",
    "tests/engine/task/",
    "tests/migration/test_terraform.py",
    "tests/wire/",
    "tests/security/test_secrets_that_a_run_leaves.py",
    "tests/security/test_rotated_keys.py",
    "tests/agent/",
    "tests/docs/test_readme.py",
    "tests/packaging/",
    "tests/aws/moto/test_restart.py",
    "tests/rollout/test_controller.py",
    "tests/envoy/test_leaves.py",
    "tests/apis/elasticloadbalancing/test_api.py",
    "tests/engine/runtimes/docker/",
    "tests/envoy/test_generated.py",
    "tests/engine/",
)
"""These run first: one that a single worker begins last keeps all the others waiting."""

INDEPENDENT = (
    "tests/e2e/test_killed_control_plane.py",
    "tests/e2e/rollouts/test_rollback.py",
    "tests/engine/task/test_mesh_tasks.py",
)
"""The tests of these files share nothing, so that each may go to another worker."""


class FileByFile(LoadScopeScheduling):
    """Sends the tests of a file, which may share a control plane, to one worker, and the next file
    to whichever worker is free. (xdist's own ``loadgroup`` does nothing under pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(INDEPENDENT):
            return nodeid
        for sharing in TOGETHER:
            if nodeid.startswith(sharing):
                return sharing[0]
        path = nodeid.partition("::")[0]
        return f"{path} {zlib.crc32(nodeid.encode()) % ROW_GROUPS}" if path == ROWS else path


def pytest_configure(config: pytest.Config) -> None:
    cost.register(config)


def pytest_collection(session: pytest.Session) -> None:
    """In a fresh checkout pytest rewrites the assertions of each file, which takes three times as
    long as all the rest of finding the tests, and keeps what it has made. So each worker of a whole
    run begins with other files, and finds the rest made by the others.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None or session.config.args != session.config.getini("testpaths"):
        return
    files = sorted(TESTS.rglob("test_*.py"))
    begin = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for file in (*files[begin:], *files[:begin]):
        # What is wrong with it is said where it is collected.
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(file.relative_to(TESTS.parent).with_suffix("").parts))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Used by ``-n 4``; keeps the order of `pytest_collection_modifyitems`."""
    config.option.loadscopereorder = False
    return FileByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, the behaviour suite shuffled."""
    shuffled = [item for item in items if item.nodeid.startswith(SHUFFLED)]
    random.Random(SEED).shuffle(shuffled)
    following = iter(shuffled)
    items[:] = [next(following) if item.nodeid.startswith(SHUFFLED) else item for item in items]
    items.sort(key=_rank)
    for item in items:
        if item.nodeid.startswith(WALK):
            item.add_marker(pytest.mark.timeout(WALK_SECONDS))


def pytest_collection_finish() -> None:
    """All tests are there until the end: the garbage collector need not look at them each time."""
    gc.freeze()
    gc.enable()


def _rank(item: pytest.Item) -> int:
    ranks = (rank for rank, start in enumerate(LONGEST) if item.nodeid.startswith(start))
    return next(ranks, len(LONGEST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seed, and name loudly what could not run here."""
    terminalreporter.write_line(f"behaviour suite shuffled with TEALMESH_TEST_SEED={SEED}")
    if terraform_binary() is None:
        terminalreporter.write_sep("!", NO_TERRAFORM, red=True)
    if missing():
        text = f"CONTAINER TESTS NOT RUN: {missing()}"
        terminalreporter.write_sep("!", text, red=True)
    if aws_cli.missing():
        text = f"AWS CLI 2 TESTS NOT RUN: {aws_cli.missing()}"
        terminalreporter.write_sep("!", text, red=True)
    if chromium.missing():
        text = f"THE PAGE WAS NOT TRIED IN A BROWSER: {chromium.missing()}"
        terminalreporter.write_sep("!", text, red=True)
