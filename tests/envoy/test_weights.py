"""Weights follow health: a target without capacity counts as weight 0."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.envoy.routing.weights import WeightedTarget, effective_weights

targets = st.lists(
    st.builds(
        WeightedTarget,
        cluster=st.sampled_from(["a", "b", "c"]),
        weight=st.integers(0, 100),
        capable=st.booleans(),
    ),
    max_size=10,
)


@given(targets)
def test_weight_is_given_only_to_capacity_where_there_is_any(chosen: list[WeightedTarget]) -> None:
    weights = effective_weights(chosen)
    assert len(weights) == len(chosen)
    some = any(target.capable and target.weight for target in chosen)
    for target, weight in zip(chosen, weights, strict=True):
        if some:
            assert weight == (target.weight if target.capable else 0)
        else:
            assert weight == target.weight


@given(targets)
def test_a_weight_is_never_raised_and_never_taken_from_everyone(
    chosen: list[WeightedTarget],
) -> None:
    weights = effective_weights(chosen)
    assert all(weight <= target.weight for target, weight in zip(chosen, weights, strict=True))
    assert any(weights) == any(target.weight for target in chosen)
