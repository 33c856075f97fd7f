"""Real processes: exit codes, signals, logs, and finding them again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from tealmesh.engine.runtimes.base import KILLED, ContainerStatus
from tealmesh.engine.runtimes.files import log_path, tail
from tealmesh.engine.runtimes.process import processes
from tealmesh.engine.runtimes.process.processes import Program, _wait_uncancelled
from tealmesh.model.errors import EngineError


def program(directory: Path, *command: str, **members: Any) -> Program:
    environment = {"PATH": os.environ["PATH"], "COLOUR": "teal"}
    return Program(directory, "app", command, environment, **members)


def lines(directory: Path, name: str, count: int) -> list[str]:
    """The last lines that a container has written."""
    return tail(log_path(directory, name), count)


def run(work: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await work

    asyncio.run(limited())


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_exit_codes(tmp_path: Path, script: str, code: int) -> None:
    async def scenario() -> None:
        handle = await processes.start(program(tmp_path, "sh", "-c", script))
        assert await processes.wait(handle) == code
        status = await processes.inspect(handle)
        assert (status.running, status.exit_code) == (False, code)
        assert await processes.stop(handle, 1) == code

    run(scenario())


def test_environment_directory_and_log(tmp_path: Path) -> None:
    async def scenario() -> None:
        work = tmp_path / "a directory"
        work.mkdir()
        script = 'echo "$COLOUR in $(pwd)"; echo wrong >&2; env | wc -l'
        handle = await processes.start(program(tmp_path, "sh", "-c", script, cwd=str(work)))
        assert await processes.wait(handle) == 0
        written = lines(tmp_path, "app", 10)
        assert written[:2] == [f"teal in {work}", "wrong"]
        assert "HOME" not in dict(program(tmp_path).environment)
        assert lines(tmp_path, "app", 0) == []
        assert lines(tmp_path, "other", 5) == []

    run(scenario())


def test_stop_is_sigterm_then_sigkill(tmp_path: Path) -> None:
    async def scenario() -> None:
        script = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
        kind = await processes.start(program(tmp_path / "kind", "sh", "-c", script))
        await _said(tmp_path / "kind", "ready")
        assert await processes.stop(kind, 10) == 5
        assert "bye" in lines(tmp_path / "kind", "app", 5)

        script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
        deaf = await processes.start(program(tmp_path / "deaf", "sh", "-c", script))
        await _said(tmp_path / "deaf", "ready")
        assert await processes.stop(deaf, 0.2) == 137

    run(scenario())


def test_what_a_container_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        script = "sleep 300 & echo $!; sleep 0.1; exit 4"
        handle = await processes.start(program(tmp_path, "sh", "-c", script))
        assert await processes.wait(handle) == 4
        child = int((lines(tmp_path, "app", 1))[0])
        await _until_gone(child)

    run(scenario())


def test_a_second_start_finds_the_first(tmp_path: Path) -> None:
    """A control plane that died between starting and recording must not start it twice."""

    async def scenario() -> None:
        both = await asyncio.gather(
            *(
                processes.start(program(tmp_path, "sh", "-c", "echo once; sleep 60"))
                for _ in range(4)
            )
        )
        assert len({handle["pid"] for handle in both}) == 1
        assert await processes.recover(tmp_path, "app") == both[0]
        await _said(tmp_path, "once")
        assert lines(tmp_path, "app", 5) == ["once"]
        await processes.stop(both[0], 5)

    run(scenario())


def test_what_cannot_be_written_down_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, a process that nobody knows of would stay for ever."""
    monkeypatch.setattr(processes, "_SHIM_SECONDS", 3.0)
    home = tmp_path / "app"
    home.mkdir()
    (home / "pid.new").symlink_to("/dev/full")

    async def scenario() -> None:
        handle = await processes.start(program(tmp_path, "sh", "-c", "echo $$; exec sleep 300"))
        assert await processes.inspect(handle) == ContainerStatus(running=False, exit_code=KILLED)
        for said in lines(tmp_path, "app", 5):
            if said.isdecimal():
                await _until_gone(int(said))
        # What an earlier version wrote down on such a disk.
        (home / "pid").touch()
        (home / "exit").touch()
        assert await processes.recover(tmp_path, "app") == handle
        assert await processes.wait(handle) == KILLED

    run(scenario())


