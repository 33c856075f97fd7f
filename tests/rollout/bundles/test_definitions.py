"""What is told of the task definitions of a deployment's sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.rollout import Deployment
from tealmesh.model.rollout.explanation import DefinitionChange
from tealmesh.rollout import discovery
from tealmesh.rollout.bundles import definitions
from tealmesh.store import Transaction, View, tables
from tests.rollout.states import article

ARN = "arn:aws:ecs:us-east-1:123456789012:task-definition/"
DEPLOYMENT = Deployment(
    id="d", service="web", mesh="m", old_side="blue", new_side="green", old_image="web:1",
    new_image="web:2", desired_count=1, strategy=Strategy(), gates=Gates(), created_at=1.0,
    updated_at=1.0, entered_at=1.0,
)  # fmt: skip


def registered(t: Transaction, family: str, revision: int, **members: Any) -> str:
    app = {"name": "app", "image": "web:1", "memory": 256, **members}
    environment = [{"name": "APPMESH_RESOURCE_ARN", "value": f"mesh/m/virtualNode/{family}"}]
    envoy = {"name": "envoy", "image": "envoy:1", "environment": environment}
    body: Any = {
        "taskDefinitionArn": f"{ARN}{family}:{revision}",
        "family": family,
        "revision": revision,
        "status": "ACTIVE",
        "registeredAt": float(revision),
        "containerDefinitions": [app, envoy],
    }
    t.put(tables.TASK_DEFINITIONS, family, f"{revision:06d}", body=body)
    return f"{ARN}{family}:{revision}"


def changed(old: dict[str, Any], new: dict[str, Any]) -> DefinitionChange:
    t = Transaction(View(0, {}))
    known = {"blue": registered(t, "web-blue", 1, **old)}
    known["green"] = registered(t, "web-green", 7, **{"image": "web:2", **new})
    return definitions.of(t, replace(DEPLOYMENT, definitions=known))


def test_only_what_somebody_changed_is_told() -> None:
    told = changed(
        {"environment": [{"name": "LEVEL", "value": "info"}, {"name": "OLD", "value": "x"}]},
        {"memory": 512, "environment": [{"name": "LEVEL", "value": "debug"}], "command": ["serve"]},
    )
    assert told.complete
    assert (told.old, told.new) == (f"{ARN}web-blue:1", f"{ARN}web-green:7")
    assert [str(one) for one in told.differences] == [
        'containerDefinitions[app].image: "web:1" → "web:2"',
        "containerDefinitions[app].memory: 256 → 512",
        'containerDefinitions[app].environment[LEVEL]: "info" → "debug"',
        'containerDefinitions[app].command: (none) → ["serve"]',
        'containerDefinitions[app].environment[OLD]: "x" → (none)',
    ]


@pytest.mark.parametrize(
    "name",
    ["DB_PASSWORD", "token", "apiKey", "APIKEY", "STRIPE_SECRET_KEY", "DATABASE_DSN", "PGPASSWORD",
     "aws.secret", "sessionToken", "HTTP_AUTH", "X-Cookie"],
)  # fmt: skip
def test_a_name_tells_that_its_value_is_a_secret(name: str) -> None:
    assert definitions.secret(f"containerDefinitions[app].environment[{name}]")
    assert definitions.secret(f"containerDefinitions[app].logConfiguration.options.{name}")


@pytest.mark.parametrize("name", ["LEVEL", "AUTHOR", "MONKEY", "KEYBOARD", "PASSENGERS", "PORT"])
def test_other_values_are_told(name: str) -> None:
    assert not definitions.secret(f"containerDefinitions[app].environment[{name}]")


SECRETS = st.sampled_from(["DB_PASSWORD", "API_TOKEN", "signing.key", "privateKey"])
VALUES = st.text("QWXZ0123456789", min_size=8)


@given(SECRETS, st.none() | VALUES, st.none() | VALUES)
def test_that_a_secret_has_changed_is_told_and_its_value_never(
    name: str, before: str | None, after: str | None
) -> None:
    def environment(value: str | None) -> dict[str, Any]:
        return {"environment": [{"name": name, "value": value}] if value else []}

    told = changed(environment(before), environment(after))
    words = " ".join(map(str, told.differences))
    assert (name in words) == (before != after)
    assert not any(value in words for value in (before, after) if value)


def test_the_password_in_an_address_is_not_told() -> None:
    address = "postgres://app:hunter2@db:5432/shop"
    told = changed({}, {"environment": [{"name": "DATABASE", "value": address}]})
    assert told.differences[-1].after == '"postgres://app:(hidden)@db:5432/shop"'


def test_before_the_new_side_has_one_only_the_old_one_is_told() -> None:
    t = Transaction(View(0, {}))
    old = registered(t, "web-blue", 1)
    told = definitions.of(t, replace(DEPLOYMENT, definitions={"blue": old}))
    assert told == DefinitionChange(old=old)


def test_a_revision_that_was_deleted_is_named_without_differences() -> None:
    known = {"blue": f"{ARN}web-blue:1", "green": f"{ARN}web-green:7"}
    told = definitions.of(Transaction(View(0, {})), replace(DEPLOYMENT, definitions=known))
    assert told == DefinitionChange(known["blue"], known["green"])


def test_deployments_of_earlier_versions_are_told_by_what_runs_now() -> None:
    state = article("blue", "green")
    found = discovery.find(state.view, "sample")
    assert found is not None
    state.view.put(tables.ADOPTED, found.name, body=found.to_json())
    image = "example/sample:1"
    d = replace(DEPLOYMENT, service=found.name, old_image=image, new_image=image)
    told = definitions.of(state.view, d)
    assert told.new.endswith("/m-sample-green:1")
    assert (told.differences, told.complete) == ((), True), "names of sides are no difference"
