"""Sessions of the page: how long they last, and that they are worth no more than their owner is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tealmesh.aws.callers.sessions import CODE_SECONDS, TRIES, Sessions
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Principal
from tealmesh.model.identity.sessions import SESSION_SECONDS, SessionBody
from tealmesh.store import Store, tables

ADA = Principal("ada", "deployer", ("*",), ("web",), origin="key:AKIAADA")


class World:
    """Sessions, with clocks that the test sets, and one person who is let in."""

    def __init__(self, store: Store) -> None:
        self.now = 1000.0
        self.store = store
        self.ada: Principal | None = ADA
        self.sessions = self.started()

    def started(self, secret: bytes = b"k" * 32) -> Sessions:
        def present(session: SessionBody) -> Principal | None:
            return self.ada if session["origin"] == ADA.origin else None

        return Sessions(self.store, lambda: (secret,), present, lambda: self.now, lambda: self.now)

    def opened(self) -> str:
        code, _ = asyncio.run(self.sessions.code(ADA))
        token, _ = asyncio.run(self.sessions.open(code, "here"))
        return f"Teal {token}"

    def refused(self, authorization: str) -> str:
        with pytest.raises(AwsError) as error:
            self.sessions.of(authorization)
        assert (error.value.code, error.value.status) == ("SessionInvalid", 401)
        return error.value.message


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = Store.open(tmp_path / "state.db")
    yield World(store)
    store.close()


def test_a_session_is_its_owner(world: World) -> None:
    who = world.sessions.of(world.opened())
    assert (who.name, who.access, who.services) == ("ada", "deployer", ("web",))
    assert who.session
    assert not who.origin


def test_a_session_ends_and_is_forgotten(world: World) -> None:
    token = world.opened()
    world.now += SESSION_SECONDS - 1
    world.sessions.of(token)
    world.now += 1
    assert "has ended" in world.refused(token)
    asyncio.run(world.sessions.forget())
    assert world.store.view.list(tables.SESSIONS) == []


def test_a_code_ends_after_a_minute(world: World) -> None:
    code, _ = asyncio.run(world.sessions.code(ADA))
    world.now += CODE_SECONDS
    with pytest.raises(AwsError, match="older than a minute"):
        asyncio.run(world.sessions.open(code, "here"))


def test_whose_key_is_taken_away_has_no_session_any_more(world: World) -> None:
    token = world.opened()
    world.ada = None
    assert "no longer let in" in world.refused(token)


def test_who_became_a_viewer_only_sees(world: World) -> None:
    token = world.opened()
    world.ada = replace(ADA, access="viewer")
    assert world.sessions.of(token).access == "viewer"


def test_a_read_only_token_stays_so_when_its_owner_may_more(world: World) -> None:
    made, _ = asyncio.run(world.sessions.create(ADA, "wall", read_only=True, seconds=3600))
    world.ada = replace(ADA, access="admin")
    assert world.sessions.of(f"Teal {made}").access == "viewer"


def test_a_session_lives_through_a_restart_and_not_with_another_key(world: World) -> None:
    token = world.opened()
    world.sessions = world.started()
    assert world.sessions.of(token).name == "ada"
    world.sessions = world.started(b"x" * 32)
    assert "has not made" in world.refused(token)


def test_neither_a_session_nor_a_role_gets_another_session(world: World) -> None:
    shown = world.sessions.of(world.opened())
    for who in (shown, None, Principal("arn:aws:sts::1:assumed-role/r/t", "role", role="r")):
        with pytest.raises(AwsError) as error:
            asyncio.run(world.sessions.code(who))
        assert error.value.code == "AccessDeniedException"


def test_one_source_tries_ten_codes_a_second_and_hinders_no_other(world: World) -> None:
    def tried(source: str) -> str:
        with pytest.raises(AwsError) as error:
            asyncio.run(world.sessions.open("guess", source))
        return error.value.code

    assert [tried("a") for _ in range(TRIES + 2)] == ["CodeInvalid"] * TRIES + ["Throttling"] * 2
    assert tried("b") == "CodeInvalid"
    world.now += 1
    assert tried("a") == "CodeInvalid"


@pytest.mark.parametrize("seconds", [0, 59, 400 * 86400, float("inf"), float("nan")])
def test_a_token_lasts_a_minute_to_a_year(world: World, seconds: float) -> None:
    with pytest.raises(AwsError, match="must be 60 to 31622400"):
        asyncio.run(world.sessions.create(ADA, "", read_only=False, seconds=seconds))
