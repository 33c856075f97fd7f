"""What was ordered by a deployment that has gone on since is not written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import fencing
from tealmesh.store import Store, Transaction, tables
from tests.rollout.outside import begun


def write(path: Path, token: str) -> None:
    """Write on behalf of a request with this token, beside a deployment at transition 1."""
    d = begun()

    async def scenario() -> None:
        store = Store.open(path / "state.db")
        try:
            await store.write(
                "test", "Deploy", lambda t: t.put(tables.DEPLOYMENTS, "web", "d1", body=d.to_json())
            )
            with fencing.within(fencing.demanded, token):
                await store.write("test", "UpdateRoute", changes)
            assert store.view.get(tables.REMOVALS, "changed")
        finally:
            store.close()

    asyncio.run(scenario())


def changes(t: Transaction) -> None:
    t.put(tables.REMOVALS, "changed", body={"at": 0.0, "actor": "test"})


def test_what_was_ordered_at_the_present_transition_is_written(tmp_path: Path) -> None:
    write(tmp_path, fencing.token("web", "d1", begun().sequence))


def test_a_request_without_a_token_is_written(tmp_path: Path) -> None:
    write(tmp_path, "")


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("web/d1/0", "deployment d1 of web is at transition 1, and this was ordered at 0"),
        ("web/d1/2", "is at transition 1"),
        ("web/other/1", "deployment other of web does not exist"),
        ("web", "must be SERVICE/DEPLOYMENT/TRANSITION"),
        ("web/d1/-1", "must be SERVICE/DEPLOYMENT/TRANSITION"),
    ],
)
def test_anything_else_is_refused_and_nothing_changes(tmp_path: Path, token: str, why: str) -> None:
    with pytest.raises(AwsError, match=why):
        write(tmp_path, token)
    store = Store.open(tmp_path / "state.db")
    assert store.view.get(tables.REMOVALS, "changed") is None
    store.close()


@given(st.text(min_size=1), st.integers(0, 10**17))
def test_a_token_is_read_as_it_was_made(service: str, transition: int) -> None:
    assert fencing.parsed(fencing.token(service, "d1", transition)) == (service, "d1", transition)
