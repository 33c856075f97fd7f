"""A new token in the place of an Envoy's present one, where Envoy's user may write too."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tealmesh.engine.runtimes.sidecar import private, renew_token, token_path, write_token


def test_it_has_the_mode_of_the_former(tmp_path: Path) -> None:
    for mode in (0o600, 0o644):
        path = write_token(tmp_path, "first")
        path.chmod(mode)
        renew_token(tmp_path, "second")
        assert "Bearer second" in json.dumps(json.loads(path.read_text()))
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert [one.name for one in private(tmp_path).iterdir()] == [path.name]


def test_no_link_is_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    path = write_token(tmp_path, "first")
    path.unlink()
    path.symlink_to(victim)
    renew_token(tmp_path, "second")
    assert victim.read_text() == "mine"
    assert not path.is_symlink()
    os.replace(private(tmp_path), tmp_path / "moved")
    private(tmp_path).symlink_to(tmp_path / "moved")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        renew_token(tmp_path, "third")
    assert "second" in (tmp_path / "moved" / token_path(tmp_path).name).read_text()


def test_an_envoy_that_has_ended(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        renew_token(tmp_path, "token")
