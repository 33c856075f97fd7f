"""The arguments with which a module of ours has a service as it is. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tealmesh.cli.terraform.moving.facts import COLOURS, Facts, Side, route_spec
from tealmesh.cli.terraform.moving.refusals import kind
from tealmesh.cli.terraform.moving.state import Json

Arguments = dict[str, Any]

_XRAY = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"
_TRACING = ("xray", "otel")
_MADE_BY_MODULE = {
    "APPMESH_RESOURCE_ARN",
    "APPMESH_VIRTUAL_NODE_NAME",
    "APPMESH_XDS_ENDPOINT",
    "TEAL_XDS_CA",
    "ENABLE_ENVOY_XRAY_TRACING",
    "ENABLE_ENVOY_JAEGER_TRACING",
}
_APPLICATION = {"image", "dependsOn", "logConfiguration"}
"""What the module writes into the application's container itself."""


@dataclass(frozen=True)
class Encoded:
    """A value that the module takes as JSON."""

    value: Any


def arguments(facts: Facts) -> Arguments:
    """The module's arguments, by name, in the order in which people read them."""
    live = facts.live
    name = facts.router.name.name
    node = live.spec
    mapping = node["listeners"][0]["portMapping"]
    discovery = node["serviceDiscovery"]["awsCloudMap"]
    hostname = facts.service["hostname"]
    made: Arguments = {
        "name": name,
        "mesh_name": facts.service["mesh"],
        "cluster": _service(live)["cluster"],
        "namespace": {"id": _namespace(facts), "name": discovery["namespaceName"]},
        "hostname": "" if hostname == f"{name}.{discovery['namespaceName']}" else hostname,
        "protocol": mapping["protocol"],
        "port": mapping["port"],
        "health_check_path": node["listeners"][0].get("healthCheck", {}).get("path", ""),
        "backends": [
            one["virtualService"]["virtualServiceName"] for one in node.get("backends") or ()
        ],
        **_of_service(live),
        **_of_task(facts, live),
        **_of_route(facts),
        **dict(_sides(facts)),
        "names": names(facts),
    }
    return {name: value for name, value in made.items() if value != _DEFAULTS.get(name, _NEVER)}


_NEVER = object()
_DEFAULTS: Arguments = {
    "hostname": "",
    "protocol": "http",
    "health_check_path": "",
    "backends": [],
    "assign_public_ip": False,
    "task_policies": [],
    "container": Encoded({}),
    "xds_endpoint": "",
    "xds_ca": "",
    "agent": False,
    "envoy_environment": {},
    "tracing": "none",
    "log_group": "",
    "timeout_seconds": 0,
    "platform_version": "1.4.0",
    "names": {},
}
"""What the module has by itself, or what was not found."""


def _service(side: Side) -> Json:
    return side.service.values if side.service else {}


def _namespace(facts: Facts) -> str:
    config = facts.cloud_map.values.get("dns_config") if facts.cloud_map else None
    return str(config[0]["namespace_id"]) if config else "ID OF THE NAMESPACE"


def _of_service(live: Side) -> Arguments:
    values = _service(live)
    network = (values.get("network_configuration") or [{}])[0]
    return {
        "subnets": sorted(network.get("subnets") or ()),
        "security_groups": sorted(network.get("security_groups") or ()),
        "assign_public_ip": bool(network.get("assign_public_ip")),
        "desired_count": values.get("desired_count") or 1,
        "platform_version": values.get("platform_version") or "1.4.0",
        "wait_for_steady_state": bool(values.get("wait_for_steady_state")),
    }


def _of_task(facts: Facts, live: Side) -> Arguments:
    task = live.task.values if live.task else {}
    beside = {kind(one): one for one in live.containers}
    envoy = beside.get("envoy", {})
    variables = _variables(envoy)
    tracing = next((one for one in _TRACING if one in beside), "none")
    application = _application(facts, live)
    return {
        "cpu": int(task.get("cpu") or 512),
        "memory": int(task.get("memory") or 1024),
        "execution_role_arn": task.get("execution_role_arn") or "",
        "task_policies": _policies(facts, tracing),
        "container": Encoded(_kept(application, live)),
        "envoy_image": envoy.get("image", ""),
        "xds_endpoint": variables.get("APPMESH_XDS_ENDPOINT", ""),
        "xds_ca": variables.get("TEAL_XDS_CA", ""),
        "agent": "drain" in beside,
        "envoy_environment": {k: v for k, v in variables.items() if k not in _MADE_BY_MODULE},
        "tracing": tracing,
        "log_group": _logs(application).get("options", {}).get("awslogs-group", ""),
    }


