"""The comparison's state as the store keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class ArmBody(TypedDict):
    """A `counts.Arm`."""

    requests: int
    bad: int


class PairBody(TypedDict):
    """A `counts.Pair`."""

    old: ArmBody
    new: ArmBody


class CellBody(TypedDict):
    """A `state.Cell`."""

    pair: PairBody
    windows: int
    usual: float


class BurstsBody(TypedDict):
    """A `bursts.Bursts`."""

    failures: float
    followers: float
    together: float
    long_failures: float
    long_followers: float
    minute: Sequence[int]
    windows: int
    sizes: float
    parts: float


class SplitBody(TypedDict):
    """A `state.Split`."""

    old: float
    new: float


class StrandBody(TypedDict):
    """A `state.Strand`."""

    weight: float
    worse: Sequence[float]
    alike: Sequence[float]
    below: Sequence[float]
    seen: PairBody
    bursts: BurstsBody
    cell: CellBody
    split: SplitBody


class StateBody(TypedDict):
    """A `state.State`."""

    strands: Sequence[StrandBody]
    step: int
