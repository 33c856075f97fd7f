"""Who uses a data directory."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tealmesh.model.errors import TealError
from tealmesh.model.plane import locks


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def test_whoever_holds_it_is_named_as_long_as_it_holds_it(tmp_path: Path) -> None:
    assert locks.used(tmp_path) is None
    path = tmp_path / locks.LOCK
    with locks.held(opened(path), str, 4566):
        assert locks.used(tmp_path) == locks.Holder(os.getpid(), 4566)
        said = rf"uses .* \(process {os.getpid()}, port 4566\): stop it with `teal down --data-dir"
        with pytest.raises(TealError, match=said):
            locks.refuse_used(tmp_path)
        with pytest.raises(TealError, match=str(os.getpid())), locks.held(opened(path), str, 1):
            pass
        assert path.read_text() == f"{os.getpid()} 4566", "who was refused has not written"
    assert locks.used(tmp_path) is None
    locks.refuse_used(tmp_path)


@pytest.mark.parametrize(
    ("text", "by"),
    [("123", " (process 123)"), ("", ""), ("x y", ""), ("7 0", " (process 7)")],
)
def test_one_that_says_less(tmp_path: Path, text: str, by: str) -> None:
    """That of an earlier version, and one of a moment ago."""
    path = tmp_path / locks.LOCK
    path.write_text(text)
    with locks.locked(opened(path), str):
        found = locks.used(tmp_path)
        assert found is not None
        assert str(found) == by


def test_who_looks_keeps_nobody_from_starting(tmp_path: Path) -> None:
    path = tmp_path / locks.LOCK
    path.touch()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            locks.used(tmp_path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(50):
            with locks.locked(opened(path), str):
                pass
    finally:
        done.set()
        looking.join()
