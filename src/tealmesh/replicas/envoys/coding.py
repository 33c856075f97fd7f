"""The rows that replicas publish, to and from JSON. Pure.

The roster is a list of ids, node ids, resources and versions. The progress has the newest revision
of the replica's snapshot, and by place in the roster what is not as with most: the revisions of
those that run with an older one, as runs of places, and what is refused or noted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from tealmesh.model.convergence import EnvoyStatus, Reported


def roster(envoys: Sequence[Reported]) -> str:
    """Who they are."""
    statuses = [e.status for e in envoys]
    return json.dumps([(s.id, s.node_id, s.resource, s.version) for s in statuses])


def progress(envoys: Sequence[Reported]) -> str:
    """How far they are, in the order of their roster."""
    newest = max((e.status.acknowledged for e in envoys), default=0)
    informed = max((e.informed for e in envoys), default=0)
    behind: dict[int, list[int]] = {}
    for place, one in enumerate(envoys):
        if one.status.acknowledged != newest:
            behind.setdefault(one.status.acknowledged, []).append(place)
    more = {
        place: (one.status.rejected, one.status.note, one.informed)
        for place, one in enumerate(envoys)
        if one.status.rejected or one.status.note or one.informed != informed
    }
    gone = [place for place, one in enumerate(envoys) if not one.status.connected]
    told = {
        "newest": newest,
        "informed": informed,
        "behind": {revision: _runs(places) for revision, places in behind.items()},
        "more": more,
        "gone": _runs(gone),
    }
    return json.dumps(told)


def read(roster: str, progress: str) -> list[Reported]:
    """What a replica has published. Raises ValueError for anything else."""
    told = json.loads(progress)
    acknowledged = {
        place: int(revision) for revision, runs in told["behind"].items() for place in _places(runs)
    }
    gone = set(_places(told["gone"]))
    more: Mapping[str, tuple[str, str, int]] = told["more"]
    found = []
    for place, (identity, node_id, resource, version) in enumerate(json.loads(roster)):
        rejected, note, informed = more.get(str(place), ("", "", told["informed"]))
        status = EnvoyStatus(
            identity,
            node_id,
            resource,
            place not in gone,
            acknowledged.get(place, told["newest"]),
            rejected=rejected,
            note=note,
            version=version,
        )
        found.append(Reported(status, informed))
    return found


def _runs(places: Iterable[int]) -> list[int]:
    """Rising numbers as first and length, first and length."""
    runs: list[int] = []
    for place in places:
        if runs and place == runs[-2] + runs[-1]:
            runs[-1] += 1
        else:
            runs += [place, 1]
    return runs


def _places(runs: Sequence[int]) -> Iterable[int]:
    for first, length in zip(runs[::2], runs[1::2], strict=True):
        yield from range(first, first + length)
