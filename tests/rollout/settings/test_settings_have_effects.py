"""Accepted means honoured: every setting of teal.toml, as read from a file, has its effect.

A new field of a configuration's dataclass needs a row here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from tealmesh.model.config import nouns, strategies
from tealmesh.model.config.beside import Cohort, Mirror, Preview, Sticky
from tealmesh.model.config.parse import parse
from tealmesh.model.extensions import RouterExtension
from tealmesh.model.rollout import Deployment, SideTasks, State, StepEvidence, Traffic
from tealmesh.rollout import documents, extending, machine, system
from tealmesh.rollout.applying.additions import put_adopted
from tealmesh.rollout.drivers import gateways, resources
from tealmesh.rollout.effects import Event, NotReady, Observed
from tealmesh.store import Transaction, View, tables
from tests.rollout.machine.walking import created
from tests.rollout.outside import windows
from tests.rollout.settings import (
    hook_settings,
    judging_settings,
    terraform_settings,
    watch_settings,
)
from tests.rollout.settings.elsewhere import ELSEWHERE
from tests.rollout.states import article

BASE: Mapping[str, Any] = {
    "mesh": {"name": "shop"},
    "services": {"web": {"port": 8080, "image": "web:1"}, "cart": {"port": 80, "image": "cart:1"}},
    "gateways": {"edge": {"port": 9080, "routes": {"/": "web"}}},
}
WEB, EDGE = ("services", "web"), ("gateways", "edge")
STRATEGY, GATES = (*WEB, "strategy"), (*WEB, "gates")
GOOD = SideTasks(desired=3, running=3, healthy=3)

Check = Callable[[nouns.TealConfig, nouns.TealConfig], object]
"""Given the configuration without and with the setting, false unless it has its effect."""


def toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def configured(place: tuple[str, ...] = (), value: object = None) -> nouns.TealConfig:
    """`BASE` as a file, with one more setting."""
    data = json.loads(json.dumps(BASE))
    table = data
    for key in place[:-1]:
        table = table.setdefault(key, {})
    if place:
        table[place[-1]] = value
    return parse("\n".join(f"{key} = {toml(table)}" for key, table in data.items()))


def made(config: nouns.TealConfig) -> str:
    """Everything that `teal apply` makes of a configuration, as JSON."""
    parts: list[object] = [resources.mesh(config.mesh).spec]
    names = {service.name: service.config.hostname for service in system.services(config)}
    for service in system.services(config):
        nodes = [resources.virtual_node(service, side) for side in service.sides]
        rest = [
            resources.virtual_router(service),
            resources.virtual_service(service),
            resources.route(service, dict.fromkeys(service.sides, 1)),
        ]
        parts += [(one.names, one.spec) for one in (*nodes, *rest)]
        side, image = service.sides[0], service.config.image
        parts.append(resources.task_definition(service, side, image, "us-east-1"))
        parts.append((*service.registry(side), *service.ecs_service(side)))
        parts += [service.desired_count, resources.service_tags(service)]
    for gateway in system.gateways(config):
        own = [gateways.virtual_gateway(gateway), *gateways.gateway_routes(gateway, names)]
        parts += [(one.names, one.spec) for one in own]
        parts.append(resources.gateway_task_definition(gateway, "us-east-1"))
        parts.append((gateway.cluster, gateway.config.desired_count))
    return json.dumps(parts)


def makes(*shown: str) -> Check:
    """What is made has these texts only with the setting."""
    return lambda before, after: all(t in made(after) and t not in made(before) for t in shown)


def web(config: nouns.TealConfig) -> Deployment:
    """A deployment of web by its strategy and gates, at its first step."""
    service = config.services["web"]
    weight = service.strategy.steps[0]
    weights = {"blue": 100 - weight, "green": weight}
    return replace(
        created(now=1000.0),
        strategy=service.strategy,
        gates=service.gates,
        state=State.MEASURING,
        weights=weights,
        acknowledged=weights,
        since=1000.0,
        evidence=(StepEvidence(0, weights, weight / 100, 1000.0),),
    )


def looks(d: Deployment, requests: int, failures: int, now: float) -> Observed:
    """All as the weights say, up to ``now``."""
    share = d.weights["green"] / 100
    seen = Traffic(requests, failures, requests, reporters=2, seen_until=now)
    others = round(requests * (1 - share) / share) if share else 0
    old = replace(seen, requests=others, started=others, failures=0)
    return Observed(GOOD, GOOD, old, seen, **windows(old, seen, now))


def after(d: Deployment, seconds: float, requests: int = 1000, failures: int = 0) -> Deployment:
    now = 1000.0 + seconds
    return machine.step(d, looks(d, requests, failures, now), now)


def ends(state: State, seconds: float, setting: str) -> Check:
    """The wait in ``state`` ends after so long, with the setting's name."""

    def check(before: nouns.TealConfig, with_setting: nouns.TealConfig) -> bool:
        waiting: Event = NotReady("something")
        ended = []
        for config in (before, with_setting):
            d = replace(web(config), state=state, phase_at=1000.0, seen={"green": 100})
            inside = machine.step(d, waiting, 1000.0 + seconds - 0.1)
            ended.append(machine.step(inside, waiting, 1000.0 + seconds + 0.1))
        goes_on, stops = ended
        return goes_on.state is state and stops.state is not state and setting in stops.reason

    return check


