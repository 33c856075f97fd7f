"""The rows that replicas publish, to and from JSON. Pure.

The roster is a list of ids, node ids, resources and versions. The progress has the newest revision
of the replica's snapshot, and by place in the roster what is not as with most: the revisions of
those that run with an older one, as runs of places, and what is refused or noted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from tealmesh.model.convergence import EnvoyStatus, Reported

Entry = tuple[str, str, str, str]
"""Of a roster: id, node id, resource and version."""


def entry(envoy: Reported) -> str:
    """Who one is, as it stands in a roster."""
    return json.dumps(_entry(envoy))


def roster(entries: Iterable[str]) -> str:
    """Who they are."""
    return f"[{','.join(entries)}]"


def entries(roster: str) -> list[Entry]:
    """Who they are by a roster. Raises ValueError for anything else."""
    return [(identity, node, what, version) for identity, node, what, version in json.loads(roster)]


def same(one: Reported, other: Reported) -> bool:
    """Whether both have the same entry."""
    return _entry(one) == _entry(other)


def _entry(envoy: Reported) -> Entry:
    status = envoy.status
    return status.id, status.node_id, status.resource, status.version


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


def read(
    entries: Sequence[Entry], progress: str, before: Sequence[Reported] = ()
) -> list[Reported]:
    """What a replica has published, by the entries of its roster; the objects of ``before``, which
    it had published with the same roster, where they still say what is so. Raises ValueError if
    ``progress`` is anything else.
    """
    told = json.loads(progress)
    newest, informed = told["newest"], told["informed"]
    acknowledged = {
        place: int(revision) for revision, runs in told["behind"].items() for place in _places(runs)
    }
    gone = set(_places(told["gone"]))
    more: Mapping[str, tuple[str, str, int]] = told["more"]
    usual = ("", "", informed)
    found = []
    for place, (identity, node_id, resource, version) in enumerate(entries):
        rejected, note, heard = more.get(str(place), usual) if more else usual
        runs_with, connected = acknowledged.get(place, newest), place not in gone
        if before and _says(was := before[place], connected, runs_with, rejected, note, heard):
            found.append(was)
            continue
        status = EnvoyStatus(
            identity, node_id, resource, connected, runs_with,
            rejected=rejected, note=note, version=version,
        )  # fmt: skip
        found.append(Reported(status, heard))
    return found


def _says(
    was: Reported, connected: bool, acknowledged: int, rejected: str, note: str, informed: int
) -> bool:
    status = was.status
    return (
        status.acknowledged == acknowledged
        and status.connected == connected
        and was.informed == informed
        and status.rejected == rejected
        and status.note == note
    )


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
