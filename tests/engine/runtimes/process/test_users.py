"""Whom ``user`` of a container definition means, and what such a user can reach."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.engine.runtimes.process.users import RunAs, run_as, unusable
from tealmesh.model.errors import EngineError

IDS = st.integers(100_000, 2**32 - 2)
"""Numbers that no user of a machine has."""


@given(uid=IDS, gid=IDS)
def test_numbers_need_no_user_of_this_machine(uid: int, gid: int) -> None:
    assert run_as(f"{uid}:{gid}") == RunAs(uid, gid, (gid,), str(uid), "/")
    assert run_as(str(uid)) == RunAs(uid, 0, (0,), str(uid), "/")


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
