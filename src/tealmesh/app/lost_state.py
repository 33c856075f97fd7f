"""Lost state is never taken for an order to end things, and never for a new beginning.

Whatever is missing, the user is told what it was, what still runs, and the ways out; nothing is
ended, deleted or begun anew unasked. Design note 020.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
from collections.abc import Collection, Sequence
from pathlib import Path

from tealmesh.aws.moto.sealing import key_of
from tealmesh.engine.runtimes.process import marks
from tealmesh.engine.runtimes.process.marks import Marked
from tealmesh.model.ecs.names import task_id
from tealmesh.model.errors import TealError
from tealmesh.model.identity import rings
from tealmesh.model.load_balancers import load_balancer_name
from tealmesh.store import Store, View, tables
from tealmesh.store.snapshot import load_balancer_places

DATABASE = "state.db"
JOURNAL = "moto.jsonl"

_LOOK_SECONDS = 2.0

_LATER = ("xds-token", "master-key", "network", JOURNAL, "tasks", "load-balancers")
"""Made after the database: where there is one of them and no database, that is lost."""


def check_directory(data_dir: Path) -> None:
    """Before the database is opened: raise TealError if it is lost, or another user's."""
    database = data_dir / DATABASE
    there = database.exists() and database.stat().st_size > 0
    if there:
        _check_owner(database)
        return
    running = marks.of_directory(data_dir)
    if running:
        raise TealError(
            f"{database} is {_missing(database)}, but {marks.named(running)} of it still run: put "
            f"it back from a backup, or end them by `teal down --force --data-dir {data_dir}`"
        )
    left = [name for name in _LATER if _is_used(data_dir / name)]
    if left:
        raise TealError(
            f"{database} is {_missing(database)}, but {', '.join(left)} of the same control plane "
            f"are there: put it back from a backup, or start over with `teal reset --data-dir "
            f"{data_dir}`"
        )


def check_state(data_dir: Path, store: Store) -> None:
    """Once the database is open: raise TealError if tasks run that it does not know, as after a
    backup was put back, or if the journal of the other services is lost.
    """
    strangers = unknown(store.view, marks.of_directory(data_dir))
    if strangers:
        raise TealError(
            f"{marks.named(strangers)} of {data_dir} run that {DATABASE} does not know: it is "
            "older than they are. Put the right one back, or end all tasks by `teal down --force "
            f"--data-dir {data_dir}`"
        )
    journal = data_dir / JOURNAL
    if journal.exists():
        _check_journal(journal, data_dir)
        store.note(JOURNAL)
    elif store.noted(JOURNAL):
        raise TealError(
            f"{journal} is gone, which keeps the resources of all other AWS services (IAM, EC2, "
            f"load balancers, …): put it back from a backup, or start over with `teal reset "
            f"--data-dir {data_dir}`"
        )


def _check_journal(journal: Path, data_dir: Path) -> None:
    anew = f"back from a backup, or start over with `teal reset --data-dir {data_dir}`"
    try:
        with journal.open("rb") as file:
            line = file.readline().decode()
        key = key_of(line)
        if not key:
            json.loads(line)["seed"]
    except (OSError, ValueError, KeyError) as error:
        raise TealError(f"{journal} cannot be read ({error}): put it {anew}") from error
    master = data_dir / rings.MASTER_KEY
    if key and not master.exists():
        raise TealError(f"{master} is gone, which {JOURNAL} is sealed with: put it {anew}")
    if key and key not in rings.load(master).ids:
        raise TealError(
            f"{master} has not the key {key} that {JOURNAL} is sealed with: put it {anew}"
        )


async def watch_directory(data_dir: Path, used: int) -> None:
    """Until cancelled; raises TealError, which names the trouble, once the database that we use (by
    its inode) is not the one in the directory any more.
    """
    while True:
        _check_still_there(data_dir / DATABASE, used)
        await asyncio.sleep(_LOOK_SECONDS)


def _check_still_there(database: Path, used: int) -> None:
    try:
        if database.stat().st_ino == used:
            return
    except OSError:
        pass
    raise TealError(
        f"{database} was removed or replaced while it was in use: nothing that is done now will be "
        f"remembered. End the tasks by `teal down`, then start over"
    )


def unknown(view: View, running: Sequence[Marked]) -> list[Marked]:
    """The processes of tasks and load balancers that the store does not know."""
    tasks = {task_id(document.body) for document in view.list(tables.TASKS)}
    balancers = {load_balancer_name(arn) for arn in load_balancer_places(view)}
    return [one for one in running if not _is_known(one, tasks, balancers)]


def check_containers(data_dir: Path, strangers: Sequence[str]) -> None:
    """Raise TealError if tasks (by id) run in containers that the store does not know."""
    if strangers:
        raise TealError(
            f"containers of tasks {marks.listed(strangers)} run that {data_dir / DATABASE} does "
            "not know: put the right one back from a backup, or end all tasks by `teal down "
            f"--force --data-dir {data_dir}`"
        )


def _missing(database: Path) -> str:
    return "empty" if database.exists() else "gone"


def _is_used(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _is_known(one: Marked, tasks: Collection[str], balancers: Collection[str]) -> bool:
    # The Envoy for the Host header has a name of its own, and its place is kept like the others'.
    return one.task in tasks if one.task else one.name.startswith("_") or one.name in balancers


def _check_owner(database: Path) -> None:
    owner = database.stat().st_uid
    if owner != os.geteuid():
        raise TealError(
            f"{database} belongs to {login(owner)}: run `teal up` as that user, or choose another "
            "--data-dir"
        )


def login(uid: int) -> str:
    """The name of a Unix user."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
