"""What several replicas report of a mesh, as one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from tealmesh.model.convergence import Reported

WAITED_FOR = (
    "nothing is heard of its control plane: it is waited for until it is connected to another one"
)


def together(
    reports: Iterable[tuple[bool, Collection[Reported]]], known_gone: Callable[[str], bool]
) -> dict[str, Reported]:
    """By id. ``reports``: of each other replica, whether it is there and can report, and what it
    reports.

    An Envoy that two replicas report is as far as the one says that has heard less. What one has
    reported that is dead or cut off from the database counts until another replica reports the
    Envoy, or it is ``known_gone``.
    """
    found: dict[str, Reported] = {}
    for lives, envoys in reports:
        for one in envoys:
            identity = one.status.id
            if not lives:
                note = one.status.note or WAITED_FOR
                one = replace(one, status=replace(one.status, connected=False, note=note))
            found[identity] = _nearer(found.get(identity), one)
    return {
        identity: one
        for identity, one in found.items()
        if one.status.connected or not known_gone(identity)
    }


def _nearer(before: Reported | None, one: Reported) -> Reported:
    """The one that counts of two reports of an Envoy."""
    if before is None or before.status.connected != one.status.connected:
        return one if before is None or one.status.connected else before
    if before.status.connected:
        # Connected to both: it runs with what both have heard.
        return min(before, one, key=lambda report: report.status.acknowledged)
    return max(before, one, key=lambda report: report.status.acknowledged)
