"""Which variables say what the sides are, and which values a step gives them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.terraform import variables
from tealmesh.model import wire
from tealmesh.model.config.nouns import TerraformNames
from tealmesh.model.errors import TealError

MODULES = TerraformNames()
ARTICLE = TerraformNames(
    active="P.{side}_is_active", weight="P.{side}_weight", image="P.app_image_{side}"
)
FLAT = TerraformNames(
    active="{service}_{side}_is_active", weight="{side}_weight", image="image_{side}"
)


def step(**sides: dict[str, Any]) -> wire.TerraformStep:
    described: list[Any] = [
        {"side": name, "virtualNode": f"web-{name}", "ecsService": f"web-{name}", **values}
        for name, values in sides.items()
    ]
    return {
        "number": 1,
        "kind": "SHIFT",
        "side": "green",
        "mesh": "m",
        "router": "web",
        "routes": ["web"],
        "sides": described,
    }


SHIFT = step(
    blue={"active": True, "weight": 90, "image": "app:1"},
    green={"active": True, "weight": 10, "image": "app:2"},
)


def test_objects_of_the_modules_are_changed_as_a_whole() -> None:
    blue = {"is_active": True, "weight": 1, "image": "app:1", "more": [1]}
    green = {"is_active": False, "weight": 0, "image": "app:0"}
    changed = variables.changed({"blue": blue, "green": green, "x": 1}, MODULES, "web", SHIFT)
    assert changed == {
        "blue": {**blue, "weight": 90},
        "green": {"is_active": True, "weight": 10, "image": "app:2"},
    }


def test_a_map_of_strings_keeps_strings() -> None:
    present = {
        "P": {
            "blue_is_active": "true",
            "blue_weight": "1",
            "app_image_blue": "app:1",
            "green_is_active": "false",
            "green_weight": "0",
            "app_image_green": "app:0",
            "task_cpu": "512",
        }
    }
    changed: Any = variables.changed(present, ARTICLE, "web", SHIFT)
    assert changed["P"] == {
        **present["P"],
        "blue_weight": "90",
        "green_is_active": "true",
        "green_weight": "10",
        "app_image_green": "app:2",
    }


def test_a_side_that_is_not_to_change_keeps_its_variables_and_one_that_stops_its_image() -> None:
    present = {
        "web_blue_is_active": True,
        "blue_weight": 0,
        "image_blue": "app:1",
        "web_green_is_active": True,
        "green_weight": 100,
        "image_green": "app:2",
    }
    stop = step(blue={"active": False, "weight": 0}, green={})
    assert variables.changed(present, FLAT, "web", stop) == {"web_blue_is_active": False}


def test_a_variable_that_is_missing_is_named_with_those_that_there_are() -> None:
    with pytest.raises(TealError) as refused:
        variables.check(ARTICLE, "web", ["blue"], {"P": {"blue_is_active": True}, "region": "x"})
    assert str(refused.value) == (
        "no variable P.blue_weight in the configuration (there are: P, region): [terraform] in "
        'teal.toml says what they are called, such as weight = "P.{side}_weight"'
    )
    good = {"blue": {"is_active": True, "weight": 1, "image": ""}}
    variables.check(MODULES, "web", ["blue"], good)


@given(
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=4),
)
def test_the_file_keeps_what_others_wrote(there: dict[str, int], ours: dict[str, int]) -> None:
    text = variables.merged(json.dumps(there), ours)
    assert json.loads(text) == {**there, **ours}
    assert variables.merged(text, ours) == text


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_a_file_that_is_no_object_is_not_overwritten(text: str) -> None:
    with pytest.raises(TealError, match=variables.FILE):
        variables.merged(text, {"a": 1})
