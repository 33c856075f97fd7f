"""What IAM and ECS of AWS say about the roles and tasks of Envoys, as doubles with real signatures
answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.app.envoys.ecs_tasks import EcsTasks
from tealmesh.app.envoys.permission import GOOD_SECONDS, Permissions
from tealmesh.app.envoys.simulation import AwsRoles, BySimulation, refusal
from tealmesh.aws.callers.signatures import Key
from tealmesh.model.errors import EnvoyForbidden, EnvoyUnverified
from tealmesh.store import Store
from tests.support.programs.aws import ACCOUNT, REGION, Aws, Said, aws

ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"
NODE = "mesh/shop/virtualNode/web"
ARN = f"arn:aws:appmesh:{REGION}:{ACCOUNT}:{NODE}"
TASK = "0123456789abcdef0123456789abcdef"
DEFINITION = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:1"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with aws(tmp_path_factory.mktemp("aws")) as double:
        yield double


@pytest.fixture
def double(running: Aws) -> Aws:
    running.roles, running.said = {"web": "AROAWEB1"}, {(ROLE, ARN): Said("allowed")}
    running.tasks, running.asked, running.throttles = {}, [], False
    return running


class World:
    """Permissions that ask the double, by a clock of the test's."""

    def __init__(self, double: Aws, directory: Path) -> None:
        self.now = 0.0
        self._store = Store.open(directory / "state.db")
        simulation = BySimulation(lambda: double.client("iam"), self._store, REGION, ACCOUNT)
        self.permissions = Permissions(simulation, lambda: self.now)

    async def why(self) -> str:
        return await self.permissions.why_not(ROLE, NODE)

    def run(self, scenario: Any) -> None:
        async def whole() -> None:
            await scenario()
            self._store.close()

        asyncio.run(whole())


def test_iam_says_what_a_role_may_and_is_asked_again_within_five_minutes(
    double: Aws, tmp_path: Path
) -> None:
    world = World(double, tmp_path)

    async def scenario() -> None:
        assert await world.why() == ""
        double.said.clear()
        world.now = 239
        assert await world.why() == ""
        assert len(double.asked) == 1
        world.now = 300
        assert f"{ROLE} may not appmesh:StreamAggregatedResources on {ARN}" in await world.why()
        asked = double.asked[-1][1]
        assert asked["ContextEntries.member.1.ContextKeyValues.member.1"] == REGION
        double.roles.clear()
        world.now = 306
        assert "IAM does not know the role" in await world.why()

    world.run(scenario)


def test_while_iam_throttles_the_last_answer_counts_for_five_minutes(
    double: Aws, tmp_path: Path
) -> None:
    world = World(double, tmp_path)

    async def scenario() -> None:
        double.throttles = True
        with pytest.raises(EnvoyUnverified, match="Rate exceeded"):
            await world.why()
        double.throttles = False
        assert await world.why() == ""
        double.throttles = True
        world.now = GOOD_SECONDS - 1
        assert await world.why() == ""
        world.now = GOOD_SECONDS
        with pytest.raises(EnvoyUnverified, match="IAM cannot be asked"):
            await world.why()
        double.throttles = False
        double.said.clear()
        assert await world.why()
        double.throttles = True
        world.now += 60
        assert "no policy of the role allows it" in await world.why()

    world.run(scenario)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said("allowed", organization=False), "a policy of the organization does not allow it"),
        (Said("allowed", boundary=False), "its permissions boundary does not allow it"),
        (Said("explicitDeny"), "a policy denies it"),
        (Said("implicitDeny"), "no policy of the role allows it"),
    ],
)
def test_whatever_limits_the_role_counts(double: Aws, tmp_path: Path, said: Said, why: str) -> None:
    double.said[ROLE, ARN] = said
    world = World(double, tmp_path)

    async def scenario() -> None:
        assert (await world.why()).endswith(why)

    world.run(scenario)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "EvalDecision": st.sampled_from(["allowed", "implicitDeny", "explicitDeny", "new", ""]),
            "OrganizationsDecisionDetail": st.fixed_dictionaries(
                {}, optional={"AllowedByOrganizations": st.booleans()}
            ),
            "PermissionsBoundaryDecisionDetail": st.fixed_dictionaries(
                {}, optional={"AllowedByPermissionsBoundary": st.booleans()}
            ),
        },
    )
)
def test_nothing_but_a_clear_allow_is_one(result: dict[str, Any]) -> None:
    if not refusal(result):
        assert result["EvalDecision"] == "allowed"
        details = [result.get(name, {}) for name in result if name != "EvalDecision"]
        assert all(all(detail.values()) for detail in details)


