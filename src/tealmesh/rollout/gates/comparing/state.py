"""The evidence so far, as frozen data: windows themselves are forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import cast

from tealmesh.model.teal import known_members
from tealmesh.rollout.gates.comparing import bets, bursts, objective
from tealmesh.rollout.gates.comparing.bets import Bet
from tealmesh.rollout.gates.comparing.bodies import PairBody, StateBody, StrandBody
from tealmesh.rollout.gates.comparing.bursts import Bursts, Length
from tealmesh.rollout.gates.comparing.counts import Arm, Observation, Pair
from tealmesh.rollout.gates.comparing.settings import ALIKE, INFERIOR, WORSE, Settings

SPLIT_REQUESTS = 100
"""About so many requests to the new side tell how requests are split."""


@dataclass(frozen=True)
class Cell:
    """A cell of several windows that has begun."""

    pair: Pair = field(default_factory=Pair)
    windows: int = 0
    """How many windows it has so far; 0 if no cell has begun."""
    usual: float = 1.0
    """`Bursts.usual` when it began."""


@dataclass(frozen=True)
class Split:
    """How requests were split lately, at one weight. Where there are few, a window's own split
    would be chance, and without a request to the new side nothing could be said about its bad ones.
    """

    old: float = 0.0
    new: float = 0.0

    @property
    def share(self) -> float:
        """The new side's share of the requests, 0 to 1; 0 without any."""
        return self.new / (self.old + self.new) if self.new else 0.0

    def after(self, old: int, new: int) -> Split:
        """The split after another window: the fewer requests that has, the more of the past
        counts.
        """
        kept = SPLIT_REQUESTS / (SPLIT_REQUESTS + new)
        return Split(self.old * kept + old, self.new * kept + new)


@dataclass(frozen=True)
class Strand:
    """One way to count bad requests of a metric, such as those slower than one bound of latency."""

    weight: float = 1.0
    """Its share of the metric's capital."""
    worse: tuple[float, ...] = (0.0,) * len(WORSE)
    """The logarithm of the capital on each of `settings.WORSE`, by what was put in."""
    alike: tuple[float, ...] = (0.0,) * len(ALIKE)
    """The same of `settings.ALIKE`."""
    below: tuple[float, ...] = (0.0,) * len(objective.BELOW)
    """The same of `objective.BELOW`."""
    seen: Pair = field(default_factory=Pair)
    """All requests that were compared."""
    bursts: Bursts = field(default_factory=Bursts)
    cell: Cell = field(default_factory=Cell)
    split: Split = field(default_factory=Split)


@dataclass(frozen=True)
class State:
    """The evidence on one metric of a deployment."""

    strands: tuple[Strand, ...] = (Strand(),)
    """The first one is that which PASS is about."""
    step: int = 0
    """The step of the last window."""

    def to_json(self) -> StateBody:
        """The state as the store keeps it."""
        return cast("StateBody", asdict(self))

    @classmethod
    def from_json(cls, body: StateBody) -> State:
        """The state that `to_json` wrote."""
        strands = tuple(_strand(strand) for strand in body["strands"])
        return cls(**{**known_members(cls, body), "strands": strands})


def start(weights: Sequence[float] = (1.0,)) -> State:
    """No evidence yet. ``weights``: the metric's strands, each with its share of the capital; the
    first is that which PASS is about.
    """
    if not weights or min(weights) <= 0:
        raise ValueError(f"weights of strands: {weights}")
    total = sum(weights)
    return State(tuple(Strand(weight / total) for weight in weights))


def add(state: State, settings: Settings, *observed: Observation, step: int = 0) -> State:
    """The state after another window, with one observation for each strand.

    A window without requests to the new side is no evidence, but shows how the old side's failures
    come: it may be added before the new side has any weight. ``step``: another one has other
    weights.
    """
    same = step == state.step
    strands = tuple(
        _added(strand, settings, observation, same)
        for strand, observation in zip(state.strands, observed, strict=True)
    )
    return replace(state, strands=strands, step=step)


def _added(strand: Strand, settings: Settings, observed: Observation, same: bool) -> Strand:
    """The strand after a window."""
    if not same:
        strand = replace(_closed(strand, settings), split=Split())
    old = tuple(part.old.bad for part in observed.parts)
    after = replace(strand, bursts=bursts.seen(strand.bursts, old, same))
    after = _own(after, settings, observed.new, strand.bursts.phi)
    split = strand.split.after(observed.old.requests, observed.new.requests)
    after = replace(after, split=split)
    if not 0 < split.share < 1:
        return after
    after = replace(after, seen=strand.seen + observed.whole)
    length = strand.bursts.length
    if strand.cell.windows or length is Length.MINUTE:
        cell = strand.cell if strand.cell.windows else Cell(usual=strand.bursts.usual)
        cell = replace(cell, pair=cell.pair + observed.whole, windows=cell.windows + 1)
        after = replace(after, cell=cell)
        full = cell.windows >= bursts.WINDOWS_OF_A_LONG_CELL
        return _closed(after, settings) if full else after
    for part in observed.parts if length is Length.SECOND else (observed.whole,):
        bet = Bet(part.old.bad, part.new.bad, split.share, strand.bursts.usual)
        after = _bet(after, settings, bet)
    return after


def _closed(strand: Strand, settings: Settings) -> Strand:
    """The strand after the bet of the cell that has begun, if one has."""
    if not strand.cell.windows:
        return strand
    pair = strand.cell.pair
    bet = Bet(pair.old.bad, pair.new.bad, pair.share, strand.cell.usual)
    return replace(_bet(strand, settings, bet), cell=Cell())


def _bet(strand: Strand, settings: Settings, bet: Bet) -> Strand:
    tolerated = settings.tolerated
    ratios = [ratio * tolerated for ratio in WORSE]
    worse = bets.log_factors(bet, tolerated, ratios)
    alike = bets.log_factors(bet, max(INFERIOR, tolerated), ALIKE)
    return replace(strand, worse=_sum(strand.worse, worse), alike=_sum(strand.alike, alike))


def _own(strand: Strand, settings: Settings, new: Arm, phi: float) -> Strand:
    if settings.allowed is None:
        return strand
    factors = objective.log_factors(new, settings.allowed, phi)
    return replace(strand, below=_sum(strand.below, factors))


def _sum(logs: tuple[float, ...], more: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(logs, more, strict=True))


def _strand(body: StrandBody) -> Strand:
    known = known_members(Strand, body)
    known["worse"], known["alike"] = tuple(body["worse"]), tuple(body["alike"])
    known["below"] = tuple(body["below"])
    known["seen"] = _pair(body["seen"])
    known["bursts"] = Bursts.from_json(body["bursts"])
    known["cell"] = Cell(
        **{**known_members(Cell, body["cell"]), "pair": _pair(body["cell"]["pair"])}
    )
    known["split"] = Split(**body["split"])
    return Strand(**known)


def _pair(body: PairBody) -> Pair:
    return Pair(Arm(**body["old"]), Arm(**body["new"]))
