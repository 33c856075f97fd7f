"""Where IAM has no simulation, the policies of roles are read."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ClientError

from tealmesh.app.envoys.either import SimulatedOrRead


class Asked:
    """A decider that answers, or fails with a code."""

    again_seconds = 1.0

    def __init__(self, answer: str, code: str = "") -> None:
        self.unknown: set[str] = set()
        self.answer, self.code, self.asked = answer, code, 0

    def version(self) -> object:
        return None

    async def why_not(self, role: str, resource: str) -> str:
        self.asked += 1
        if self.code:
            raise ClientError({"Error": {"Code": self.code}}, "SimulatePrincipalPolicy")
        return self.answer


def asked(simulation: Asked, documents: Asked, times: int = 1) -> list[str]:
    either = SimulatedOrRead(simulation, documents)

    async def ask() -> list[str]:
        return [await either.why_not("role", "node") for _ in range(times)]

    return asyncio.run(ask())


def test_the_simulation_decides_where_there_is_one() -> None:
    assert asked(Asked("no"), Asked("")) == ["no"]


def test_without_one_it_is_asked_once_and_policies_are_read() -> None:
    simulation = Asked("", "UnknownOperationException")
    assert asked(simulation, Asked("no"), 3) == ["no"] * 3
    assert simulation.asked == 1


def test_a_simulation_that_fails_is_no_reason_to_read() -> None:
    documents = Asked("")
    with pytest.raises(ClientError):
        asked(Asked("", "Throttling"), documents)
    assert not documents.asked
