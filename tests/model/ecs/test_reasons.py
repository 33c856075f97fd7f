"""Reasons of ECS are recognized whole, and whatever is not is left as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.ecs.reasons import told
from tealmesh.model.said import Said


@pytest.mark.parametrize(
    ("reason", "template"),
    [
        ("Essential container in task exited", "Essential container in task exited"),
        (
            "Essential container in task exited: app with code -9; last log lines of app: a: b; c",
            "{reason}; last log lines of {container}: {lines}",
        ),
        (
            "Scaling activity initiated by (deployment ecs-svc/123)",
            "Scaling activity initiated by (deployment {deployment})",
        ),
        (
            "CannotPullContainerError: image 'x:1' of container app is not mapped",
            "CannotPullContainerError: {words}",
        ),
    ],
)
def test_what_ecs_says_is_recognized(reason: str, template: str) -> None:
    made = told(reason)
    assert isinstance(made, Said)
    assert (str(made), made.template) == (reason, template)


def test_a_reason_in_a_reason_is_recognized_too() -> None:
    made = told("Task failed to start in time: container envoy is not healthy yet")
    assert isinstance(made, Said)
    inner = made.values["what"]
    assert isinstance(inner, Said)
    assert inner.values == {"container": "envoy"}


@given(
    st.lists(
        st.sampled_from(
            [
                "Essential container in task exited",
                ": app with code 1",
                "; last log lines of app: ",
                "Task failed health checks: ",
                "{x}",
                "teal down",
            ]
        )
        | st.text(max_size=8),
        max_size=8,
    ).map("".join)
)
def test_the_text_stays_as_it_is(reason: str) -> None:
    assert str(told(reason)) == reason
