"""The image of the control plane, built by Podman from an image made here, and run."""

from __future__ import annotations

import json
import re
import shutil
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from tealmesh.engine.runtimes.docker import images
from tests.support.machine import REPOSITORY
from tests.support.programs.podman import Podman, needs_engine, podman
from tests.support.waiting import until

TOOLS = ("sh", "mkdir", "chown", "rm")


def locked() -> Iterator[metadata.Distribution]:
    """What Tealmesh is installed with, and what builds it."""
    for lock in ("requirements.lock", "requirements-build.lock"):
        for line in (REPOSITORY / lock).read_text().splitlines():
            if match := re.match(r"([\w.-]+)==", line):
                try:
                    yield metadata.distribution(match[1])
                except metadata.PackageNotFoundError:
                    continue  # for another platform


def of(library: str | Path, directory: Path) -> bool:
    return Path(library).resolve().is_relative_to(directory.resolve())


def base(archive: Path) -> None:
    """A root file system with this Python, the packages, and a shell. Envoy's own binary, which a
    control plane does not run, is left out.
    """
    python = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    site = Path(sysconfig.get_path("purelib"))
    programs = {str(python): python, "bin/python3": python}
    programs |= {f"bin/{tool}": Path(str(shutil.which(tool))) for tool in TOOLS}
    plain: dict[str, Path] = {}
    found = list((library / "lib-dynload").glob("*.so"))
    for distribution in locked():
        found += [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
    inside = str(library / "site-packages")
    for path in found:
        # What is in no package ("..") are commands, whose first line names another Python.
        if not path.is_file() or {"_bin", "__pycache__", ".."} & set(path.parts):
            continue
        if path.is_relative_to(site):
            plain[f"{inside}/{path.relative_to(site)}"] = path
            if ".so" in path.suffixes:
                # What packages bring themselves is in them.
                linked = (one for one in images.libraries(path) if not of(one, site))
                programs |= {str(one): Path(one) for one in linked}
        else:
            programs[str(path)] = path
    images.write_root(archive, programs)
    with tarfile.open(archive, "a", dereference=True) as tar:
        for name, path in plain.items():
            if path.is_relative_to(site):
                tar.add(path, name.lstrip("/"))

        def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
            left_out = {"test", "site-packages", "__pycache__", "idlelib", "tkinter"}
            unwanted = left_out & set(entry.name.split("/")) or entry.name.endswith((".a", ".so"))
            return None if unwanted else entry

        tar.add(library, str(library).lstrip("/"), filter=kept)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Podman]:
    with podman(tmp_path) as running:
        yield running


@needs_engine
@pytest.mark.drill
@pytest.mark.timeout(900)
def test_it_is_built_from_a_base_and_runs_without_rights(engine: Podman, tmp_path: Path) -> None:
    archive = tmp_path / "base.tar"
    base(archive)
    binaries = Path(sys.executable).resolve().parent
    engine.run("import", "--change", f"ENV PATH={binaries}:/bin", str(archive), "base:test")
    archive.unlink()
    file = REPOSITORY / "images" / "control-plane" / "Containerfile"
    engine.run(
        "build", "--network", "none", "--format", "docker", "--build-arg", "BASE=base:test",
        "--file", str(file), "--tag", "teal:test", str(REPOSITORY),
    )  # fmt: skip
    name = engine.run(
        "run", "--detach", "--read-only", "--tmpfs", "/tmp", "--network", "none",
        "--cap-drop", "all", "--security-opt", "no-new-privileges",
        "--env", "TEAL_DATABASE=/tmp/state.db", "--env", "TEAL_SERVE_REGION=eu-central-1",
        "--env", "TEAL_SERVE_ACCOUNT=123456789012", "teal:test",
    ).strip()  # fmt: skip
    until(lambda: "control plane ready" in engine.run("logs", name), seconds=120)
    (shown,) = json.loads(engine.run("inspect", name))
    assert shown["Config"]["User"] == "10001:10001"
    engine.run("healthcheck", "run", name)
    engine.run("stop", "--time", "30", name)
    (shown,) = json.loads(engine.run("inspect", name))
    assert shown["State"]["ExitCode"] == 0
