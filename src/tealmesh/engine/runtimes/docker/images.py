"""Images made from programs of this machine, without a registry.

An image holds a program, the shared libraries that the loader finds for it, and the directories
that programs expect. `teal image envoy` makes Envoy's; a container of the pause image holds a
task's network namespace.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.model.errors import EngineError

ENVOY_IMAGE = "localhost/tealmesh/envoy:local"
PAUSE_IMAGE = "localhost/tealmesh/pause:1"

_FILES = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nenvoy:x:1337:1337:envoy:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nenvoy:x:1337:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x[0-9a-f]+\)")
_LAZY = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")
"""Opened by glibc by name when a host name is first looked up."""


def libraries(program: Path) -> list[Path]:
    """The shared libraries and the loader of a program, as ldd(1) lists them; none for a static
    program. Raises EngineError if ldd does not understand the file.
    """
    ldd = shutil.which("ldd")
    if ldd is None:
        raise EngineError("`ldd` is not on PATH: it finds the libraries that an image needs")
    done = subprocess.run([ldd, str(program)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        output = done.stdout + done.stderr
        if "not a dynamic executable" in output or "statically linked" in output:
            return []
        raise EngineError(f"ldd {program}: {output.strip()}")
    if "not found" in done.stdout:
        raise EngineError(f"{program} does not run on this machine: {done.stdout.strip()}")
    linked = [Path(match) for match in _LIBRARY.findall(done.stdout)]
    beside = {path.parent for path in linked if path.name.startswith("libc.so")}
    return linked + [d / name for d in beside for name in _LAZY if (d / name).exists()]


def write_root(archive: Path, programs: Mapping[str, Path]) -> None:
    """Write a root filesystem as a tar file: ``programs`` maps paths inside to files here."""
    with tarfile.open(archive, "w") as tar:
        for name, mode in (("tmp", 0o1777), ("etc", 0o755), ("proc", 0o755), ("sys", 0o755)):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, mode
            tar.addfile(directory)
        for name, text in _FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
        added: set[str] = set()
        for inside, program in programs.items():
            for path, file in ((inside, program), *((str(p), p) for p in libraries(program))):
                name = path.lstrip("/")
                if name not in added:
                    added.add(name)
                    tar.add(file.resolve(), name, filter=_owned_by_root)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755
    return entry


async def make(api: DockerApi, name: str, programs: Mapping[str, Path], changes: list[str]) -> None:
    """Make the image ``name`` of these programs in Docker."""
    with tempfile.TemporaryDirectory(prefix="tealmesh-image-") as directory:
        archive = Path(directory) / "root.tar"
        write_root(archive, programs)
        await api.import_image(name, archive, changes)


async def make_envoy(api: DockerApi, envoy: Path) -> None:
    """Make the Envoy image from a binary."""
    changes = ["ENV PATH=/usr/local/bin", 'ENTRYPOINT ["/usr/local/bin/envoy"]', "USER 1337"]
    await make(api, ENVOY_IMAGE, {"usr/local/bin/envoy": envoy}, changes)


async def make_pause(api: DockerApi) -> None:
    """Make the pause image: a program that sleeps for ever."""
    sleep = shutil.which("sleep")
    if sleep is None:
        raise EngineError("`sleep` is not on PATH: the pause image is made from it")
    changes = ["ENV PATH=/bin", 'ENTRYPOINT ["/bin/sleep", "infinity"]']
    await make(api, PAUSE_IMAGE, {"bin/sleep": Path(sleep)}, changes)
