"""Events as sentences: who did what, such as ``root started web example/web:1 → 2``. Pure.

A deployment tells its own story, in its journal; everything else is told by `events`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from tealmesh.model.rollout import Deployment, JournalEntry
from tealmesh.model.rollout.hooks import detail
from tealmesh.model.said import listed, say
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
        return say("{actor}: {operation}", actor=entry.actor, operation=entry.operation)
    # What begins with a verb is about the actor; the rest is a sentence already.
    first = said[0].split(" ", 1)[0]
    begins = first.endswith("ed") or first in ("is", "wrote")
    if begins:
        return say("{actor} {what}", actor=entry.actor, what=listed(said))
    return listed(said, "; ")


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
            return say(
                "{actor} started {service} {images}",
                actor=actor,
                service=deployment.service,
                images=_images(deployment),
            )
        said = transition.message or transition.transition
        name, state = deployment.service, transition.transition
        if state == "SUCCEEDED":
            return say("{service}: done: {said}", service=name, said=said)
        if state == "ROLLED_BACK":
            return say("{service}: rolled back: {said}", service=name, said=said)
        return say("{service}: {said}", service=name, said=said)
    return ""


def _of_hook(entry: AuditEntry, view: Reader) -> str:
    """A hook that was asked, or what it answered; empty for any other change."""
    for collection, key, how in entry.changes:
        document = view.get(tables.HOOKS, *map(unquote, key.split("/")))
        if collection != tables.HOOKS or how == "delete" or document is None:
            continue
        hook = document.body
        names = {"service": hook["service"], "name": hook["name"], "stage": hook["stage"]}
        if entry.operation == "AskHook":
            return say("{service}: hook {name} at {stage} is asked", **names)
        if entry.operation == "HookRuns":
            return say("{service}: hook {name} at {stage} runs", **names)
        # Of a hook that was asked several times, the last answer is kept.
        verdict = hook["verdict"] or say("answered")
        told = detail(hook) or say("and is asked again")
        answer = {**names, "verdict": verdict, "detail": told}
        return say("{service}: hook {name} at {stage}: {verdict}, {detail}", **answer)
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
    parts = []
    if found := names[tables.SYSTEMS]:
        parts.append(_named(found, say("service"), say("services")))
    if found := names[tables.GATEWAYS]:
        parts.append(_named(found, say("gateway"), say("gateways")))
    if not parts:
        return ""
    return say("{actor} applied teal.toml: {parts}", actor=entry.actor, parts=listed(parts, "; "))


def _named(names: list[str], one: str, several: str) -> str:
    return say("{noun} {names}", noun=one if len(names) == 1 else several, names=", ".join(names))


def _of_engine(entry: AuditEntry, messages: Iterable[str]) -> str:
    """What the engine observed: ``task 243cb684 in cluster c: drain``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", entry.operation.rpartition(":")[2]).lower()
    words = words.removeprefix("task ")
    about = [re.sub(r"^(wrote|created|changed|registered|asked to stop) ", "", m) for m in messages]
    return f"{', '.join(about)}: {words}" if about else f"engine: {words}"
