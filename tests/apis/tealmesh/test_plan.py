"""A plan says what an apply does, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.rollout.drivers.differences import differences
from tests.apis.tealmesh.plane import TOML, Plane, refused

WITHOUT_FRONT = TOML.replace(
    """[services.front]
port = 8081
image = "example/web:1"
backends = ["web"]

""",
    "",
).replace(', "/front" = "front"', "")
assert "front" not in WITHOUT_FRONT
CHANGED = WITHOUT_FRONT.replace("desired_count = 2", 'desired_count = 3\nhealth_path = "/up"')


def plan(plane: Plane, text: str) -> dict[str, Any]:
    before = plane.store.revision
    answer: dict[str, Any] = plane.__getattr__("apply")(
        text=text, file="teal.toml", baseDirectory="/srv", plan=True
    )
    assert plane.store.revision == before
    return answer


def test_a_plan_says_what_the_apply_then_does(plane: Plane) -> None:
    for text in (TOML, CHANGED, WITHOUT_FRONT, TOML):
        planned = [(c["action"], c["what"]) for c in plan(plane, text)["changes"]]
        applied = [(c["action"], c["what"]) for c in plane.apply(text)["changes"]]
        assert planned == applied
        assert planned
        assert plan(plane, text)["changes"] == []


def test_a_change_has_its_old_and_its_new_value(plane: Plane) -> None:
    plane.apply()
    text = CHANGED.replace("[gateways", "[services.web.gates]\nsuccess_rate = 0.5\n[gateways")
    changes = {c["what"]: c.get("details", []) for c in plan(plane, text)["changes"]}
    assert changes["ECS service web-blue"] == ["desired count: 2 → 3"]
    assert changes["virtual node web-blue"] == ['listeners[0].healthCheck.path: "/" → "/up"']
    assert changes["service web"] == ["gates.success_rate: 0.99 → 0.5"]
    assert changes["gateway route prefix-front of gateway edge"] == []


def test_what_is_not_described_any_more_is_named(plane: Plane) -> None:
    plane.apply()
    assert plan(plane, TOML)["leftOver"] == []
    renamed = WITHOUT_FRONT.replace("gateways.edge", "gateways.door")
    assert plan(plane, renamed)["leftOver"] == ["front", "edge"]
    # What another teal.toml describes, in a mesh of its own, is not left over.
    other = renamed.replace('"demo"', '"other"').replace("services.web", "services.shop")
    assert plan(plane, other.replace('= "web"', '= "shop"'))["leftOver"] == []


def test_a_plan_is_refused_as_the_apply_is(plane: Plane) -> None:
    plane.apply()
    with pytest.raises(ClientError) as error:
        plan(plane, TOML.replace("desired_count = 2", 'sides = ["red", "black"]'))
    assert refused(error)[0] == "BadRequestException"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_equal_values_have_no_differences(value: object) -> None:
    assert differences(value, value) == []


@given(st.dictionaries(st.text("ab"), st.integers()), st.dictionaries(st.text("ab"), st.integers()))
def test_each_member_that_differs_has_a_line(before: dict[str, int], after: dict[str, int]) -> None:
    members = set(before) | set(after)
    changed = {name for name in members if before.get(name) != after.get(name)}
    assert len(differences(before, after)) == len(changed)
    wanted = {name for name in changed if name in after}
    assert len(differences(before, after, only_in_wanted=True)) == len(wanted)
