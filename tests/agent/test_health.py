"""What the agent says of its Envoy, by what Envoy says of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.agent.health import Health
from tealmesh.agent.variables import CHANGED, DROPPED, KEPT, OWN, remarks
from tests.support.machine import REPOSITORY

CONNECTED, AWAY = "control_plane.connected_state: 1\n", "control_plane.connected_state: 0\n"


def test_an_envoy_without_its_control_plane_stays_healthy_for_a_while() -> None:
    health = Health(started=0.0, allowed=300.0)
    health.saw(1.0, "LIVE\n", CONNECTED)
    health.saw(10.0, "LIVE\n", AWAY)
    health.saw(310.0, "LIVE\n", AWAY)
    assert health.status(310.0)["healthStatus"] == "HEALTHY"
    shown = health.status(310.5)
    assert (shown["healthStatus"], shown["disconnectedSeconds"]) == ("UNHEALTHY", 300.5)
    health.saw(311.0, "LIVE\n", CONNECTED)
    assert health.status(311.0)["healthStatus"] == "HEALTHY"


@pytest.mark.parametrize(
    ("ready", "why"),
    [
        (None, "Envoy does not answer"),
        ("PRE_INITIALIZING\n", "Envoy is PRE_INITIALIZING: it has no configuration"),
    ],
)
def test_one_that_is_not_live_is_not_healthy(ready: str | None, why: str) -> None:
    health = Health(started=0.0, allowed=300.0)
    health.saw(1.0, ready, CONNECTED)
    shown = health.status(1.0)
    assert shown["healthStatus"] == "UNHEALTHY"
    assert shown["reason"].startswith(why)


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), min_size=1))
def test_it_is_away_since_it_was_connected_last(looks: list[tuple[float, bool]]) -> None:
    health, now, last = Health(started=0.0, allowed=1e9), 0.0, None
    for pause, connected in looks:
        now += pause
        health.saw(now, "LIVE", CONNECTED if connected else AWAY)
        last = None if connected else now if last is None else last
    expected = 0.0 if last is None else now - last
    assert health.status(now)["disconnectedSeconds"] == round(expected, 1)


def test_every_variable_is_in_one_list_and_in_the_docs() -> None:
    lists = [set(KEPT), set(CHANGED), set(DROPPED), set(OWN)]
    assert len(set.union(*lists)) == sum(map(len, lists))
    page = (REPOSITORY / "docs" / "envoys.md").read_text()
    assert [name for name in sorted(set.union(*lists)) if f"`{name}`" not in page] == []


def test_what_does_nothing_is_told() -> None:
    given = {"APPMESH_PREVIEW": "1", "ENVOY_LOG_LEVEL": "info", "ENVOY_ADMIN_MODE": ""}
    assert list(remarks(given)) == [
        "APPMESH_PREVIEW is not kept: what the preview channel had is always on"
    ]
