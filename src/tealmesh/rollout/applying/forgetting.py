"""Forgets old deployments with all that was written down of them: the state stays bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout import documents
from tealmesh.rollout.groups import stored as groups
from tealmesh.store import Reader, Transaction, tables

WAYS_BACK = 2
"""The newest releases that stay, however many deployments failed since: what serves, and what
`teal rollback` goes back to.
"""


def outdated(
    history: Sequence[Deployment], keep: int, needed: Collection[str] = ()
) -> list[Deployment]:
    """Of a service's deployments, those that may go. ``needed`` are ids that stay.

    The newest ``keep`` stay, and so does each that runs and what there is to go back to.
    """
    if any(not d.number for d in history):
        return []  # of version 0.1, which did not number them: older ones count for their numbers
    newest = sorted(history, key=lambda d: d.number, reverse=True)
    released = [d.id for d in newest if d.state is State.SUCCEEDED][:WAYS_BACK]
    stay = {*released, *needed}
    return [d for d in newest[keep:] if d.finished and d.id not in stay]


def forget_old(t: Transaction, keep: int) -> int:
    """Forget all but the newest ``keep`` deployments of each service and of each group; return
    how many of services.
    """
    _forget_groups(t, keep)
    needed = _needed(t)
    # Most services have few: they need not be read.
    count = Counter(document.body["service"] for document in t.list(tables.DEPLOYMENTS))
    old = [
        d
        for service in sorted(name for name, many in count.items() if many > keep)
        for d in outdated(documents.deployments(t, service), keep, needed)
    ]
    for d in old:
        forget(t, d)
    return len(old)


def forget(t: Transaction, d: Deployment) -> None:
    """Delete a deployment, its journal, and what was measured, asked and seen for it."""
    t.delete(tables.DEPLOYMENTS, d.service, d.id)
    for entry in t.list(tables.JOURNAL, d.id):
        t.delete(tables.JOURNAL, d.id, f"{entry.body['sequence']:06}")
    for hook in t.list(tables.HOOKS, d.id):
        step, index = hook.body["step"], hook.body["index"]
        t.delete(tables.HOOKS, d.id, f"{step:03}", f"{index:03}")
    for window in t.list(tables.WINDOWS, d.id):
        t.delete(tables.WINDOWS, d.id, f"{window.body['index']:06}")
    for failed in t.list(tables.FAILED_TASKS, d.id):
        t.delete(tables.FAILED_TASKS, d.id, failed.body["task"])


def _forget_groups(t: Transaction, keep: int) -> None:
    names = {document.body["group"] for document in t.list(tables.GROUP_DEPLOYMENTS)}
    for name in names:
        for g in groups.history(t, name)[keep:]:
            if g.finished:
                t.delete(tables.GROUP_DEPLOYMENTS, g.group, g.id)


def _needed(view: Reader) -> set[str]:
    """The deployments that other documents name."""
    kept = {document.body["deployment"] for document in view.list(tables.KEPT)}
    members = {
        member["deployment"]
        for document in view.list(tables.GROUP_DEPLOYMENTS)
        for member in document.body["members"]
    }
    return kept | members
