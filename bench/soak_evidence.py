"""What stands when a soak loses a request: written where the next person looks for the reason.

The logs of control planes and tasks are below the same directory already.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import sqlalchemy as sa
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.replicas import Replicas

COMMANDS = (("status",), ("envoys",), ("events",), ("explain", "sample"))
ADMIN = ("/config_dump?include_eds", "/clusters?format=json", "/stats?usedonly")


def collect(system: Replicas, directory: Path) -> Path:
    """Write all of it below ``directory``; a directory for each time."""
    place = directory / time.strftime("loss-%H%M%S")
    place.mkdir(parents=True, exist_ok=True)
    for name, text in _parts(system, directory):
        (place / name).write_text(text)
    return place


def _parts(system: Replicas, directory: Path) -> Iterator[tuple[str, str]]:
    """Names and contents of files; the Envoys first, as they change soonest."""
    for path in directory.glob("data/tasks/*/.envoy/admin.sock"):
        for asked in ADMIN:
            name = asked.partition("?")[0].strip("/")
            yield f"envoy-{path.parts[-3]}-{name}", _tried(partial(_admin, path, asked))
    yield "database.json", _tried(partial(_database, system.database))
    for plane in (*system.planes, system.cloud):
        for command in COMMANDS:
            name = f"{plane.directory.name}-{plane.port}-{command[0]}.json"
            yield name, _tried(partial(_asked, plane, command))


def _tried(read: Callable[[], str]) -> str:
    try:
        return read()
    except (
        OSError,
        httpx.HTTPError,
        sa.exc.SQLAlchemyError,
        subprocess.SubprocessError,
    ) as error:
        return f"cannot be read: {error!r}\n"


def _asked(plane: ControlPlane, command: tuple[str, ...]) -> str:
    return plane.teal(*command, "--json", check=False).stdout


def _admin(path: Path, asked: str) -> str:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=10) as client:
        return client.get(f"http://envoy{asked}").text


def _database(engine: sa.Engine) -> str:
    """Every row of every table, but the audit's older ones."""
    found: dict[str, list[dict[str, object]]] = {}
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            rows = connection.execute(sa.text(f'SELECT * FROM "{table}"')).mappings().all()
            found[table] = [dict(row) for row in rows[-20_000:]]
    return json.dumps(found, default=str, indent=1)
