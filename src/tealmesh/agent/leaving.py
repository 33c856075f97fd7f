"""How a task leaves without losing a request: it is announced, everybody who sends to it hears of
it, and what is under way ends.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from tealmesh.agent.asking import Admin
from tealmesh.engine.runtimes import in_flight
from tealmesh.engine.runtimes.asking import Answer, ask_at
from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import EngineError
from tealmesh.model.leaving import LEAVE, LONGEST_WAIT_SECONDS, SERVICE, Leave, Left

DRAIN = "/drain_listeners?graceful&inboundonly&skip_exit"
"""Asks clients to connect elsewhere, with each answer; new connections are still taken.
https://www.envoyproxy.io/docs/envoy/latest/operations/admin#post--drain_listeners"""

QUIET_SECONDS = 3.0
"""Without a new request, where nobody could be told that there are to be none."""
_LOOK_SECONDS = 0.2
_AGAIN_SECONDS = 1.0
_PATIENCE_SECONDS = 30.0
"""How long a control plane that does not answer is asked again."""
_MARGIN_SECONDS = 5.0

_UNAVAILABLE = {"4", "8", "14"}
"""gRPC's DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED and UNAVAILABLE."""

Tell = Callable[[str], None]


class Outcome(TypedDict):
    """How a task has left, as JSON tells it."""

    drained: bool
    """Whether nothing was under way at the end, and nobody sends to it any more."""
    announced: bool
    """Whether every Envoy that may send to it has acknowledged that it is not to."""
    inFlight: int | None
    """Requests that were still under way; None if Envoy did not say."""
    seconds: float


@dataclass(frozen=True)
class Leaving:
    """The way out of one task."""

    admin: Admin
    node: str
    """Envoy's node id."""
    task: str
    plane: str
    """The socket through which Envoy passes calls to the control plane; empty for none."""
    now: SteadyClock
    tell: Tell

    async def leave(self, limit: float) -> Outcome:
        """Take at most ``limit`` seconds."""
        start = self.now()
        end = start + limit
        left = await self._announced(end) if self.plane else None
        await self.admin.tell(DRAIN)
        told = left is not None and (left["instances"] > 0 or left["gone"])
        active, quiet = await self._idle(end, told)
        announced = left is not None and left["acknowledged"]
        return {
            "drained": active == 0 and quiet and announced,
            "announced": announced,
            "inFlight": active,
            "seconds": round(self.now() - start, 3),
        }

    # Announcing

    async def _announced(self, end: float) -> Left | None:
        """What the control plane says in the end; None if it could not be told."""
        heard, last = self.now(), None
        while (rest := end - self.now()) > 0:
            wait = min(LONGEST_WAIT_SECONDS, rest)
            answer = await self._asked(wait, rest)
            problem = _problem(answer)
            if not problem and answer is not None:
                last, heard = _left(answer), self.now()
                if last["acknowledged"]:
                    return last
                self.tell(f"waiting for Envoys: {', '.join(last['waiting']) or 'some'}")
            elif _final(answer):
                self.tell(f"the control plane does not have the task drained: {problem}")
                return None
            elif self.now() - heard > _PATIENCE_SECONDS:
                self.tell(f"the control plane cannot be told that the task leaves: {problem}")
                return last
            if problem:
                await asyncio.sleep(min(_AGAIN_SECONDS, rest))
        return last

    async def _asked(self, wait: float, rest: float) -> Answer | None:
        """The answer to one call; None for none."""
        request: Leave = {"node": self.node, "task": self.task, "wait": wait}
        message = json.dumps(request).encode()
        try:
            return await ask_at(
                Path(self.plane),
                f"/{SERVICE}/{LEAVE}",
                "POST",
                {"content-type": "application/grpc", "te": "trailers"},
                # https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: not compressed
                b"\0" + len(message).to_bytes(4, "big") + message,
                seconds=min(wait + _MARGIN_SECONDS, rest + 1),
            )
        except EngineError:
            return None

    # Ending

    async def _idle(self, end: float, told: bool) -> tuple[int | None, bool]:
        """Wait until nothing is under way, two looks in a row, and where nobody could be ``told``
        until no request has come for a while. Returns what is under way at the end, and whether
        that was reached; None if Envoy does not answer, as one that has ended.
        """
        looks, quiet_since, begun = 0, self.now(), -1
        while True:
            active, total = await self._active()
            if active is None:
                return None, False
            if total != begun:
                begun, quiet_since = total, self.now()
            looks = looks + 1 if active == 0 else 0
            quiet = told or self.now() - quiet_since >= QUIET_SECONDS
            if looks >= 2 and quiet:
                return 0, True
            if self.now() >= end:
                return active, False
            await asyncio.sleep(_LOOK_SECONDS)

    async def _active(self) -> tuple[int | None, int]:
        """What is under way, and the requests that have come so far."""
        try:
            active = in_flight.counted((await self.admin.ask(in_flight.QUESTION)).text)
            return active, in_flight.begun((await self.admin.ask(in_flight.BEGUN)).text)
        except EngineError:
            return None, 0


def _problem(answer: Answer | None) -> str:
    """Why a call did not succeed; empty if it did."""
    if answer is None:
        return "nobody answers"
    status = answer.headers.get("grpc-status")
    if answer.status == 200 and status == "0":
        return ""
    return answer.headers.get("grpc-message") or answer.text[:200] or f"status {answer.status}"


def _final(answer: Answer | None) -> bool:
    """Whether asking again is in vain: it is refused, or not known there."""
    status = answer.headers.get("grpc-status", "14") if answer is not None else "14"
    return status not in _UNAVAILABLE | {"0"}


def _left(answer: Answer) -> Left:
    """The message in gRPC's frame. What is no such message is taken for a word to wait."""
    try:
        found: Left = json.loads(answer.body[5:])
    except ValueError:
        return {"instances": 1, "acknowledged": False, "gone": False, "waiting": []}
    return found
