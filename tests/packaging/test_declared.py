"""The packages that pyproject.toml declares suffice to run everything."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.packaging.declared import ROOT, closure


def test_declared_packages_suffice() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.packaging.declared"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # These are installed here, and nobody who runs `teal` needs them.
    assert {"pytest", "mypy", "hypothesis"} <= set(found["hidden"])
    assert found["failed"] == []


def test_a_package_that_is_not_declared_is_not_in_the_closure() -> None:
    assert "werkzeug" in closure(["flask>=3"])
    assert "flask" not in closure(["moto>=5.2"])
