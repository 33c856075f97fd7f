"""A mesh that is written in any form comes in again as the same mesh, with nothing to remark."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.migration.endpoint import meaning
from tealmesh.migration.found import PARENTS, Name, Resource, settled
from tealmesh.migration.readers import Text, read
from tealmesh.migration.spelling import spec_shape
from tealmesh.migration.writers import aws_cli
from tealmesh.model.mesh import Kind
from tests.migration.as_terraform import as_state, zeroless
from tests.support.meshes.shapes import values

ARN = "arn:aws:appmesh:eu-west-1:111122223333:mesh/shop"
Documents = list[dict[str, Any]]


@st.composite
def meshes(draw: Any) -> list[Resource]:
    """A mesh named ``shop`` with one or two resources of each kind, of random specifications."""
    resources = [_resource(draw, Name(Kind.MESH, "shop", "shop"))]
    for kind in Kind:
        parent = PARENTS.get(kind)
        names = ("one", "two") if draw(st.booleans()) else ("one",)
        for name in names if kind is not Kind.MESH else ():
            resources.append(_resource(draw, Name(kind, "shop", name, "one" if parent else "")))
    return resources


def _resource(draw: Any, name: Name) -> Resource:
    tags = draw(st.dictionaries(st.sampled_from(["team", "env"]), st.sampled_from(["a", "b c"])))
    spec = draw(values(spec_shape(name.kind)))
    spec.pop("priority", None)  # 0 and none are the same to Terraform's provider
    return Resource(name, spec, "drawn", tags)


def as_cli_input(resources: Sequence[Resource]) -> Documents:
    """What `teal export --to json --directory` writes."""
    return [json.loads(text) for _, text in aws_cli.files(resources)]


def as_one_list(resources: Sequence[Resource]) -> list[Any]:
    """What `teal export --to json` prints."""
    return [[one.request for one in resources]]


def as_answers(resources: Sequence[Resource]) -> Documents:
    """What `aws appmesh describe-…` prints, without tags."""
    return [
        {
            one.name.kind.value: {
                **one.name.members,
                "metadata": {"arn": ARN, "version": 1, "meshOwner": "1", "resourceOwner": "1"},
                "status": {"status": "ACTIVE"},
                "spec": one.spec,
            }
        }
        for one in resources
    ]


def capital(value: Any) -> Any:
    """Members as CloudFormation spells them."""
    if isinstance(value, list):
        return [capital(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {_spelled(name): capital(one) for name, one in value.items()}


def _spelled(name: str) -> str:
    capitals = ("acm", "dns", "grpc", "http", "http2", "json", "sds", "tcp", "tls")
    if name in capitals:
        return name.upper()
    return "AWSCloudMap" if name == "awsCloudMap" else name[0].upper() + name[1:]


def properties(one: Resource) -> dict[str, Any]:
    return {name: capital(value) for name, value in {**one.name.members, "spec": one.spec}.items()}


def as_template(resources: Sequence[Resource]) -> Documents:
    declared = {
        f"R{index}": {
            "Type": f"AWS::AppMesh::{one.name.kind.noun}",
            "Properties": {
                **{_spelled(name): value for name, value in properties(one).items()},
                "Tags": [{"Key": key, "Value": value} for key, value in one.tags.items()],
            },
        }
        for index, one in enumerate(resources)
    }
    return [{"AWSTemplateFormatVersion": "2010-09-09", "Resources": declared}]


def as_config_items(resources: Sequence[Resource]) -> Documents:
    items = [
        {
            "resourceType": f"AWS::AppMesh::{one.name.kind.noun}",
            "resourceId": str(one.name),
            "configurationItemStatus": "OK",
            "configuration": json.dumps({_spelled(n): v for n, v in properties(one).items()}),
            "tags": dict(one.tags),
        }
        for one in resources
    ]
    return [{"configurationItems": items}]


def as_terraform_state(resources: Sequence[Resource]) -> Documents:
    made = [
        {
            "mode": "managed",
            "type": f"aws_appmesh_{_snake(one.name.kind.value)}",
            "name": f"r{index}",
            "instances": [{"attributes": _attributes(one)}],
        }
        for index, one in enumerate(resources)
    ]
    return [
        {"version": 4, "terraform_version": "1.5", "serial": 1, "lineage": "x", "resources": made}
    ]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _attributes(one: Resource) -> dict[str, Any]:
    parent = PARENTS.get(one.name.kind)
    above = {f"{_snake(parent.value)}_name": one.name.parent} if parent else {}
    spec = as_state(spec_shape(one.name.kind), one.spec)
    return {"name": one.name.name, "mesh_name": one.name.mesh, **above, "spec": spec,
            "tags": dict(one.tags) or None}  # fmt: skip


FORMS: list[Callable[[Sequence[Resource]], list[Any]]] = [
    as_cli_input, as_one_list, as_answers, as_template, as_config_items, as_terraform_state,
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@given(drawn=meshes())
def test_it_is_the_same_mesh(
    form: Callable[[Sequence[Resource]], list[Any]], drawn: list[Resource]
) -> None:
    texts = [Text(f"file{i}", json.dumps(one)) for i, one in enumerate(form(drawn))]
    result = settled(read(texts, {}))
    same = meaning if form is not as_terraform_state else zeroless
    expected = {one.name: same(one.spec) for one in drawn}
    assert {one.name: same(one.spec) for one in result.resources} == expected
    told = [one for one in result.remarks if "which is not here" not in one.text]
    assert all(one.refuses for one in told), "what is drawn obeys the model, and not every rule"
    if form is not as_answers:
        assert {one.name: dict(one.tags) for one in result.resources} == {
            one.name: dict(one.tags) for one in drawn
        }
