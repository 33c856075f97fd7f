"""The locks: every version has hashes, and what runs is apart from what tests."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.packaging.declared import ROOT, normalized

LOCKS = tuple(f"requirements{part}" for part in ("", "-build", "-dev", "-node", "-tools"))
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def pinned(lock: str) -> dict[str, list[str]]:
    """By package with its version and marker, the hashes of its files."""
    text = (ROOT / f"{lock}.lock").read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {line.partition("--hash")[0].strip(): HASH.findall(line) for line in lines}


def names(requirements: object) -> set[str]:
    assert isinstance(requirements, (list, dict))
    return {normalized(re.split(r"[^A-Za-z0-9._-]", str(one))[0]) for one in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_one_version_and_hashes(lock: str) -> None:
    for package, hashes in pinned(lock).items():
        assert re.match(r"[a-z0-9-]+==[\w.]+( ; .+)?$", package), package
        assert hashes, package
        assert len(hashes) == len(set(hashes))


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_says_where_files_come_from(lock: str) -> None:
    text = (ROOT / f"{lock}.lock").read_text()
    assert "://" not in text
    assert "-index" not in text
    assert "file:" not in text


def test_what_is_declared_is_locked_and_nothing_of_development_runs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime, development = names(pinned("requirements")), names(pinned("requirements-dev"))
    assert names(project["project"]["dependencies"]) <= runtime
    assert names(project["dependency-groups"]["dev"]) <= development
    assert names(project["dependency-groups"]["build"]) == names(pinned("requirements-build"))
    assert names(project["dependency-groups"]["node"]) == names(pinned("requirements-node"))
    assert names(project["dependency-groups"]["tools"]) <= names(pinned("requirements-tools"))
    assert not runtime & {"awscli", "hypothesis", "mypy", "numpy", "pytest", "ruff"}


def test_tests_run_with_what_users_run() -> None:
    assert pinned("requirements").items() <= pinned("requirements-dev").items()
