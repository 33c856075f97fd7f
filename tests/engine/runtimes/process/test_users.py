"""Whom ``user`` of a container definition means, and what such a user can reach."""

from __future__ import annotations

import os
import pwd
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.engine.runtimes.process.sight import unusable
from tealmesh.engine.runtimes.process.users import RunAs, own, run_as
from tealmesh.model.errors import EngineError

IDS = st.integers(100_000, 2**32 - 2)
"""Numbers that no user of a machine has."""


@given(uid=IDS, gid=IDS)
def test_numbers_need_no_user_of_this_machine(uid: int, gid: int) -> None:
    assert run_as(f"{uid}:{gid}") == RunAs(uid, gid, (gid,), str(uid), "/")
    assert run_as(str(uid)) == RunAs(uid, uid, (uid,), str(uid), "/")


@given(st.sets(st.integers(2, 2**24 - 2), min_size=2, max_size=2))
def test_no_two_tasks_have_the_same_user_and_no_definition_may_name_it(hosts: set[int]) -> None:
    one, other = (own(str(IPv4Address(127 << 24 | host))) for host in hosts)
    assert one.uid != other.uid
    assert one.is_bare
    assert run_as(f"{one.uid}").is_somebody
    assert run_as(f"4711:{other.uid}").is_somebody


def test_who_is_somebody_on_this_machine() -> None:
    assert run_as("root").is_somebody
    assert run_as("4711:0").is_somebody
    assert not run_as("nobody").is_somebody
    assert not run_as("3000000000").is_somebody


def test_a_name_has_its_groups_and_its_home() -> None:
    known = pwd.getpwnam("nobody")
    found = run_as("nobody")
    assert (found.uid, found.gid, found.home) == (known.pw_uid, known.pw_gid, known.pw_dir)
    assert found.gid in found.groups
    assert run_as(f"nobody:{known.pw_gid + 1}").groups == (known.pw_gid + 1,)


@given(st.text(max_size=12))
def test_whatever_else_is_refused_in_words(text: str) -> None:
    try:
        told = run_as(text).name
    except EngineError as error:
        told = str(error)
        named = "this machine has no" in told
    else:
        named = True
    assert named
    assert "\n" not in told


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files to another user needs root")
@pytest.mark.parametrize(
    ("directory", "file", "told"),
    [
        (0o755, 0o755, ""),
        (0o711, 0o711, ""),
        (0o700, 0o755, "cannot enter"),
        (0o755, 0o750, "may not execute"),
    ],
)
def test_what_is_closed_is_named(tmp_path: Path, directory: int, file: int, told: str) -> None:
    base = Path("/var/tmp") / f"teal-{os.getpid()}"
    base.mkdir(mode=0o755)
    try:
        program = base / "program"
        program.write_text("#!/bin/sh\n")
        program.chmod(file)
        base.chmod(directory)
        stranger = RunAs(4711, 4712, (4712,), "4711", "/")
        why = unusable(stranger, "./program", str(base), "/bin")
        assert told in why if told else why == ""
        assert unusable(RunAs(0, 0, (0,), "root", "/"), "./program", str(base), "/bin") == ""
    finally:
        program.unlink()
        base.rmdir()
