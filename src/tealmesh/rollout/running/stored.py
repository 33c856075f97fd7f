"""Locks on services, and sides that are kept for a way back, as the store keeps them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tealmesh.model.clock import Moment, Wall
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment
from tealmesh.model.said import say
from tealmesh.store import Reader, Transaction, tables

if TYPE_CHECKING:
    from tealmesh.model.rollout.locks import KeptBody, LockBody


def lock(
    t: Transaction, service: str, actor: str, why: str, seconds: float, wall: Wall
) -> LockBody:
    """Lock a service against deployments for so many seconds, 0 for no end. A second lock takes the
    place of the first.
    """
    body: LockBody = {
        "by": actor,
        "why": why,
        "at": wall,
        "since": t.moment.stored(),
        "seconds": seconds,
        "until": wall + seconds if seconds else None,
    }
    t.put(tables.LOCKS, service, body=body)
    return body


def unlock(t: Transaction, service: str) -> LockBody:
    """End the lock of a service, which is returned. Raises ConflictException if there is none."""
    present = locked(t, service, t.moment)
    if present is None:
        raise AwsError("ConflictException", say("{service} is not locked", service=service))
    t.delete(tables.LOCKS, service)
    return present


def locked(reader: Reader, service: str, moment: Moment) -> LockBody | None:
    """The lock of a service; None without one, or if its time is over."""
    document = reader.get(tables.LOCKS, service)
    if document is None:
        return None
    body = document.body
    over = body["seconds"] and moment.left(body["since"], body["seconds"]) <= 0
    return None if over else body


def refuse_locked(reader: Reader, service: str, moment: Moment) -> None:
    """Raise ConflictException if a service is locked against deployments."""
    present = locked(reader, service, moment)
    if present is None:
        return
    until = say(" until {time}", time=_shown(present["until"])) if present["until"] else ""
    why = say(": {reason}", reason=present["why"]) if present["why"] else ""
    raise AwsError(
        "ConflictException",
        say(
            "{service} is locked against deployments by {by} since "
            "{since}{until}{why} (`teal unlock {service}`; `teal rollback {service}` "
            "goes back in spite of it)",
            service=service,
            by=present["by"],
            since=_shown(present["at"]),
            until=until,
            why=why,
        ),
    )


def keep(t: Transaction, d: Deployment, wall: Wall) -> None:
    """Note that the old side of a deployment that has just succeeded goes on running."""
    body: KeptBody = {
        "service": d.service,
        "deployment": d.id,
        "side": d.old_side,
        "image": d.old_image,
        "since": t.moment.stored(),
        "seconds": d.kept_for,
        "until": wall + d.kept_for,
    }
    t.put(tables.KEPT, d.service, body=body)


def kept(reader: Reader, service: str) -> KeptBody | None:
    """The side of a service that is kept for a way back; None if none is."""
    document = reader.get(tables.KEPT, service)
    return document.body if document else None


def take_kept(t: Transaction, service: str) -> None:
    """End the keeping of a side: a deployment begins, which uses or stops it. Raises
    ConflictException while it is just being told to stop.
    """
    present = kept(t, service)
    if present is None:
        return
    if present.get("ending"):
        raise AwsError(
            "ConflictException",
            f"{present['side']} of {service} is being stopped, as its time is over: try again in a "
            "moment",
        )
    t.delete(tables.KEPT, service)


def _shown(at: float | None) -> str:
    return datetime.fromtimestamp(at or 0.0, UTC).strftime("%Y-%m-%d %H:%M UTC")
