"""Which weight a weighted target really gets.

A warm cluster is not a healthy one: weight on a node none of whose instances can answer fails that
share of the requests (measured). So a target without capacity counts as weight 0 while another
target with weight has some; where none has any, the weights stand as they were set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class WeightedTarget:
    """A target's cluster, its weight as set, and whether it has an instance that can answer."""

    cluster: str
    weight: int
    capable: bool
    node: str = ""
    """Its virtual node."""


def effective_weights(targets: Sequence[WeightedTarget]) -> tuple[int, ...]:
    """The weights to send to Envoy, in the order of ``targets``.

    Never raises a weight, and never makes all of them 0 unless they were set so.
    """
    if not any(target.weight and target.capable for target in targets):
        return tuple(target.weight for target in targets)
    return tuple(target.weight if target.capable else 0 for target in targets)
