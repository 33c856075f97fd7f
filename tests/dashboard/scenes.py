"""Scenes for `staged`: states that people see seldom, and then look at closely."""

from __future__ import annotations

import time
from typing import Any

from tealmesh.model.ecs import reasons
from tests.dashboard import sentences
from tests.dashboard.staged import Answer, Scene

LONG = f"payments-reconciliation-and-settlement-for-{'every-market-and-' * 3}others"
JAPANESE = "注文処理と在庫引当の共通サービス"
NOW = round(time.time())


def side(name: str, weight: int, tasks: int = 2, healthy: int | None = None, **more: Any) -> Any:
    return {
        "side": name,
        "virtualNode": f"web-{name}",
        "image": f"registry.example/shop/web:1.{8 if name == 'blue' else 9}.0",
        "weight": weight,
        "running": tasks,
        "desired": tasks,
        "healthy": tasks if healthy is None else healthy,
        **more,
    }


def service(name: str, state: str = "serving", **more: Any) -> Any:
    return {
        "name": name,
        "mesh": "shop",
        "hostname": f"{name}.shop.local",
        "port": 8080,
        "protocol": "http",
        "origin": "teal.toml",
        "state": state,
        "sentence": f"{name} serves registry.example/shop/web:1.8.0 from blue.",
        "since": NOW - 86000,
        "sides": [side("blue", 100)],
        **more,
    }


def traffic(errors: int = 0) -> Any:
    rate = {"requests": 900, "errors": errors, "perSecond": 90.0, "share": 1.0}
    return {
        "seconds": 10,
        "perSecond": 90.0,
        "sides": {"blue": {**rate, "p50": 2.1, "p99": 1250.4}},
    }


def task(identity: str, **more: Any) -> Any:
    return {
        "task": identity,
        "taskArn": f"arn:aws:ecs:us-east-1:123456789012:task/shop/{identity}",
        "cluster": "shop",
        "service": "web",
        "side": "blue",
        "taskDefinition": "web:3",
        "image": "registry.example/shop/web:1.8.0",
        "status": "RUNNING",
        "desiredStatus": "RUNNING",
        "address": "127.3.0.12",
        "startedAt": NOW - 86000,
        "containers": [],
        **more,
    }


def envoy(identity: str, node: str, **more: Any) -> Any:
    return {
        "id": identity,
        "mesh": "shop",
        "resource": f"mesh/shop/virtualNode/{node}",
        "connected": True,
        "current": True,
        **more,
    }


def deployment(**more: Any) -> Any:
    return {
        "deploymentId": "4b1c9e02aa",
        "service": "web",
        "mesh": "shop",
        "number": 7,
        "kind": "DEPLOY",
        "strategy": "canary",
        "steps": [10, 50, 100],
        "step": 1,
        "oldImage": "registry.example/shop/web:1.8.0",
        "newImage": "registry.example/shop/web:1.9.0",
        "oldSide": "blue",
        "newSide": "green",
        "phase": "PRODUCTION_TRAFFIC_SHIFT",
        "status": "IN_PROGRESS",
        "state": "MEASURING",
        "createdAt": NOW - 95,
        "startedBy": "alice",
        "measured": 0,
        "sentence": sentences.MEASURES,
        "latest": "within 4 min 54 s",
        "latestAt": NOW + 294,
        **more,
    }


CONTROL = {
    "control": {
        "version": "0.14.0",
        "startedAt": NOW - 90000,
        "dataDir": "/home/alice/.local/state/tealmesh",
        "runtime": "process",
        "troubles": [],
    }
}
GRAPH = {"shop": {"name": "shop", "nodes": [], "edges": []}}
DEFINITION = {
    "old": "arn:aws:ecs:us-east-1:123456789012:task-definition/web-blue:3",
    "new": "arn:aws:ecs:us-east-1:123456789012:task-definition/web-green:8",
    "differences": [
        {
            "what": "containerDefinitions[app].image",
            "before": '"registry.example/shop/web:1.8.0"',
            "after": '"registry.example/shop/web:1.9.0"',
        },
        {"what": "containerDefinitions[app].memory", "before": "256", "after": "512"},
        {"what": "containerDefinitions[app].command", "after": '["serve", "--fast"]'},
        {
            "what": "containerDefinitions[app].environment[DB_PASSWORD]",
            "before": '"(hidden)"',
            "after": '"(hidden, another value)"',
        },
    ],
}
JOURNAL = [
    {
        "sequence": 1,
        "at": NOW - 95,
        "transition": "CREATED",
        "status": "IN_PROGRESS",
        "message": "registry.example/shop/web:1.9.0 on green replaces 1.8.0 on blue",
        "by": "alice",
    }
]


def explained(one: Any) -> Any:
    return {"deployment": one, "sentence": one["sentence"], "definition": DEFINITION}


def empty() -> Scene:
    return Scene({"control": CONTROL})


