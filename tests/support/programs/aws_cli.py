"""Version 2 of the AWS CLI: it has commands, such as ``aws logs tail``, that version 1 of the
virtual environment lacks.

`needs_aws_cli` marks tests that need it; without it they are skipped, and the report says so.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Sequence

import pytest

from tests.support.planes.control_plane import ControlPlane

_PLACES = (*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/local/bin")


_FOUND = "TEALMESH_TEST_AWS_CLI"
"""What was found, empty for nothing: the first process looks, workers of xdist inherit it."""


@functools.cache
def aws_cli() -> str | None:
    """The path of an ``aws`` of version 2; None if there is none."""
    if _FOUND not in os.environ:
        paths = (shutil.which("aws", path=place) for place in dict.fromkeys(_PLACES) if place)
        os.environ[_FOUND] = next((p for p in paths if p is not None and _major(p) >= 2), "")
    return os.environ[_FOUND] or None


def _major(path: str) -> int:
    done = subprocess.run(
        [path, "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    # Version 1 writes to standard error under old Pythons.
    version = re.match(r"aws-cli/(\d+)\.", done.stdout or done.stderr)
    return int(version.group(1)) if version else 0


def missing() -> str:
    """Why these tests cannot run; empty if they can."""
    if aws_cli() is not None:
        return ""
    return "there is no AWS CLI of version 2 (Debian's package `awscli` is one)"


needs_aws_cli = pytest.mark.skipif(bool(missing()), reason=f"NO AWS CLI 2: {missing()}")


def aws(plane: ControlPlane, *arguments: str) -> str:
    """Run it; return its output. Releases before 2.13 take the endpoint only as an argument."""
    path = aws_cli()
    assert path is not None
    command: Sequence[str] = [path, "--endpoint-url", plane.endpoint, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env=plane.environment, timeout=60, check=False
    )
    assert done.returncode == 0, f"{command} -> {done.returncode}\n{done.stderr}"
    return done.stdout
