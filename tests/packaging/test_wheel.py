"""The wheel: its files and its metadata. `make dist` installs it and runs the demo besides."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel of this checkout, built in a copy: setuptools leaves ``build/`` behind."""
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    source.mkdir()
    leftovers = ignore_patterns("__pycache__", "*.egg-info", ".terraform*", "*.tfstate*")
    for name in ("src", "examples"):
        copytree(ROOT / name, source / name, symlinks=True, ignore=leftovers)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(directory), str(source)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (path,) = directory.glob("tealmesh-*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def test_it_has_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "src" / "tealmesh"
    files = {
        f"tealmesh/{path.relative_to(package)}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "examples" not in path.parts
    }
    page = {name for name in files if name.startswith("tealmesh/app/dashboard/built/")}
    assert {name.rpartition(".")[2] for name in files - page} == {"py", "json", "sh", "typed"}
    assert files - set(wheel.namelist()) == set()


@pytest.mark.parametrize("directory", ["sample", "terraform"])
def test_it_has_the_examples(wheel: zipfile.ZipFile, directory: str) -> None:
    listed = subprocess.run(
        ["git", "ls-files", f"examples/{directory}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = {f"tealmesh/{line}" for line in listed.stdout.splitlines()}
    assert len(files) >= 3
    assert files - set(wheel.namelist()) == set()


def test_it_has_nothing_else(wheel: zipfile.ZipFile) -> None:
    others = [
        name
        for name in wheel.namelist()
        if not re.match(r"tealmesh/|tealmesh-[\d.]+\.dist-info/", name) or "__pycache__" in name
    ]
    assert others == []


def test_its_metadata_declares_what_pyproject_does(wheel: zipfile.ZipFile) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = metadata(wheel)
    required = [r for r in found.get_all("Requires-Dist", []) if "extra ==" not in r]
    names = {re.split(r"[<>=; ]", requirement)[0] for requirement in required}
    assert names == {re.split(r"[<>=; ]", r)[0] for r in project["dependencies"]}
    assert "flask" in names  # moto's server, without saying so
    assert found["Requires-Python"] == project["requires-python"]
    (scripts,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "teal = tealmesh.cli.main:main" in wheel.read(scripts).decode()
