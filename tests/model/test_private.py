"""Files that only their owner may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tealmesh.model.errors import TealError
from tealmesh.model.private import replace_private, write_private


def test_a_file_is_replaced_whole_is_ours_alone_and_nothing_is_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    replace_private(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    (tmp_path / "directory").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_private(tmp_path / "directory", "new")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["directory", "key"]


def test_a_file_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(TealError, match=f"there is no directory {tmp_path}/gone$"):
        write_private(tmp_path / "gone" / "key", "new")
    with pytest.raises(TealError, match=f"^{tmp_path} cannot be written: Is a directory$"):
        write_private(tmp_path, "new")
