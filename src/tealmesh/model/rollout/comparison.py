"""How far the comparison of both sides is: part of a deployment, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tealmesh.model.teal import known_members
from tealmesh.model.traffic.windows import Counts, Window

if TYPE_CHECKING:
    from tealmesh.model.teal import ComparisonBody
    from tealmesh.model.traffic.windows import SinceBody

# The gate's own data, which it makes and reads itself.
Evidence = Mapping[str, Any]


@dataclass(frozen=True)
class Usual:
    """How often something bad happened on the old side lately. Windows longer ago count less."""

    requests: float = 0.0
    bad: float = 0.0


@dataclass(frozen=True)
class Since:
    """One way to count bad requests since the new side has all the weight."""

    usual: Usual
    limit: float
    """The share of bad requests, 0 to 1, that is no reason to go back."""
    logs: tuple[float, ...]
    """For each stake, the logarithm of the capital of who bets that there are more."""
    requests: int = 0
    bad: int = 0


@dataclass(frozen=True)
class Comparison:
    """The evidence for and against the new side, over all windows of a deployment. Times are
    seconds since the epoch.
    """

    windows: int = 0
    """How many windows have been closed."""
    opened_at: float = 0.0
    """When the present window began; 0 for none."""
    warm_until: float = 0.0
    """Until when the new side is not judged, as it warms up; 0 before its first weight."""
    cold_until: float = 0.0
    """Until when its latency is not judged."""
    old_since: float = 0.0
    """Since when the old side serves what it serves; 0 if that was before all that is known."""
    before: Counts | None = None
    """What callers saw of the old side shortly before the first weight; None if unknown."""
    bounds: tuple[float, ...] = ()
    """The bounds of latency, in milliseconds, by which both sides are compared."""
    part_bounds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By the name of a part, those for its latency; ``bounds`` where there are none."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    """By metric, the state of the comparing gate."""
    prior: Mapping[str, Evidence] = field(default_factory=dict)
    """``evidence`` before the first window, from what was seen of the old side before."""
    usual: Mapping[str, tuple[Usual, ...]] = field(default_factory=dict)
    """By metric, what happened on the old side lately, for each way to count bad requests."""
    asked: Mapping[str, float] = field(default_factory=dict)
    """By the name of a part, the old side's requests to it lately, while both sides had weight;
    those to the whole service have no name. Windows longer ago count less."""
    since: Mapping[str, tuple[Since, ...]] = field(default_factory=dict)
    """The same of what happens since the new side has all the weight."""
    undecided: bool = False
    """Whether the deployment is held because there was no verdict in time."""
    last: Window | None = None
    """The window that was closed last."""

    @classmethod
    def from_json(cls, body: ComparisonBody) -> Comparison:
        """The comparison that `dataclasses.asdict` made into a body."""
        known = known_members(cls, body)
        known["bounds"] = tuple(body.get("bounds", ()))
        of_parts = body.get("part_bounds", {}).items()
        known["part_bounds"] = {part: tuple(bounds) for part, bounds in of_parts}
        usual, since = body.get("usual", {}).items(), body.get("since", {}).items()
        known["usual"] = {metric: tuple(Usual(**one) for one in every) for metric, every in usual}
        known["since"] = {metric: tuple(map(_since, every)) for metric, every in since}
        before, last = body.get("before"), body.get("last")
        known["before"] = Counts(**known_members(Counts, before)) if before else None
        known["last"] = Window.from_json(last) if last else None
        return cls(**known)


def _since(body: SinceBody) -> Since:
    known = known_members(Since, body)
    return Since(**{**known, "usual": Usual(**body["usual"]), "logs": tuple(body["logs"])})
