"""Conditional updates, an extension of ours: the header ``If-Match`` names the expected version."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.model.errors import NotYet
from tealmesh.model.rollout import fencing
from tealmesh.rollout.drivers.aws import Aws, fenced
from tests.apis.appmesh.system import NAMES, PAYLOADS, SPECS
from tests.support.sdk import client


def expecting(system: Any, text: str) -> Any:
    """A client of the same API, whose calls send this header."""

    def add(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["If-Match"] = text

    made = client(system.meta.endpoint_url, "appmesh")
    made.meta.events.register("before-call.app-mesh", add)
    return made


@pytest.mark.parametrize("noun", NAMES)
def test_an_update_is_refused_if_the_version_is_another(system: Any, noun: str) -> None:
    update = getattr(expecting(system, '"1"'), f"update_{noun}")
    updated = update(**NAMES[noun], spec=SPECS[noun])[PAYLOADS[noun]]
    assert updated["metadata"]["version"] == 2
    with pytest.raises(ClientError, match=r"has version 2, not 1 \(If-Match\)") as error:
        update(**NAMES[noun], spec=SPECS[noun])
    assert error.value.response["Error"]["Code"] == "ConflictException"
    assert getattr(system, f"describe_{noun}")(**NAMES[noun])[PAYLOADS[noun]] == updated


@pytest.mark.parametrize("text", ["3", '"one"', '"0"'])
def test_what_is_not_the_version_refuses_deletion_too(system: Any, text: str) -> None:
    with pytest.raises(ClientError, match="ConflictException"):
        expecting(system, text).delete_route(**NAMES["route"])


@pytest.mark.parametrize("text", ["*", "1"])
def test_any_version_and_an_unquoted_one_are_understood(system: Any, text: str) -> None:
    expecting(system, text).delete_route(**NAMES["route"])


def test_a_rollout_does_not_write_over_a_route_that_has_just_been_changed(system: Any) -> None:
    names, spec = NAMES["route"], SPECS["route"]
    aws = Aws(lambda service: system)

    async def update(version: int) -> None:
        await aws.update_route(*names.values(), spec, version)

    asyncio.run(update(1))
    with pytest.raises(NotYet, match="somebody else has just changed"):
        asyncio.run(update(1))
    assert system.describe_route(**names)["route"]["metadata"]["version"] == 2
    # Without the condition, as for everybody else.
    assert system.update_route(**names, spec=spec)["route"]["metadata"]["version"] == 3


def test_what_a_deployment_orders_is_refused_once_that_has_gone_on(system: Any) -> None:
    """`model.rollout.fencing`, through the whole front: nothing is changed."""
    with fencing.within(fencing.issued, "web/d1/7"):
        late = fenced(client(system.meta.endpoint_url, "appmesh"))
        with pytest.raises(ClientError, match="Teal-Fence: deployment d1 of web does not exist"):
            late.update_route(**NAMES["route"], spec=SPECS["route"])
    assert system.describe_route(**NAMES["route"])["route"]["metadata"]["version"] == 1
    late.update_route(**NAMES["route"], spec=SPECS["route"])
