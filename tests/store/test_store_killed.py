"""``kill -9`` at any moment loses nothing that was reported, and leaves no change half written."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

from tealmesh.store import Store

ROUNDS = 10

WRITER = textwrap.dedent(
    """
    import asyncio, sys
    from tealmesh.store import Store

    def change(tx):
        # Five documents at once, one of them deleted, and a counter that all must agree with.
        document = tx.get("c", "count")
        n = document.body["n"] + 1 if document else 1
        tx.put("c", "count", body={"n": n})
        tx.put("left", str(n), body={"n": n, "text": "x" * (n % 7) * 1000})
        tx.put("right", str(n), body={"n": n})
        tx.delete("left", str(n - 20))
        tx.delete("right", str(n - 20))
        return n

    async def run():
        store = Store.open(sys.argv[1])
        while True:
            print(await store.write("writer", "Count", change), flush=True)

    asyncio.run(run())
    """
)


def write_until_killed(path: Path, delay: float) -> int:
    """Start a writer, kill it ``delay`` seconds after its first report, and return its last one."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        rest = process.stdout.read()
    assert first, "the writer ended before it wrote anything"
    # The kill may cut off the last line: such a report does not count.
    lines = (first + rest).split("\n")[:-1]
    assert [int(line) for line in lines] == list(range(int(first), int(first) + len(lines)))
    return int(lines[-1])


def check(path: Path, reported: int) -> int:
    """Reopen, check that all documents agree, and return the counter."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    store = Store.open(path)
    try:
        view = store.view
        counter = view.get("c", "count")
        assert counter is not None
        count = int(counter.body["n"])
        assert count >= reported, "a reported change is gone"
        assert count <= reported + 1, "a change came from nowhere"
        assert view.revision == count
        expected = set(range(max(1, count - 19), count + 1))
        for collection in ("left", "right"):
            by_number = {int(d.key): d for d in view.list(collection)}
            assert set(by_number) == expected
            assert all(d.body["n"] == d.revision == n for n, d in by_number.items())
    finally:
        store.close()
    return count


def test_kill_9_loses_nothing_that_was_reported(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    seeded = random.Random(20260930)
    count = 0
    for _ in range(ROUNDS):
        reported = write_until_killed(path, seeded.uniform(0.0, 0.08))
        assert reported > count
        count = check(path, reported)
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT count(*), max(revision) FROM audit").fetchone()
    connection.close()
    assert rows == (count, count), "each committed change has its audit row"
