"""Events as sentences: who did what, such as ``root started web example/web:1 → 2``. Pure.

A deployment tells its own story, in its journal; everything else is told by `events`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from tealmesh.model.rollout import Deployment, JournalEntry
from tealmesh.store import AuditEntry, Reader, tables

_FIRST = 1
"""The number of a deployment's first transition."""
_ENGINE = "engine"


def sentence(entry: AuditEntry, messages: Iterable[str], view: Reader) -> str:
    """The change in a sentence. ``messages``: what `events` says of each document."""
    told = _of_deployment(entry, view) or _of_hook(entry, view) or _of_apply(entry)
    if told:
        return told
    if entry.actor == _ENGINE:
        return _of_engine(entry, messages)
    said = list(messages)
    if not said:
        return f"{entry.actor}: {entry.operation}"
    # What begins with a verb is about the actor; the rest is a sentence already.
    first = said[0].split(" ", 1)[0]
    begins = first.endswith("ed") or first in ("is", "wrote")
    return f"{entry.actor} {', '.join(said)}" if begins else "; ".join(said)


def _of_deployment(entry: AuditEntry, view: Reader) -> str:
    """A transition of a deployment; empty if the change is none."""
    for collection, key, how in entry.changes:
        if collection != tables.JOURNAL or how == "delete":
            continue
        document = view.get(tables.JOURNAL, *map(unquote, key.split("/")))
        if document is None:  # Deleted since, with its service.
            continue
        transition = JournalEntry.from_json(document.body)
        deployment = _deployment(view, transition.deployment)
        if deployment is None:
            continue
        if transition.sequence <= _FIRST:
            actor = deployment.actor or entry.actor
            return f"{actor} started {deployment.service} {_images(deployment)}"
        said = transition.message or transition.transition
        ended = {"SUCCEEDED": "done: ", "ROLLED_BACK": "rolled back: "}
        return f"{deployment.service}: {ended.get(transition.transition, '')}{said}"
    return ""


def _of_hook(entry: AuditEntry, view: Reader) -> str:
    """A hook that was asked, or what it answered; empty for any other change."""
    for collection, key, how in entry.changes:
        document = view.get(tables.HOOKS, *map(unquote, key.split("/")))
        if collection != tables.HOOKS or how == "delete" or document is None:
            continue
        hook = document.body
        named = f"{hook['service']}: hook {hook['name']} at {hook['stage']}"
        if entry.operation in ("AskHook", "HookRuns"):
            return f"{named} {'is asked' if entry.operation == 'AskHook' else 'runs'}"
        # Of a hook that was asked several times, the last answer is kept.
        return f"{named}: {hook['verdict'] or 'answered'}, {hook['detail'] or 'and is asked again'}"
    return ""


def _deployment(view: Reader, identity: str) -> Deployment | None:
    for document in view.list(tables.DEPLOYMENTS):
        if document.body["id"] == identity:
            return Deployment.from_json(document.body)
    return None


def _images(d: Deployment) -> str:
    """Both images; of the second the tag, where the rest is the same."""
    name, colon, tag = d.new_image.rpartition(":")
    same = colon and "/" not in tag and d.old_image.rpartition(":")[0] == name
    return f"{d.old_image} → {tag if same else d.new_image}"


def _of_apply(entry: AuditEntry) -> str:
    """An applied teal.toml; empty for any other change."""
    if entry.operation.rpartition(":")[2] != "Apply":
        return ""
    names = {
        collection: [unquote(key) for found, key, how in entry.changes if found == collection]
        for collection in (tables.SYSTEMS, tables.GATEWAYS)
    }
    parts = [
        f"{noun if len(found) == 1 else noun + 's'} {', '.join(found)}"
        for noun, found in (
            ("service", names[tables.SYSTEMS]),
            ("gateway", names[tables.GATEWAYS]),
        )
        if found
    ]
    return f"{entry.actor} applied teal.toml: {'; '.join(parts)}" if parts else ""


def _of_engine(entry: AuditEntry, messages: Iterable[str]) -> str:
    """What the engine observed: ``task 243cb684 in cluster c: drain``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", entry.operation.rpartition(":")[2]).lower()
    words = words.removeprefix("task ")
    about = [re.sub(r"^(wrote|created|changed|registered|asked to stop) ", "", m) for m in messages]
    return f"{', '.join(about)}: {words}" if about else f"engine: {words}"
