"""Sessions of the page: codes that open one, and tokens that show it. Design note 042.

A code works once and for a minute, at any replica: the store has whom it is for, under its hash. A
session is in the store from the moment when its token is given away, so that it can be taken away;
its token alone tells everything else.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NoReturn

from tealmesh.model.absent import absent
from tealmesh.model.clock import Clock, SteadyClock
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Principal
from tealmesh.model.identity.issued import PersonAccess
from tealmesh.model.identity.rings import Live
from tealmesh.model.identity.sessions import (
    SCHEME,
    SESSION_SECONDS,
    CodeBody,
    SessionBody,
    SessionKey,
    principal,
)
from tealmesh.model.said import say
from tealmesh.store import Store, Transaction, tables

CODE_SECONDS = 60.0
LONGEST_SECONDS = 366 * 86400.0
"""The longest time that a token may be asked for."""

TRIES = 10
"""Codes that one source may try in a second."""
_MOST_CODES = 100
_MOST_SESSIONS = 500
_MOST_SOURCES = 1000

IDENTITY_SECONDS = 3600.0
"""How long one lasts of somebody whom a proxy names: then the page asks that proxy again."""

Present = Callable[[SessionBody], Principal | None]
"""Who has a session at present; None for nobody any more."""


class Sessions:
    """Those of one control plane."""

    def __init__(
        self, store: Store, secrets: Live, present: Present, wall: Clock, steady: SteadyClock
    ) -> None:
        self._store = store
        self._key = SessionKey(secrets)
        self._present = present
        self._wall = wall
        self._steady = steady
        self._tries: dict[str, tuple[int, int]] = {}

    async def code(self, who: Principal | None, *, read_only: bool = False) -> tuple[str, float]:
        """A code by which the page opens for ``who``, perhaps only to see, and when it ends (epoch
        seconds). Raises AwsError for who is no person, or has shown a session already.
        """
        person = _person(who)
        now = self._wall()
        code = secrets.token_urlsafe(18)
        body: CodeBody = {
            "actor": person.name,
            "origin": person.origin,
            "access": _access(person, read_only),
            "meshes": list(person.meshes),
            "services": list(person.services),
            "made": now,
            "expires": now + CODE_SECONDS,
        }
        put = partial(_put_code, key=_hash(code), body=body, now=now)
        await self._store.write(person.name, "GetPageCode", put)
        return code, body["expires"]

    async def open(self, code: str, source: str) -> tuple[str, SessionBody]:
        """The token and the session that a code opens. Raises AwsError: ``Throttling``,
        ``CodeInvalid``.
        """
        self._count(source)
        now, key = self._wall(), _hash(code)
        known = self._store.view.get(tables.CODES, key)
        if known is None:
            _wrong()

        def change(t: Transaction) -> SessionBody:
            found = t.get(tables.CODES, key)
            # The clock may have been set back since.
            if found is None or not 0 <= now - found.body["made"] < CODE_SECONDS:
                _wrong()
            t.delete(tables.CODES, key)
            code = found.body
            body: SessionBody = {
                "id": identity,
                "actor": code["actor"],
                "origin": code["origin"],
                "access": code["access"],
                "meshes": code["meshes"],
                "services": code["services"],
                "label": "",
                "made": now,
                "expires": now + SESSION_SECONDS,
            }
            _put(t, body, now)
            return body

        identity = secrets.token_hex(8)
        body = await self._store.write(known.body["actor"], "OpenSession", change)
        return self._key.token(body), body

    async def recognise(
        self, who: Principal, claims: dict[str, list[str]]
    ) -> tuple[str, SessionBody]:
        """The token and the session of somebody whom a proxy names, by these claims. Raises
        AwsError ``Throttling``.
        """
        self._count(who.origin)
        read_only = who.access == "viewer"
        return await self._make(who, "", read_only, IDENTITY_SECONDS, claims=claims)

    async def create(
        self, who: Principal | None, label: str, *, read_only: bool, seconds: float
    ) -> tuple[str, SessionBody]:
        """A token for a program, which lasts so many seconds. Raises AwsError."""
        if not 60 <= seconds <= LONGEST_SECONDS:
            raise AwsError(
                "BadRequestException",
                f"seconds = {seconds:.9g}: must be 60 to {LONGEST_SECONDS:.0f} (366 days)",
            )
        return await self._make(_person(who), label, read_only, seconds, "CreateToken")

    def of(self, authorization: str) -> Principal:
        """Who shows this header. Raises AwsError ``SessionInvalid``."""
        session = self.session(authorization)
        now = self._present(session)
        if now is None:
            _invalid(say("{actor} is no longer let in", actor=session["actor"]))
        shown = principal(session)
        if session["access"] == "viewer":
            return shown
        return replace(shown, access=now.access, meshes=now.meshes, services=now.services)

    def session(self, authorization: str) -> SessionBody:
        """The session of this header. Raises AwsError ``SessionInvalid``."""
        if not authorization.startswith(SCHEME):
            _invalid(say("the header Authorization must be `Teal TOKEN`"))
        session = self._key.read(authorization.removeprefix(SCHEME).strip())
        if session is None:
            _invalid(say("this control plane has not made the token"))
        if session["expires"] <= self._wall():
            _invalid(say("the session has ended"))
        if self._store.view.get(tables.SESSIONS, session["id"]) is None:
            _invalid(say("the session was ended"))
        return session

    def session_ended(self, authorization: str, now: float) -> bool:
        """Whether the time of a token of ours is over, rather than that it was taken away."""
        session = self._key.read(authorization.removeprefix(SCHEME).strip())
        return session is not None and session["expires"] <= now

    def lasting(self) -> Sequence[SessionBody]:
        """Those that have not ended, the newest first."""
        now = self._wall()
        found = [one.body for one in self._store.view.list(tables.SESSIONS)]
        lasting = [one for one in found if one["expires"] > now]
        return sorted(lasting, key=lambda one: one["made"], reverse=True)

    async def revoke(self, actor: str, identity: str) -> SessionBody:
        """End one, by its id or by the beginning of it. Raises AwsError ``NotFoundException``."""
        found = [one for one in self.lasting() if one["id"].startswith(identity)]
        if len(found) != 1:
            known = [one["id"] for one in self.lasting()]
            text = absent("token", identity, known)
            if found:
                text = f"{len(found)} tokens begin with {identity!r}: give more of it"
            raise AwsError("NotFoundException", text)
        await self.end(actor, found[0])
        return found[0]

    async def end(self, actor: str, session: SessionBody) -> None:
        """End a session; from the next request on its token is worthless."""
        await self._store.write(
            actor, "RevokeToken", lambda t: t.delete(tables.SESSIONS, session["id"])
        )

    async def forget(self) -> None:
        """Delete those whose time is over."""
        now = self._wall()
        view = self._store.view
        ends = [one.body["expires"] for one in view.list(tables.SESSIONS)]
        ends += [one.body["expires"] for one in view.list(tables.CODES)]
        if any(end <= now for end in ends):
            await self._store.write("teal", "ForgetSessions", partial(_forget, now=now))

    async def _make(
        self,
        who: Principal,
        label: str,
        read_only: bool,
        seconds: float,
        operation: str = "OpenSession",
        claims: dict[str, list[str]] | None = None,
    ) -> tuple[str, SessionBody]:
        now = self._wall()
        body: SessionBody = {
            "id": secrets.token_hex(8),
            "actor": who.name,
            "origin": who.origin,
            "access": _access(who, read_only),
            "meshes": list(who.meshes),
            "services": list(who.services),
            "label": label,
            "made": now,
            "expires": now + seconds,
        }
        if claims is not None:
            body["claims"] = claims
        await self._store.write(who.name, operation, partial(_put, body=body, now=now))
        return self._key.token(body), body

    def _count(self, source: str) -> None:
        second = math.floor(self._steady())
        at, tries = self._tries.pop(source, (second, 0))
        tries = tries + 1 if at == second else 1
        self._tries[source] = (second, tries)
        if len(self._tries) > _MOST_SOURCES:
            del self._tries[next(iter(self._tries))]
        if tries > TRIES:
            raise AwsError("Throttling", say("at most {n} tries a second", n=TRIES), status=429)


def _person(who: Principal | None) -> Principal:
    if who is not None and who.session:
        raise AwsError(
            "AccessDeniedException",
            "a session gives no further ones: run `teal open` or `teal token create`",
            status=403,
        )
    if who is None or not who.origin:
        raise AwsError(
            "AccessDeniedException", "sessions are for people, not for roles", status=403
        )
    return who


def _access(who: Principal, read_only: bool) -> PersonAccess:
    """What somebody may in a session."""
    return "viewer" if read_only or who.access == "role" else who.access


def _hash(code: str) -> str:
    """What is kept of a code: it has 144 bits of chance, so nobody finds it by its hash."""
    return hashlib.sha256(code.encode()).hexdigest()


def _wrong() -> NoReturn:
    raise AwsError(
        "CodeInvalid",
        say("the code is wrong, was used, or is older than a minute: run `teal open`"),
        status=401,
    )


def _invalid(why: str) -> NoReturn:
    raise AwsError("SessionInvalid", say("{why}: run `teal open`", why=why), status=401)


def _put(t: Transaction, body: SessionBody, now: float) -> None:
    _forget(t, now)
    known = sorted(t.list(tables.SESSIONS), key=lambda one: one.body["made"])
    if len(known) >= _MOST_SESSIONS:
        # Of the page rather than of a program, which would not know why.
        oldest = min(known, key=lambda one: (bool(one.body["label"]), one.body["made"]))
        t.delete(tables.SESSIONS, oldest.body["id"])
    t.put(tables.SESSIONS, body["id"], body=body)


def _put_code(t: Transaction, key: str, body: CodeBody, now: float) -> None:
    _forget(t, now)
    known = sorted(t.list(tables.CODES), key=lambda one: one.body["made"])
    if len(known) >= _MOST_CODES:
        t.delete(tables.CODES, known[0].key)
    t.put(tables.CODES, key, body=body)


def _forget(t: Transaction, now: float) -> None:
    for code in t.list(tables.CODES):
        if code.body["expires"] <= now:
            t.delete(tables.CODES, code.key)
    for one in t.list(tables.SESSIONS):
        if one.body["expires"] <= now:
            t.delete(tables.SESSIONS, one.body["id"])