def many() -> Scene:
    """Forty services, of which some have trouble, and names that are hard to lay out."""
    states = ["down", "rolled back", "aborted", "degraded", "held", "idle", "paused", "failed"]
    found = {f"service-{n:02}": service(f"service-{n:02}") for n in range(40)}
    for number, state in enumerate(states):
        found[f"service-{number:02}"] |= {"state": state}
    found["service-00"]["sides"] = [side("blue", 100, 2, 0, reason="app with code 3")]
    found["service-01"]["sides"] = [side("blue", 50), side("green", 50)]
    found[LONG] = service(LONG, "deploying", origin="adopted", group="all-of-the-shop")
    found[JAPANESE] = service(JAPANESE, "awaiting approval", origin="adopted")
    trouble = {
        "worker": "service worker shop/service-00",
        "error": "AccessDenied: no right",
        "since": NOW - 40,
        "times": 1,
    }
    return Scene(
        {
            "control": {"control": {**CONTROL["control"], "troubles": [trouble]}},
            "services": found,
            "traffic": {name: traffic(3 if name == "service-03" else 0) for name in found},
            "mesh": GRAPH,
            "envoys": {f"shop/{n}": envoy(f"e{n}", "web-blue") for n in range(41)},
            "rest": {
                "g": {
                    "kind": "virtualGateway", "name": "edge", "mesh": "shop", "running": 1,
                    "desired": 1, "healthy": 1, "ecsServices": ["shop/edge"],
                    "addresses": ["http://127.0.0.1:8080/"], "traffic": traffic()["sides"]["blue"],
                },
            },
        },
        {"ListDeployments": {"deployments": []}},
    )  # fmt: skip


def of_deployment(one: Any, answers: dict[str, Answer] | None = None, **sections: Any) -> Scene:
    sides = [side("blue", 50), side("green", 50)]
    found = service("web", "deploying", sides=sides, deployment=one["deploymentId"])
    return Scene(
        {
            "control": CONTROL,
            "services": {"web": found},
            "deployments": {one["deploymentId"]: one},
            "mesh": GRAPH,
            **sections,
        },
        {
            "Explain": explained(one),
            "ListJournal": {"entries": JOURNAL},
            "ListWindows": {"windows": []},
            "ListCallers": {"callers": []},
            "ListDeployments": {"deployments": [one]},
            "GetLogs": {"lines": [{"task": "5d", "container": "app", "line": "cannot read x.yml"}]},
            **(answers or {}),
        },
    )


def held() -> Scene:
    one = deployment(state="HELD", waitingFor=sentences.HELD_FOR, sentence=sentences.HELD)
    # It waits for a person, without a limit.
    del one["latest"], one["latestAt"]
    return of_deployment(
        one,
        envoys={
            "shop/a": envoy("a" * 32, "web-blue", current=False, revision=112),
            "shop/b": envoy("b" * 32, "web-green", current=False, message="duplicate filter chain"),
            "shop/c": envoy("c" * 32, "pay-blue", connected=False, current=False,
                            note="refused: it has no token"),
        },
    )  # fmt: skip


def crashing() -> Scene:
    """A version that does not start."""
    stopped = {
        f"{n}d5d5d5d5d": task(
            f"{n}d5d5d5d5d", side="green", status="STOPPED", desiredStatus="STOPPED",
            stoppedAt=NOW - 10 * n, stopCode="EssentialContainerExited",
            stoppedReason=reasons.told(
                "Essential container in task exited: app with code 3; last log lines of app: "
                "Traceback (most recent call last): ValueError: cannot read config.yml"
            ),
            containers=[{"name": "app", "exitCode": 3, "reason": "cannot read config.yml"}],
        )
        for n in range(1, 6)
    }  # fmt: skip
    waits = task("77aa88bb99", side="green", status="PENDING", address=None, startedAt=None)
    one = deployment(
        phase="SCALE_UP", state="SCALING_UP", step=0, evidence=[],
        waitingFor=sentences.UNHEALTHY, sentence=sentences.STARTS,
    )  # fmt: skip
    running = {"0a1b2c3d4e": task("0a1b2c3d4e"), "77aa88bb99": waits}
    return of_deployment(one, tasks={**running, **stopped})


def group_deployment(**more: Any) -> Any:
    web = deployment(service="web", group="all")
    pay = deployment(service="pay", group="all", deploymentId="77", state="AWAITING_GROUP")
    return {
        "groupDeploymentId": "9f00aa",
        "group": "all",
        "number": 3,
        "kind": "DEPLOY",
        "status": "IN_PROGRESS",
        "state": "SHIFTING",
        "startedBy": "alice",
        "members": [
            {"service": "web", "image": web["newImage"], "after": [], "deployment": web},
            {"service": "pay", "image": "shop/pay:5", "after": ["web"], "deployment": pay},
        ],
        "sentence": "all: web takes its weight first; next: pay, once web has passed.",
        "journal": [
            {"sequence": 1, "at": NOW - 95, "transition": "PREPARING", "message": "asked by alice"},
            {"sequence": 2, "at": NOW - 60, "transition": "SHIFTING", "message": "all are ready"},
        ],
        "createdAt": NOW - 95,
        "updatedAt": NOW - 60,
        **more,
    }


def group(**more: Any) -> Scene:
    one = group_deployment(**more)
    scene = of_deployment(one["members"][0]["deployment"])
    groups = {
        "all": {"name": "all", "services": ["web", "pay"], "dependsOn": {}, "latest": one},
        "never": {"name": "never", "services": ["web"], "dependsOn": {}},
    }
    services = {
        "web": service("web", "deploying", sides=[side("blue", 50), side("green", 50)],
                       group="all", deployment="4b1c9e02aa"),
        "pay": service("pay", group="all"),
    }  # fmt: skip
    before = group_deployment(
        groupDeploymentId="8e", number=2, status="ROLLBACK_SUCCESSFUL", createdAt=NOW - 9000,
        finishedAt=NOW - 8000, reason="web: errors: 12 of 90 requests to green failed",
    )  # fmt: skip
    return Scene(
        {**scene.sections, "groups": groups, "services": services},
        {**scene.answers, "ListGroupDeployments": {"groupDeployments": [one, before]}},
    )
