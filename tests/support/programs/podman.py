"""A Podman for the tests alone: its storage, networks and socket are in a temporary directory.

`needs_engine` marks tests that need it; without it they are skipped, and the report says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tealmesh.engine.runtimes.docker import images
from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.engine.runtimes.docker.network import netns
from tealmesh.engine.runtimes.sidecar import find_envoy
from tests.support.machine import free_port
from tests.support.programs.old_envoy import old_envoy

APP = Path(__file__).parents[1] / "applications" / "plain_app.py"
_LEFT_OUT = {"test", "site-packages", "__pycache__", "idlelib", "tkinter", "ensurepip", "lib2to3"}


def missing() -> str:
    """Why Podman cannot run here; empty if it can."""
    absent = [tool for tool in ("podman", "runc", "ldd") if shutil.which(tool) is None]
    return netns.missing() or (f"{', '.join(absent)} not installed" if absent else "")


needs_engine = pytest.mark.skipif(
    bool(missing()), reason=f"NO CONTAINER ENGINE, container tests do not run: {missing()}"
)


class Podman:
    """Podman's service, to start, stop and start again; containers keep running meanwhile. Tests
    may run a registry without TLS at the port ``registry`` of 127.0.0.1, from which it pulls
    images.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "podman.sock"
        # Podman allows 50 characters here; a test's own directory may be longer.
        self.runroot = Path(tempfile.mkdtemp(prefix="teal-podman-"))
        self.process: subprocess.Popen[bytes] | None = None
        config = directory / "containers.conf"
        files, processes = (
            resource.getrlimit(limit)[1]
            for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)
        )
        # By default Podman asks for more than this machine's hard limits allow.
        limits = [f"nofile={_bounded(files)}", f"nproc={_bounded(processes)}"]
        config.write_text(
            f"[containers]\ndefault_ulimits = {limits}\n".replace("'", '"')
            + '[engine]\nruntime = "runc"\nevents_logger = "file"\ncgroup_manager = "cgroupfs"\n'
            + f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{directory}/nets"\n'
            + f'default_subnet_pools = [{{"base" = "10.{_pool()}.0.0/16", "size" = 24}}]\n'
        )
        self.registry = free_port()
        registries = directory / "registries.conf"
        registries.write_text(
            f'[[registry]]\nlocation = "127.0.0.1:{self.registry}"\ninsecure = true\n'
        )
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(config),
            "CONTAINERS_REGISTRIES_CONF": str(registries),
        }

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def command(self, *arguments: str) -> list[str]:
        where = ["--root", str(self.directory / "root"), "--runroot", str(self.runroot)]
        return ["podman", *where, "--log-level", "error", *arguments]

    def start(self) -> None:
        _weigh()
        with (self.directory / "podman.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command("system", "service", "--time=0", self.url),
                env=self.environment,
                cwd=self.directory,  # conmon leaves an empty file `oom` in its working directory
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 20
        while asyncio.run(self._version()) is None:
            assert self.process.poll() is None, (self.directory / "podman.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the service by SIGTERM, as a restart does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.socket.unlink(missing_ok=True)

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    def make_app(self, name: str, **environment: str) -> None:
        """Make an image of `plain_app`, with the Python that runs the tests."""
        root = self.directory / "app.tar"
        if not root.exists():
            _write_python(root)
        changes = [f"ENV {key}={value}" for key, value in environment.items()]
        changes.append(f'ENTRYPOINT ["{_python()}", "/plain_app.py"]')
        self._import(name, root, changes)

    def make_old_envoy(self, name: str) -> None:
        """Make an image of `old_envoy`, which starts as App Mesh's do: by its agent."""
        root, real = self.directory / "old.tar", "/opt/envoy"
        script = old_envoy(self.directory, real)
        programs = {"usr/bin/envoy": script, real: Path(find_envoy()), "bin/sh": Path("/bin/sh")}
        images.write_root(root, programs)
        self._import(name, root, ["ENV PATH=/usr/bin:/bin", 'ENTRYPOINT ["/usr/bin/agent"]'])

    def _import(self, name: str, root: Path, changes: list[str]) -> None:
        async def work() -> None:
            api = DockerApi(self.socket)
            await api.import_image(name, root, changes)
            await api.close()

        asyncio.run(work())

    async def _version(self) -> object:
        api = DockerApi(self.socket)
        try:
            return await api.version()
        except Exception:  # noqa: BLE001 - not there yet
            return None
        finally:
            await api.close()


_PARENT = Path("/sys/fs/cgroup/cpu/libpod_parent/cpu.shares")


def _weigh() -> None:
    """Let containers have the part of the processor that as many processes would have: all of
    Podman's together count as one, and starve while tests run beside them. Of cgroups version 1.
    """
    with contextlib.suppress(OSError):
        _PARENT.parent.mkdir(exist_ok=True)
        _PARENT.write_text(str(20 * 1024))


_engines = itertools.count()


def _pool() -> int:
    """Second byte of the addresses of one engine's networks: an engine looks for what is in use
    when it makes a network, and another's may not be up yet.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return 100 + (16 * int(worker) + next(_engines)) % 150


def _bounded(hard: int) -> str:
    most = 20000 if hard == resource.RLIM_INFINITY else min(hard, 20000)
    return f"{most}:{most}"


def _python() -> str:
    return os.path.realpath(sys.executable)


def _write_python(archive: Path) -> None:
    """Make a root filesystem with this Python, its standard library and `plain_app`."""
    library = Path(sysconfig.get_path("stdlib"))
    extensions = {str(p): p for p in (library / "lib-dynload").glob("*.so") if "tk" not in p.name}
    programs = {_python(): Path(_python()), "plain_app.py": APP, "bin/sh": Path("/bin/sh")}
    images.write_root(archive, {**programs, **extensions})

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        parts = set(entry.name.split("/"))
        if parts & _LEFT_OUT or entry.name.endswith((".a", ".so")):
            return None
        return entry

    with tarfile.open(archive, "a") as tar:
        tar.add(library, str(library).lstrip("/"), filter=kept)


@contextmanager
def podman(directory: Path) -> Iterator[Podman]:
    """Run Podman's service; remove all that it has at the end."""
    engine = Podman(directory)
    engine.start()
    try:
        yield engine
    finally:
        engine.run("rm", "--all", "--force", "--time", "0")
        engine.run("network", "prune", "--force")
        engine.stop()
        engine.run("rmi", "--all", "--force")
        subprocess.run(["umount", "-q", "--lazy", str(directory / "root" / "overlay")], check=False)
        shutil.rmtree(engine.runroot, ignore_errors=True)