def baked(config: nouns.TealConfig, seconds: float) -> State:
    d = replace(web(config), state=State.BAKING, weights={"blue": 0, "green": 100})
    d = replace(d, acknowledged=d.weights, seen=d.weights, healthy={"blue": 3, "green": 3})
    return after(d, seconds).state


NOTHING_BESIDE = RouterExtension("", "", "", "", "", "")


def beside(config: nouns.TealConfig, state: State) -> RouterExtension:
    """What a deployment of web adds to the routes."""
    (service,) = (one for one in system.services(config) if one.name == "web")
    return extending.extension(replace(web(config), state=state), service) or NOTHING_BESIDE


def told(config: nouns.TealConfig, name: str = "sample") -> Any:
    """What the store knows of an adopted service."""
    transaction = Transaction(View(0, {}))
    put_adopted(transaction, config.additions.adopted)
    document = transaction.get(tables.ADOPTIONS, name)
    return document.body if document else {}


ADOPTED = ("adopted", "sample")
ROWS: dict[tuple[type, str], tuple[tuple[str, ...], object, Check]] = {
    (strategies.Strategy, "type"): (
        (*STRATEGY, "type"), "canary",
        lambda b, a: web(b).weights["green"] == 100 and web(a).weights["green"] == 10,
    ),
    (strategies.Strategy, "steps"): (
        (*STRATEGY, "steps"), [25, 50, 100],
        lambda b, a: web(a).weights["green"] == 25 and after(web(a), 20).weights["green"] == 50,
    ),
    (strategies.Strategy, "step_time"): (
        (*STRATEGY, "step_time"), "40s",
        lambda b, a: after(web(b), 39).state is State.BAKING
        and after(web(a), 39).state is State.MEASURING and after(web(a), 41).state is State.BAKING,
    ),
    (strategies.Strategy, "step_settings"): (
        (*STRATEGY, "steps"), [{"weight": 25}, {"weight": 100, "time": "40s"}],
        lambda b, a: a.services["web"].strategy.step_settings[1].time == 40,
    ),
    (strategies.StepSettings, "time"): (
        (*STRATEGY, "steps"), [{"weight": 25, "time": "40s"}, 50, 100],
        lambda b, a: after(web(a), 39).state is State.MEASURING
        and after(web(a), 41).state is State.SHIFTING,
    ),
    (strategies.StepSettings, "timeout"): (
        (*STRATEGY, "steps"), [{"weight": 25, "timeout": "40s"}, 100],
        ends(State.CONVERGING, 50, "step_timeout of 40 s"),
    ),
    (strategies.StepSettings, "approval"): (
        (*STRATEGY, "steps"), [25, {"weight": 50, "approval": True}, 100],
        lambda b, a: after(web(a), 20).state is State.AWAITING_APPROVAL,
    ),
    (strategies.StepSettings, "success_rate"): (
        (*STRATEGY, "steps"), [{"weight": 25, "success_rate": 0.9}, 50, 100],
        lambda b, a: after(web(b), 20, failures=60).state is State.ROLLING_BACK
        and after(web(a), 20, failures=60).state is State.SHIFTING,
    ),
    (strategies.StepSettings, "min_requests"): (
        (*STRATEGY, "steps"), [{"weight": 25, "min_requests": 0}, 100],
        lambda b, a: after(web(a), 20, requests=0).state is State.SHIFTING,
    ),
    (strategies.Strategy, "bake_time"): (
        (*STRATEGY, "bake_time"), "40s",
        lambda b, a: (baked(b, 39), baked(a, 39), baked(a, 41))
        == (State.CLEANING_UP, State.BAKING, State.CLEANING_UP),
    ),
    (strategies.Strategy, "keep_old"): (
        (*STRATEGY, "keep_old"), "2h",
        lambda b, a: (baked(b, 11), baked(a, 11)) == (State.CLEANING_UP, State.SUCCEEDED),
    ),
    (strategies.Strategy, "step_timeout"): (
        (*STRATEGY, "step_timeout"), "40s", ends(State.CONVERGING, 50, "step_timeout of 40 s"),
    ),
    (strategies.Strategy, "preview"): (
        (*STRATEGY, "preview"), {"header": "X-Try", "allow": ["edge"]},
        lambda b, a: beside(b, State.VERIFYING).preview == Preview()
        and beside(a, State.VERIFYING).preview == Preview("x-try", ("edge",)),
    ),
    (strategies.Strategy, "mirror"): (
        (*STRATEGY, "mirror"), {"percent": 0.5, "time": "2m", "methods": ["GET", "POST"]},
        lambda b, a: beside(b, State.MIRRORING).mirror is None
        and beside(a, State.MIRRORING).mirror == Mirror(0.5, 120.0, ("GET", "POST")),
    ),
    (strategies.Strategy, "match"): (
        (*STRATEGY, "match"), {"header": "X-Cohort", "value": "beta"},
        lambda b, a: beside(b, State.COHORT).cohort is None
        and beside(a, State.COHORT).cohort == Cohort("beta", header="x-cohort"),
    ),
    (strategies.Strategy, "sticky"): (
        STRATEGY, {"type": "canary", "sticky": {"cookie": "user", "ttl": "1h"}},
        lambda b, a: beside(b, State.CREATED).sticky is None
        and beside(a, State.CREATED).sticky == Sticky(cookie="user", ttl=3600.0),
    ),
    (strategies.Strategy, "start_timeout"): (
        (*STRATEGY, "start_timeout"), "40s", ends(State.SCALING_UP, 40, "start_timeout of 40 s")),
    (strategies.Strategy, "verify_timeout"): (
        (*STRATEGY, "verify_timeout"), "40s", ends(State.VERIFYING, 40, "verify_timeout of 40 s")),
    (strategies.Strategy, "bake_timeout"): (
        (*STRATEGY, "bake_timeout"), "40s", ends(State.BAKING, 50, "bake_timeout of 40 s")),
    (strategies.Strategy, "rollback_timeout"): (
        (*STRATEGY, "rollback_timeout"), "40s",
        ends(State.CONVERGING_BACK, 40, "rollback_timeout of 40 s"),
    ),
    (strategies.Strategy, "stop_timeout"): (
        (*STRATEGY, "stop_timeout"), "40s", ends(State.CLEANING_UP, 40, "stop_timeout of 40 s")),
    (strategies.Gates, "success_rate"): (
        (*GATES, "success_rate"), 0.9,
        lambda b, a: after(web(b), 20, failures=60).state is State.ROLLING_BACK
        and after(web(a), 20, failures=60).state is State.BAKING,
    ),
    (strategies.Gates, "min_requests"): (
        (*GATES, "min_requests"), 0,
        lambda b, a: after(web(b), 20, requests=0).state is State.MEASURING
        and after(web(a), 20, requests=0).state is State.BAKING,
    ),
    (strategies.Gates, "approval"): (
        (*GATES, "approval"), True,
        lambda b, a: verified(b) is State.SHIFTING and verified(a) is State.AWAITING_APPROVAL,
    ),
    (strategies.Gates, "approval_timeout"): (
        (*GATES, "approval_timeout"), "40s",
        ends(State.AWAITING_APPROVAL, 40, "approval_timeout of 40 s"),
    ),
    **hook_settings.ROWS, **judging_settings.ROWS, **watch_settings.ROWS,
    (nouns.ServiceConfig, "name"): (("services", "x"), {"port": 1, "image": "i"}, makes('"x-blue')),
    (nouns.ServiceConfig, "port"): ((*WEB, "port"), 8123, makes('"containerPort": 8123')),
    (nouns.ServiceConfig, "image"): ((*WEB, "image"), "web:7", makes('"image": "web:7"')),
    (nouns.ServiceConfig, "hostname"): (
        (*WEB, "hostname"), "www.shop", makes('"virtualServiceName": "www.shop"')
    ),
    (nouns.ServiceConfig, "protocol"): (
        ("services", "cart", "protocol"), "grpc", makes('"grpcRoute"')
    ),
    (nouns.ServiceConfig, "health_path"): ((*WEB, "health_path"), "/up", makes('"path": "/up"')),
    (nouns.ServiceConfig, "desired_count"): (
        (*WEB, "desired_count"), 4,
        lambda b, a: system.services(b)[0].desired_count == 1
        and system.services(a)[0].desired_count == 4,
    ),
    (nouns.ServiceConfig, "cpu"): ((*WEB, "cpu"), 512, makes('"cpu": "512"')),
    (nouns.ServiceConfig, "memory"): ((*WEB, "memory"), 1024, makes('"memory": "1024"')),
    (nouns.ServiceConfig, "environment"): (
        (*WEB, "environment"), {"LEVEL": "debug"}, makes('{"name": "LEVEL", "value": "debug"}')
    ),
    (nouns.ServiceConfig, "backends"): (
        (*WEB, "backends"), ["cart"],
        makes('"backends": [{"virtualService": {"virtualServiceName": "cart.shop.local"}}]'),
    ),
    (nouns.ServiceConfig, "sides"): ((*WEB, "sides"), ["a", "b"], makes('"web-a"', '"web-b"')),
    (nouns.ServiceConfig, "request_timeout"): (
        (*WEB, "request_timeout"), "60s", makes('"perRequest": {"unit": "s", "value": 60}')
    ),
    (nouns.ServiceConfig, "idle_timeout"): (
        (*WEB, "idle_timeout"), "70s", makes('"idle": {"unit": "s", "value": 70}')
    ),
    (nouns.ServiceConfig, "drain_time"): (
        (*WEB, "drain_time"), "80s", makes('{"name": "TEAL_DRAIN_TIME", "value": "80"}')
    ),
    (nouns.ServiceConfig, "replace_after"): (
        (*WEB, "replace_after"), "90s", makes('{"teal:replace-after": "90s"}')
    ),
    (nouns.GatewayConfig, "name"): (
        ("gateways", "door"), {"port": 1, "routes": {"/": "cart"}}, makes('"door"')
    ),
    (nouns.GatewayConfig, "port"): ((*EDGE, "port"), 9123, makes('"port": 9123')),
    (nouns.GatewayConfig, "routes"): (
        (*EDGE, "routes"), {"/cart": "cart"}, makes('"match": {"prefix": "/cart"}')
    ),
    (nouns.GatewayConfig, "address"): (
        (*EDGE, "address"), "127.0.0.9",
        makes('{"name": "TEAL_PUBLISH_ADDRESS", "value": "127.0.0.9"}'),
    ),
    (nouns.GatewayConfig, "request_timeout"): (
        (*EDGE, "request_timeout"), 11, makes('{"name": "TEAL_REQUEST_TIMEOUT", "value": "11"}')
    ),
    (nouns.GatewayConfig, "idle_timeout"): (
        (*EDGE, "idle_timeout"), 71, makes('{"name": "TEAL_IDLE_TIMEOUT", "value": "71"}')),
    (nouns.GatewayConfig, "drain_time"): (
        (*EDGE, "drain_time"), 81, makes('{"name": "TEAL_DRAIN_TIME", "value": "81"}')),
    (nouns.TealConfig, "mesh"): (("mesh", "name"), "mall", makes('"meshName": "mall"')),
    (nouns.TealConfig, "cluster"): (("mesh", "cluster"), "prod", makes('"prod"')),
    (nouns.TealConfig, "namespace"): (
        ("mesh", "namespace"), "x.internal", makes('"namespaceName": "x.internal"')
    ),
    (nouns.Image, "pattern"): (
        ("images", "*:1"), ["serve"],
        lambda b, a: documents.image_body(a.images[0], "/d")["pattern"] == "*:1",
    ),
    (nouns.Image, "command"): (
        ("images", "*:1"), "serve 'the app'",
        lambda b, a: documents.image_body(a.images[0], "/d")["command"] == ["serve", "the app"],
    ),
    (nouns.Image, "environment"): (
        ("images", "*:1"), {"command": ["serve"], "environment": {"A": "b"}},
        lambda b, a: documents.image_body(a.images[0], "/d")["environment"] == {"A": "b"},
    ),
    (nouns.Image, "user"): (
        ("images", "*:1"), {"command": ["serve"], "user": "root"},
        lambda b, a: documents.image_body(a.images[0], "/d")["user"] == "root",
    ),
    (nouns.AdoptedConfig, "name"): (
        (*ADOPTED, "route"), "r0", lambda b, a: told(a) and not told(a, "other") and not told(b)
    ),
    (nouns.AdoptedConfig, "container"): (
        (*ADOPTED, "container"), "envoy", lambda b, a: found(a).container == "envoy"
    ),
    (nouns.AdoptedConfig, "route"): (
        (*ADOPTED, "route"), "r0",
        lambda b, a: told(a)["routes"] == list(found(a).routes) == ["r0"],
    ),
    (nouns.AdoptedConfig, "clean_up"): (
        (*ADOPTED, "clean_up"), "delete",
        lambda b, a: found(b).clean_up == "" and found(a).clean_up == "delete",
    ),
    (nouns.AdoptedConfig, "strategy"): (
        (*ADOPTED, "strategy"), {"steps": [30, 100]},
        lambda b, a: found(a).strategy.steps == (30, 100) != found(b).strategy.steps,
    ),
    (nouns.AdoptedConfig, "gates"): (
        (*ADOPTED, "gates"), {"min_requests": 7},
        lambda b, a: found(a).gates.min_requests == 7 != found(b).gates.min_requests,
    ),
    **terraform_settings.ROWS,
}  # fmt: skip


def verified(config: nouns.TealConfig) -> State:
    d = replace(web(config), state=State.VERIFYING, weights={"blue": 100, "green": 0}, evidence=())
    seen = Traffic(reporters=1, members=3, members_healthy=3, seen_until=1001.0)
    return machine.step(d, Observed(GOOD, GOOD, seen, seen), 1001.0).state


def found(config: nouns.TealConfig) -> Any:
    """The users' system as it is found, with what the file tells of it."""
    state = article("blue", "green")
    put_adopted(state.view, config.additions.adopted)
    return documents.service(state.view, "sample")  # type: ignore[arg-type]


def test_every_setting_has_a_row() -> None:
    classes = (
        nouns.TealConfig, nouns.ServiceConfig, nouns.GatewayConfig, nouns.Image,
        nouns.AdoptedConfig, nouns.TerraformNames, strategies.Strategy, strategies.StepSettings,
        strategies.Gates,
    )  # fmt: skip
    every = {(cls, field.name) for cls in classes for field in fields(cls)}
    assert every == ROWS.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0].__name__}.{row[1]}")
def test_a_setting_has_its_effect(row: tuple[type, str]) -> None:
    place, value, check = ROWS[row]
    assert check(configured(), configured(place, value))