def test_never_started_is_not_recovered(tmp_path: Path) -> None:
    async def scenario() -> None:
        assert await processes.recover(tmp_path, "app") is None

    run(scenario())


def test_lives_through_the_death_of_who_started_it(tmp_path: Path) -> None:
    program = f"""
import asyncio, os
from pathlib import Path
from tealmesh.engine.runtimes.process import processes

async def main():
    script = "trap 'exit 6' TERM; while :; do sleep 0.05; done"
    await processes.start(
        processes.Program(Path({str(tmp_path)!r}), "app", ("sh", "-c", script), dict(os.environ))
    )
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""
    died = subprocess.run([sys.executable, "-c", program], check=False, start_new_session=True)
    assert died.returncode == -signal.SIGKILL

    async def scenario() -> None:
        handle = await processes.recover(tmp_path, "app")
        assert handle is not None
        assert (await processes.inspect(handle)).running
        waiting = asyncio.create_task(processes.wait(handle))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        assert await processes.stop(handle, 10) == 6
        assert await waiting == 6

    run(scenario())


def test_a_reused_pid_is_not_taken_for_the_container(tmp_path: Path) -> None:
    async def scenario() -> None:
        handle = await processes.start(program(tmp_path, "sleep", "60"))
        other = {**handle, "started": handle["started"] + 1}
        assert not (await processes.inspect(other)).running
        processes.send_signal(other, signal.SIGKILL)
        assert (await processes.inspect(handle)).running
        before_boot = {**handle, "boot": "another"}
        assert not (await processes.inspect(before_boot)).running
        await processes.stop(handle, 5)

    run(scenario())


@pytest.mark.parametrize(
    ("command", "cwd", "says"),
    [
        (("no-such-program",), "", "'no-such-program' is not there or not executable: install it"),
        (("./no-such-program",), "", "is not there or not executable"),
        (("true",), "/no/such/place", "the working directory /no/such/place does not exist"),
    ],
)
def test_what_cannot_be_started_says_what_to_do(
    tmp_path: Path, command: tuple[str, ...], cwd: str, says: str
) -> None:
    async def scenario() -> None:
        with pytest.raises(EngineError, match=says) as caught:
            await processes.start(program(tmp_path, *command, cwd=cwd))
        assert "\n" not in str(caught.value)
        assert await processes.recover(tmp_path, "app") is None

    run(scenario())


def test_health_check_commands(tmp_path: Path) -> None:
    async def scenario() -> None:
        asked = program(tmp_path, "true")
        assert await processes.execute(asked, ("sh", "-c", '[ "$COLOUR" = teal ]'), 5) == 0
        assert await processes.execute(asked, ("sh", "-c", "exit 3"), 5) == 3
        assert await processes.execute(asked, ("sleep", "60"), 0.1) == 137
        with pytest.raises(EngineError, match="cannot be run"):
            await processes.execute(asked, ("no-such-program",), 1)

    run(scenario())


async def _said(directory: Path, word: str) -> None:
    for _ in range(1000):
        if word in lines(directory, "app", 5):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{word!r} was never written")


async def _until_gone(pid: int) -> None:
    for _ in range(1000):
        if _state(pid) in ("", "Z"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"process {pid} is still there")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_health_check_is_seen_to_its_end_though_cancelled_twice() -> None:
    """A loop that is closed before it knows of a child's end leaks the child's transport."""

    class Dying:
        def __init__(self) -> None:
            self.ended = asyncio.Event()

        async def wait(self) -> int:
            await self.ended.wait()
            return KILLED

    async def scenario() -> None:
        process: Any = Dying()
        seeing = asyncio.create_task(_wait_uncancelled(process))
        for _ in range(3):
            await asyncio.sleep(0)
            seeing.cancel()
        await asyncio.sleep(0)
        assert not seeing.done()
        process.ended.set()
        with pytest.raises(asyncio.CancelledError):
            await seeing

    run(scenario())
