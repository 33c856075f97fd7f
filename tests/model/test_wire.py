"""The types in `model.wire` are those of our API's model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NotRequired, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from botocore.model import ServiceModel

from tealmesh.aws.wire.apimodel import models_path
from tealmesh.model import wire

MODEL = ServiceModel(
    json.loads((Path(models_path()) / "tealmesh/2026-11-01/service-2.json").read_text())
)
STRUCTURES = [
    name
    for name in MODEL.shape_names
    if MODEL.shape_for(name).type_name == "structure"
    and not MODEL.shape_for(name).metadata.get("exception")
]
SCALARS = {
    "string": str,
    "integer": int,
    "long": int,
    "double": float,
    "boolean": bool,
    "timestamp": float,
}


def agrees(hint, shape):
    if shape.type_name == "structure":
        return hint is getattr(wire, shape.name)
    if shape.type_name == "list":
        return get_origin(hint) is list and agrees(get_args(hint)[0], shape.member)
    if shape.type_name == "map":
        key, value = get_args(hint)
        return get_origin(hint) is dict and agrees(key, shape.key) and agrees(value, shape.value)
    return hint is SCALARS[shape.type_name]


def test_every_structure_of_the_model_has_a_type_and_no_type_is_left_over():
    typed = {name for name, value in vars(wire).items() if is_typeddict(value)}
    assert typed == set(STRUCTURES)


@pytest.mark.parametrize("name", STRUCTURES)
def test_members_and_their_types_are_those_of_the_model(name):
    shape = MODEL.shape_for(name)
    hints = get_type_hints(getattr(wire, name), include_extras=True)
    assert list(hints) == list(shape.members)
    for member, hint in hints.items():
        optional = get_origin(hint) is NotRequired
        assert optional == (member not in shape.required_members), member
        assert agrees(get_args(hint)[0] if optional else hint, shape.members[member]), member
