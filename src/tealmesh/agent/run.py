"""The agent: it runs Envoy, and does beside it what App Mesh's agent did."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from tealmesh.agent import settings
from tealmesh.agent.answering import serve
from tealmesh.agent.asking import Admin
from tealmesh.agent.health import CONNECTED, READY, Health
from tealmesh.agent.leaving import Leaving, Outcome
from tealmesh.agent.questions import Questions
from tealmesh.agent.settings import Settings
from tealmesh.agent.variables import remarks
from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import EngineError, TealError

RENEW_SECONDS = 600.0
"""Between two proofs of identity, which are good for 15 minutes."""
_AGAIN_SECONDS = 5.0
_STOP_SECONDS = 5.0
"""From SIGTERM to SIGKILL of an Envoy, which has nothing left to do."""
_RESTART_SECONDS = 0.5
FAILED = 1


def tell(text: str) -> None:
    """A line of the container's log."""
    print(f"teal-envoy: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Launch:
    """What `preparing` wrote of an Envoy."""

    argv: list[str]
    admin: Admin
    node: str
    task: str
    plane: str
    proves: bool
    """Whether it shows a proof of its role."""

    @classmethod
    def read(cls, chosen: Settings) -> Launch:
        body = json.loads((chosen.directory / settings.LAUNCH).read_text())
        return cls(**{**body, "admin": Admin(**body["admin"])})


class Agent:
    """One Envoy and what belongs to it."""

    def __init__(self, environment: Mapping[str, str], chosen: Settings, now: SteadyClock) -> None:
        self._environment = environment
        self._chosen = chosen
        self._now = now
        self._health = Health(now(), chosen.disconnected_seconds)
        self._envoy: asyncio.subprocess.Process | None = None
        self._stop = asyncio.Event()
        self._leaving: asyncio.Task[Outcome] | None = None
        self._launch: Launch | None = None

    async def run(self) -> int:
        """Run Envoy until it ends for good or is to stop; its exit code. Raises TealError."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._stop.set)
        for remark in remarks(self._environment):
            tell(remark)
        questions = Questions(self._chosen, self._status, self.leave, self._admin)
        server = await serve(questions.routes, self._chosen.port, self._chosen.socket)
        try:
            return await self._run()
        finally:
            server.close()

    async def _run(self) -> int:
        await self._work("prepare")
        launch = self._launch = Launch.read(self._chosen)
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._watch(launch.admin))]
            if launch.proves:
                proven = asyncio.Event()
                workers.append(group.create_task(self._prove(proven)))
                await self._first(proven)
            code = 0 if self._stop.is_set() else await self._keep(launch)
            for worker in workers:
                worker.cancel()
        return code

    # Envoy

    async def _keep(self, launch: Launch) -> int:
        """Run Envoy, and again as often as allowed."""
        while True:
            self._envoy = await asyncio.create_subprocess_exec(*launch.argv, env=self._environment)
            ended = asyncio.create_task(self._envoy.wait())
            stop = asyncio.create_task(self._stop.wait())
            await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            if not ended.done():
                return await self._end(ended)
            code = _exit_code(await ended)
            tell(f"Envoy has ended with exit code {code}")
            if self._health.restarts >= self._chosen.restarts or self._stop.is_set():
                return code
            self._health.restarts += 1
            tell(f"Envoy is started again ({self._health.restarts} of {self._chosen.restarts})")
            await asyncio.sleep(_RESTART_SECONDS)

    async def _end(self, ended: asyncio.Task[int]) -> int:
        """SIGTERM has come: drain, then stop Envoy."""
        left = asyncio.create_task(self.leave(self._chosen.drain_seconds))
        await asyncio.wait({left, ended}, return_when=asyncio.FIRST_COMPLETED)
        left.cancel()
        if self._envoy is not None and not ended.done():
            self._envoy.terminate()
            await asyncio.wait({ended}, timeout=_STOP_SECONDS)
            if not ended.done():
                self._envoy.kill()
        return _exit_code(await ended)

    async def leave(self, limit: float) -> Outcome:
        """Have the task drained, within ``limit`` seconds. Who asks second waits for the first."""
        launch = self._launch
        if launch is None or self._envoy is None:
            raise TealError("Envoy does not run")
        if self._leaving is None:
            self._health.draining = True
            way = Leaving(launch.admin, launch.node, launch.task, launch.plane, self._now, tell)
            self._leaving = asyncio.create_task(way.leave(limit))
            self._leaving.add_done_callback(_told)
        await asyncio.wait({self._leaving}, timeout=limit)
        if not self._leaving.done():
            return {"drained": False, "announced": False, "inFlight": None, "seconds": limit}
        return self._leaving.result()

    # What belongs to it

    def _admin(self) -> Admin:
        if self._launch is None:
            raise TealError("Envoy has not been started yet")
        return self._launch.admin

    async def _status(self) -> Health:
        """What is known of Envoy now."""
        if self._launch is None:
            return self._health
        try:
            ready = (await self._launch.admin.ask(READY)).text
            self._health.saw(self._now(), ready, (await self._launch.admin.ask(CONNECTED)).text)
        except EngineError:
            self._health.saw(self._now(), None)
        return self._health

    async def _watch(self, admin: Admin) -> None:
        """Look at Envoy, so that it is known since when it is without its control plane."""
        while True:
            await self._status()
            await asyncio.sleep(self._chosen.poll_seconds)

    async def _prove(self, proven: asyncio.Event) -> None:
        """Keep the proof of identity; until cancelled."""
        while True:
            try:
                await self._work("prove")
                proven.set()
                await asyncio.sleep(RENEW_SECONDS)
            except TealError as error:
                tell(f"{error}; tried again in {_AGAIN_SECONDS:g} s")
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _first(self, proven: asyncio.Event) -> None:
        """Wait for the first proof, or to be stopped."""
        waits = [asyncio.create_task(one.wait()) for one in (proven, self._stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()

    async def _work(self, what: str) -> None:
        """Have a process of its own do ``what`` of `__main__`. Raises TealError."""
        argv = (sys.executable, "-m", "tealmesh.agent", what)
        process = await asyncio.create_subprocess_exec(
            *argv, env=self._environment, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await process.communicate()
        if process.returncode:
            text = errors.decode(errors="replace").strip()
            last = text.rpartition("\n")[2] or f"exit code {process.returncode}"
            raise TealError(last.removeprefix("teal-envoy: "))


def _exit_code(code: int) -> int:
    """As a shell has it: 128 and the signal that ended it."""
    return 128 - code if code < 0 else code


def _told(leaving: asyncio.Task[Outcome]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        outcome = leaving.result()
        rest = outcome["inFlight"]
        how = "drained" if outcome["drained"] else "not drained"
        heard = "announced" if outcome["announced"] else "not announced everywhere"
        tell(f"{how} in {outcome['seconds']:.1f} s: {heard}, {rest or 'no'} requests under way")


def run(now: SteadyClock) -> int:
    """The agent as a program; its exit code. Raises TealError."""
    environment = dict(os.environ)
    chosen = Settings.of(environment)
    chosen = chosen.writable()
    environment["TEAL_ENVOY_DIRECTORY"] = str(chosen.directory)
    return asyncio.run(Agent(environment, chosen, now).run())
