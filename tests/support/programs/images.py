"""Images for the tests, made of this machine's Python and programs: there is no registry here.

Both of ours (`images/`) are built by Podman from `base`.
"""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from tealmesh.engine.runtimes.docker import images
from tealmesh.engine.runtimes.sidecar import find_envoy
from tests.support.machine import REPOSITORY
from tests.support.programs.podman import Podman

TOOLS = ("sh", "mkdir", "chmod", "chown", "rm")


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


def base(archive: Path, **more: Path) -> None:
    """A root file system with this Python, the packages, a shell and ``more`` programs. Envoy's own
    binary, which a control plane does not run, is left out.
    """
    python = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    site = Path(sysconfig.get_path("purelib"))
    programs = {str(python): python, "bin/python3": python}
    programs |= {f"bin/{tool}": Path(str(shutil.which(tool))) for tool in TOOLS}
    programs |= {f"bin/{name}": file for name, file in more.items()}
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


def control_plane_image(engine: Podman, directory: Path, name: str) -> None:
    """Build `images/control-plane` as users do, from a base image made here."""
    based(engine, directory, "base:test")
    built(engine, "control-plane", "base:test", name)


def envoy_image(engine: Podman, directory: Path, name: str) -> None:
    """Build `images/envoy` as users do, from a base image made here, with Envoy's binary."""
    based(engine, directory, "envoy-base:test", envoy=Path(find_envoy()))
    built(engine, "envoy", "envoy-base:test", name)


def based(engine: Podman, directory: Path, name: str, envoy: Path | None = None) -> None:
    """Import a base image; with Envoy's binary it is one for both of our images."""
    archive = directory / "base.tar"
    base(archive, **({} if envoy is None else {"envoy": envoy}))
    binaries = Path(sys.executable).resolve().parent
    engine.run("import", "--change", f"ENV PATH={binaries}:/bin", str(archive), name)
    archive.unlink()


def sample_image(engine: Podman, directory: Path, base_name: str, name: str, version: int) -> None:
    """Build an image of the sample application, as its users would."""
    file = directory / f"Containerfile.{version}"
    file.write_text(
        f"FROM {base_name}\nCOPY examples/sample/app.py /app.py\nUSER 65534:65534\n"
        f'ENTRYPOINT ["python3", "/app.py", "--version", "{version}"]\n'
    )
    _build(engine, file, base_name, name)


def built(engine: Podman, image: str, base_name: str, name: str) -> None:
    """Build an image of `images/`."""
    _build(engine, REPOSITORY / "images" / image / "Containerfile", base_name, name)


def _build(engine: Podman, file: Path, base_name: str, name: str) -> None:
    engine.run(
        "build", "--network", "none", "--format", "docker", "--build-arg", f"BASE={base_name}",
        "--file", str(file), "--tag", name, str(REPOSITORY),
    )  # fmt: skip
