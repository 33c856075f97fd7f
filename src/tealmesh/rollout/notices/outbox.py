"""What is to be told, to whom: decided and stored with the transition itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from tealmesh.model.config.notices import Kind, NoticeConfig
from tealmesh.model.rollout import Deployment, JournalEntry, State
from tealmesh.store import Transaction, tables

if TYPE_CHECKING:
    from tealmesh.model.rollout.notices import NoticeBody, NoticeTargetBody

KINDS: Mapping[State, Kind] = {
    State.CREATED: "STARTED",
    State.AWAITING_APPROVAL: "APPROVAL_WANTED",
    State.HELD: "HELD",
    State.ROLLING_BACK: "ROLLING_BACK",
    State.SUCCEEDED: "SUCCEEDED",
    State.ROLLED_BACK: "ROLLED_BACK",
    State.ROLLBACK_FAILED: "ROLLBACK_FAILED",
    State.STOPPED: "STOPPED",
}
"""The states whose entering is told."""


def kind_of(d: Deployment, entry: JournalEntry) -> Kind | None:
    """What is told of a transition; None for nothing. Going on after a restart, or anew after a
    person took over, is no start.
    """
    if entry.transition != d.state.value or (d.state is State.CREATED and entry.sequence > 1):
        return None
    return KINDS.get(d.state)


def put(t: Transaction, d: Deployment, entry: JournalEntry) -> None:
    """Store what is to be told of a transition that this transaction makes."""
    kind = kind_of(d, entry)
    if kind is None:
        return
    for document in t.list(tables.NOTICE_TARGETS):
        target = document.body
        if kind in target["on"] and (not target["services"] or d.service in target["services"]):
            body = _body(d, entry, kind, target["name"], t.revision)
            t.put(tables.NOTICES, *_key(body), body=body)


def put_targets(t: Transaction, wanted: Mapping[str, NoticeConfig], directory: str) -> None:
    """Store the targets of the teal.toml in ``directory``; those that it had before are no more."""
    for document in t.list(tables.NOTICE_TARGETS):
        name = document.body["name"]
        if document.body["directory"] == directory and name not in wanted:
            t.delete(tables.NOTICE_TARGETS, name)
            for notice in t.list(tables.NOTICES, name):
                remove(t, notice.body)
    for name, config in wanted.items():
        t.put(tables.NOTICE_TARGETS, name, body=target_body(config, directory))


def remove(t: Transaction, notice: NoticeBody) -> None:
    """Delete a notice that has been sent, or whose target is no more."""
    t.delete(tables.NOTICES, *_key(notice))


def _key(notice: NoticeBody) -> tuple[str, str]:
    return notice["target"], f"{notice['revision']:012}-{notice['id']}"


def target_body(config: NoticeConfig, directory: str) -> NoticeTargetBody:
    """A target as the store keeps it."""
    return cast("NoticeTargetBody", {**asdict(config), "directory": directory})


def _body(d: Deployment, entry: JournalEntry, kind: Kind, target: str, revision: int) -> NoticeBody:
    body: NoticeBody = {
        "id": f"{d.id}-{entry.sequence}",
        "target": target,
        "kind": kind,
        "at": entry.at,
        "service": d.service,
        "mesh": d.mesh,
        "deployment": d.id,
        "sequence": entry.sequence,
        "status": d.status.value,
        "state": d.state.value,
        "old_side": d.old_side,
        "new_side": d.new_side,
        "old_image": d.old_image,
        "new_image": d.new_image,
        "weights": dict(d.seen or d.weights),
        "actor": d.actor,
        "message": entry.message,
        "revision": revision,
    }
    if d.ended_by:
        body["ended_by"] = d.ended_by
    if d.member:
        body["group"] = d.member.group
    return body