def _application(facts: Facts, side: Side) -> Json:
    wanted = facts.service.get("container")
    named = [one for one in side.containers if one["name"] == wanted]
    others = [one for one in side.containers if kind(one) == "other"]
    return next(iter([*named, *others]), {})


def _kept(application: Json, live: Side) -> Arguments:
    """What the module's container of the application would not have by itself."""
    port = live.spec["listeners"][0]["portMapping"]["port"]
    ours: Arguments = {
        "name": "app",
        "essential": True,
        "portMappings": [{"containerPort": port, "hostPort": port, "protocol": "tcp"}],
        "cpu": 0,
    }
    left = _APPLICATION if _logs(application) else _APPLICATION - {"logConfiguration"}
    return {
        member: value
        for member, value in application.items()
        if member not in left and value != ours.get(member) and value not in ([], {}, None)
    }


def _logs(container: Json) -> Json:
    """The configuration of its logs, if the module has that by ``log_group``."""
    found = container.get("logConfiguration") or {}
    options = set(found.get("options") or ())
    ours = {"awslogs-group", "awslogs-region", "awslogs-stream-prefix"}
    return found if found.get("logDriver") == "awslogs" and options == ours else {}


def _variables(container: Json) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container.get("environment") or ()}


def _policies(facts: Facts, tracing: str) -> list[str]:
    attached = facts.role.attachments if facts.role else ()
    arns = {str(one.values.get("policy_arn")) for one in attached}
    return sorted(arns - ({_XRAY} if tracing in _TRACING else set()))


def _of_route(facts: Facts) -> Arguments:
    spec = route_spec(facts.route)[1]
    per_request = spec.get("timeout", {}).get("perRequest", {})
    seconds = per_request.get("value", 0) / (1000 if per_request.get("unit") == "ms" else 1)
    return {
        "retries": spec.get("retryPolicy", {}).get("maxRetries", 0),
        "timeout_seconds": int(seconds),
    }


def _sides(facts: Facts) -> Iterator[tuple[str, Any]]:
    there = {side.colour: side for side in facts.sides}
    image = facts.live.described.get("image", "")
    weighs = any(side.exists and side.described["weight"] for side in facts.sides)
    for colour in COLOURS:
        side = there.get(colour)
        exists = side is not None and side.exists
        weight = side.described["weight"] if side and exists else 0
        if side is facts.live and not weighs:
            weight = 1
        own = side.described.get("image", image) if side else image
        yield colour, {"is_active": exists, "weight": weight, "image": own}


def names(facts: Facts) -> Arguments:
    """The names that the module would not give by itself."""
    name = facts.router.name.name
    made: Arguments = {}
    if facts.route.name.name != name:
        made["route"] = facts.route.name.name
    registered = facts.live.spec["serviceDiscovery"]["awsCloudMap"]["serviceName"]
    if registered != name:
        made["cloud_map_service"] = registered
    for member, of in _NAMES.items():
        found = {side.colour: of(side) for side in facts.sides}
        other = {c: n for c, n in found.items() if n and n != f"{name}-{c}"}
        if other:
            made[member] = other
    if facts.role and not facts.role.shared_by:
        made["task_role"] = facts.role.role.values["name"]
    return made


def _family(side: Side) -> str:
    if side.task is not None:
        return str(side.task.values.get("family") or "")
    arn = side.described.get("taskDefinition", "")
    return arn.rpartition("/")[2].rpartition(":")[0]


_NAMES = {
    "virtual_nodes": lambda side: side.described["virtualNode"],
    "ecs_services": lambda side: side.described.get("ecsService", ""),
    "families": _family,
}
