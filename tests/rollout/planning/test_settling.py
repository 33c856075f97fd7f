"""What Terraform has made a moment ago is waited for, and what nobody makes is refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from tealmesh.model.errors import AwsError
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.planning.settling import settled
from tealmesh.rollout.system import Service
from tealmesh.store import Store, Transaction
from tests.rollout.states import State, article

LONG = 600.0
"""Seconds: nobody waits for its end here."""


def made(tx: Transaction) -> None:
    """Both sides, of which green's ECS service is not known yet."""
    article("blue", state=State(tx))
    State(tx).node("sample-green", "m.local/sample", "m-sample-green")


def seen(tx: Transaction) -> None:
    State(tx).ecs("m-sample-green", "sample-green")


async def read_meanwhile(store: Store) -> None:
    await store.write("terraform", "CreateVirtualNode", made)
    waiting = asyncio.create_task(settled(store, "sample", LONG))
    await store.write("somebody", "Else", lambda tx: State(tx).node("other"))
    assert not waiting.done()
    await store.write("workloads", "CopyWorkloads", seen)
    assert problem_of(await waiting) == ""


async def never_made(store: Store) -> None:
    await store.write("terraform", "CreateVirtualNode", made)
    problem = problem_of(await settled(store, "sample", 0.0))
    assert "no ECS service runs virtual node sample-green" in problem


async def not_there(store: Store) -> None:
    with pytest.raises(AwsError, match="other"):
        await settled(store, "other", LONG)


@pytest.mark.parametrize("case", [read_meanwhile, never_made, not_there])
def test_what_is_unclear(
    case: Callable[[Store], Coroutine[None, None, None]], tmp_path: Path
) -> None:
    with contextlib.closing(Store.open(tmp_path / "state.db")) as store:
        asyncio.run(case(store))


def problem_of(service: Service) -> str:
    assert isinstance(service, MeshService)
    return service.problem
