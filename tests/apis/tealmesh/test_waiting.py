"""GetDeployment with ``waitUntil``: answered when a deployment has come so far, or never will."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.apis.tealmesh.control import reached
from tealmesh.aws.clients import client
from tealmesh.model.rollout import JournalEntry, Phase, State, Status
from tests.apis.tealmesh.plane import Plane
from tests.apis.tealmesh.test_api import transitions_until_rolled_back
from tests.rollout.machine.walking import created

LONG = 60
"""Seconds, before which every one of these waits is answered."""


@pytest.fixture
def deploying(plane: Plane) -> Plane:
    """A deployment whose new tasks are waited for."""
    plane.apply()
    plane.run_tasks("web-blue", 2)
    plane.deploy(service="web", image="example/web:2", steps=[10, 100])
    return plane


def ask(plane: Plane, until: str, seconds: int | None = None) -> Any:
    waits = {} if seconds is None else {"waitSeconds": seconds}
    return plane.get_deployment(service="web", waitUntil=until, **waits)


def asked(plane: Plane, until: str, pool: ThreadPoolExecutor) -> Future[Any]:
    """The answer of a caller of its own, who waits."""
    calls = client("tealmesh", plane.url, access_key="tester")
    return pool.submit(calls.get_deployment, service="web", waitUntil=until, waitSeconds=LONG)


def test_it_waits_until_a_state_is_reached_and_answers_with_it(deploying: Plane) -> None:
    assert ask(deploying, "SCALING_UP", LONG)["reached"] is True
    answer = ask(deploying, "VERIFYING", 1)
    assert answer["reached"] is False
    assert answer["deployment"]["state"] == "SCALING_UP"
    with ThreadPoolExecutor() as pool:
        waits = asked(deploying, "ROLLING_BACK", pool)
        deploying.rollback(service="web")
        answer = waits.result()
    assert answer["reached"] is True
    assert answer["deployment"]["status"].startswith("ROLLBACK")


def test_what_will_never_come_is_told_when_the_deployment_has_ended(deploying: Plane) -> None:
    ecs, green = deploying.aws("ecs"), {"cluster": "demo", "services": ["web-green"]}
    while not ecs.describe_services(**green)["services"]:
        pass
    with ThreadPoolExecutor() as pool:
        never = asked(deploying, "BAKE_TIME", pool)
        status = asked(deploying, "ROLLBACK_SUCCESSFUL", pool)
        deploying.rollback(service="web")
        transitions_until_rolled_back(deploying)
        assert never.result()["reached"] is False
        assert never.result()["deployment"]["status"] == "ROLLBACK_SUCCESSFUL"
        assert status.result()["reached"] is True
    # What was over in a moment, before anybody asked, was reached.
    assert ask(deploying, "SCALE_UP")["reached"] is True


def test_what_is_no_stage_is_refused_with_those_there_are(deploying: Plane) -> None:
    with pytest.raises(ClientError, match=r"waitUntil = LUNCH: must be one of .*BAKE_TIME"):
        ask(deploying, "LUNCH")
    assert "reached" not in deploying.get_deployment(service="web")


def entry(transition: str, phase: Phase, status: Status = Status.IN_PROGRESS) -> JournalEntry:
    return JournalEntry("d1", 1, 1.0, transition, phase, status, "")


@pytest.mark.parametrize(
    ("last", "until", "expected"),
    [
        (entry("SHIFTING", Phase.PRODUCTION_TRAFFIC_SHIFT), "SCALE_UP", True),
        (entry("SHIFTING", Phase.PRODUCTION_TRAFFIC_SHIFT), "BAKE_TIME", False),
        (entry("BAKING", Phase.BAKE_TIME), "BAKE_TIME", True),
        (entry("CLEANING_BACK", Phase.CLEAN_UP, Status.ROLLBACK_IN_PROGRESS), "BAKE_TIME", False),
        (entry("HELD", Phase.BAKE_TIME), "BAKE_TIME", False),
        (entry("HELD", Phase.BAKE_TIME), "HELD", True),
        (entry("SHIFTING", Phase.PRODUCTION_TRAFFIC_SHIFT), "MEASURING", False),
        (entry("CREATED", Phase.PRE_SCALE_UP), "IN_PROGRESS", True),
        (entry("CREATED", Phase.PRE_SCALE_UP), "SUCCESSFUL", False),
    ],
)
def test_a_stage_is_reached_on_the_way_forward_alone(
    last: JournalEntry, until: str, expected: bool
) -> None:
    d = created(now=1.0)
    assert d.state is State.CREATED
    assert reached(d, [last], until) is expected
