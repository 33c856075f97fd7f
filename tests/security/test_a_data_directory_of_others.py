"""A data directory that others can use, or that is another's: keys would be theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tealmesh.app.host import only_one
from tealmesh.model.errors import TealError
from tests.security.strangers import STRANGER


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707, 0o750, 0o701])
def test_one_that_others_can_open(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(TealError, match=rf"is open to others \(mode {mode:03o}\).*chmod 700"):
        only_one(tmp_path, 4566).__enter__()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="another's directory is made by root")
def test_one_of_another_user(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    os.chown(tmp_path, STRANGER, -1)
    with pytest.raises(TealError, match="belongs to nobody: run `teal up` as that user"):
        only_one(tmp_path, 4566).__enter__()


def test_one_that_is_made_is_ours_alone(tmp_path: Path) -> None:
    with only_one(tmp_path / "a" / "b", 4566):
        assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