def test_without_our_keys_nobody_is_let_in(double: Aws, tmp_path: Path) -> None:
    roles = AwsRoles(lambda: double.client("iam", Key("AKIASOMEBODYELSE0001", "x")), lambda: 0.0)
    with pytest.raises(ClientError):
        asyncio.run(roles.role(ROLE))


def test_a_role_that_was_made_anew_is_another_a_minute_later(double: Aws) -> None:
    now = 0.0
    roles = AwsRoles(lambda: double.client("iam"), lambda: now)

    async def unique_id() -> str | None:
        found = await roles.role(ROLE)
        return found.unique_id if found else None

    async def scenario() -> None:
        nonlocal now
        assert await unique_id() == "AROAWEB1"
        double.roles["web"] = "AROAWEB2"
        now = 61.0
        assert await unique_id() == "AROAWEB2"
        del double.roles["web"]
        now = 122.0
        assert await unique_id() is None

    asyncio.run(scenario())


def put(double: Aws, task: str = TASK, status: str = "RUNNING", **members: Any) -> str:
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/shop/{task}"
    double.tasks[f"shop/{task}"] = {
        "taskArn": arn,
        "taskDefinitionArn": DEFINITION,
        "lastStatus": status,
        **members,
    }
    environment = [{"name": "APPMESH_RESOURCE_ARN", "value": ARN}]
    double.definitions[DEFINITION] = {
        "taskRoleArn": f"arn:aws:iam::{ACCOUNT}:role/of/teams/web",
        "containerDefinitions": [{"name": "app"}, {"name": "envoy", "environment": environment}],
    }
    return arn


def find(double: Aws, *sessions: str, role: str = ROLE) -> list[tuple[str, str] | None]:
    async def scenario() -> list[tuple[str, str] | None]:
        tasks = EcsTasks(lambda: double.client("ecs"), lambda: ["other", "shop"], lambda: 0.0)
        return await asyncio.gather(*(tasks.find(role, session) for session in sessions))

    return asyncio.run(scenario())


def test_ecs_confirms_a_task_and_its_node(double: Aws) -> None:
    arn = put(double)
    assert find(double, TASK) == [(arn, NODE)]
    assert find(double, "laptop") == [None]


def test_what_an_override_says_counts(double: Aws) -> None:
    other = "mesh/shop/virtualNode/other"
    environment = [{"name": "APPMESH_RESOURCE_ARN", "value": other}]
    override = {"containerOverrides": [{"name": "envoy", "environment": environment}]}
    arn = put(double, overrides={**override, "taskRoleArn": f"{ROLE}-other"})
    assert find(double, TASK, role=f"{ROLE}-other") == [(arn, other)]
    with pytest.raises(EnvoyForbidden, match="has the role"):
        find(double, TASK)


def test_many_that_come_at_once_are_asked_about_in_a_few_calls(double: Aws) -> None:
    sessions = [f"{number:032x}" for number in range(250)]
    for session in sessions:
        put(double, session)
    found = find(double, *sessions)
    assert [one[1] for one in found if one] == [NODE] * 250
    names = [name for name, _ in double.asked]
    assert names.count("DescribeTasks") <= 8


@pytest.mark.parametrize(
    ("status", "role", "why"),
    [
        ("", ROLE, "ECS knows no task"),
        ("STOPPED", ROLE, "has stopped"),
        ("RUNNING", f"{ROLE}-of-another", "has the role"),
    ],
)
def test_who_only_calls_itself_like_a_task_is_refused(
    double: Aws, status: str, role: str, why: str
) -> None:
    if status:
        put(double, status=status)
    with pytest.raises(EnvoyForbidden, match=why):
        find(double, TASK, role=role)


def test_ecs_that_does_not_answer_is_no_answer(double: Aws) -> None:
    put(double)
    double.throttles = True
    with pytest.raises(ClientError):
        find(double, TASK)
