"""A former commit's control plane, beside which the present one is measured in the same run."""

from __future__ import annotations

import contextlib
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

COMMIT = "3fee3c95"
"""Before tasks with addresses shared their steps and streams were served on asyncio alone: gRPC's
own server, and a translation and a session for each Envoy."""
_ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def former(commit: str = COMMIT) -> Iterator[Path | None]:
    """Its files, until the end of the block; None where the repository does not have it."""
    argv = ["git", "-C", str(_ROOT), "archive", commit, "src", "bench", "tests"]
    made = subprocess.run(argv, capture_output=True, check=False)
    if made.returncode:
        yield None
        return
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory)
        packed = tree / "tree.tar"
        packed.write_bytes(made.stdout)
        with tarfile.open(packed) as archive:
            archive.extractall(tree, filter="data")
        yield tree
