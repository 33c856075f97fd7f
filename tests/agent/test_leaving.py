"""How a task leaves, by what its control plane and its Envoy answer: both are sockets here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tealmesh.agent import leaving
from tealmesh.agent.asking import Admin
from tealmesh.agent.leaving import DRAIN, Leaving, Outcome
from tealmesh.model.clock import steady_clock
from tealmesh.model.leaving import Left

DONE: Left = {"instances": 1, "acknowledged": True, "gone": True, "waiting": []}
WAITING: Left = {"instances": 1, "acknowledged": False, "gone": False, "waiting": ["caller"]}
NOBODY: Left = {"instances": 0, "acknowledged": True, "gone": False, "waiting": []}

Said = Left | int | None
"""A message, or gRPC's status; None for no answer."""


@dataclass
class Other:
    """Envoy's admin interface and the way to the control plane. What is said last is repeated."""

    said: list[Said]
    active: list[int] = field(default_factory=lambda: [0])
    """Requests under way, look by look."""
    asked: list[str] = field(default_factory=list)
    announced: int = 0

    def plane(self) -> bytes | None:
        self.announced += 1
        said = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if said is None:
            return None
        status = said if isinstance(said, int) else 0
        body = b"" if isinstance(said, int) else json.dumps(said).encode()
        framed = b"\0" + len(body).to_bytes(4, "big") + body if body else b""
        code = "200 OK" if status == 0 else "503 Service Unavailable"
        head = f"HTTP/1.1 {code}\r\ngrpc-status: {status}\r\ngrpc-message: because\r\n\r\n"
        return head.encode() + framed

    def admin(self, target: str) -> bytes:
        self.asked.append(target)
        active = 0
        if "downstream_rq_active" in target:
            active = self.active.pop(0) if len(self.active) > 1 else self.active[0]
        text = f"http.ingress.downstream_rq_active: {active}\nhttp.ingress.downstream_rq_total: 5\n"
        return b"HTTP/1.1 200 OK\r\n\r\n" + text.encode()


@asynccontextmanager
async def served(path: Path, other: Other) -> AsyncIterator[None]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = head.split()[1]
        reply = other.plane() if target.startswith("/tealmesh.") else other.admin(target)
        writer.write(reply or b"")
        writer.close()

    servers = [await asyncio.start_unix_server(answer, path / name) for name in ("admin", "plane")]
    try:
        yield
    finally:
        for server in servers:
            server.close()


def left(path: Path, other: Other, limit: float = 20.0) -> tuple[Outcome, Sequence[str]]:
    told: list[str] = []

    async def work() -> Outcome:
        async with served(path, other):
            admin, plane = Admin(socket=str(path / "admin")), str(path / "plane")
            way = Leaving(admin, "mesh/m/virtualNode/w", "", plane, steady_clock, told.append)
            return await way.leave(limit)

    return asyncio.run(work()), told


def test_it_is_announced_until_everybody_has_heard(tmp_path: Path) -> None:
    other = Other([14, WAITING, WAITING, DONE], active=[3, 1, 0, 1, 0, 0])
    outcome, told = left(tmp_path, other)
    assert (outcome["drained"], outcome["announced"], outcome["inFlight"]) == (True, True, 0)
    assert other.announced == 4
    assert DRAIN in other.asked
    assert "waiting for Envoys: caller" in told
    # Once there was nothing for a moment: two looks in a row count.
    assert sum("downstream_rq_active" in one for one in other.asked) == 6


@pytest.mark.parametrize("status", [7, 12, 16])
def test_who_is_refused_drains_without_being_announced(
    tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "QUIET_SECONDS", 0.3)
    other = Other([status])
    outcome, told = left(tmp_path, other)
    assert (outcome["drained"], outcome["announced"], outcome["inFlight"]) == (False, False, 0)
    assert other.announced == 1
    assert told == ["the control plane does not have the task drained: because"]


def test_a_control_plane_that_does_not_answer_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(leaving, "_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(leaving, "QUIET_SECONDS", 0.3)
    outcome, told = left(tmp_path, Other([None]))
    assert not outcome["announced"]
    assert told[-1].startswith("the control plane cannot be told that the task leaves")


def test_where_nobody_can_be_told_it_has_to_be_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "QUIET_SECONDS", 0.5)
    other = Other([NOBODY])
    outcome, _ = left(tmp_path, other)
    assert outcome["drained"]
    assert any("downstream_rq_total" in one for one in other.asked)


def test_what_does_not_end_is_told(tmp_path: Path) -> None:
    outcome, _ = left(tmp_path, Other([DONE], active=[2]), limit=1.0)
    assert (outcome["drained"], outcome["inFlight"]) == (False, 2)
