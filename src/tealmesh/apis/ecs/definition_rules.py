"""The rules that RegisterTaskDefinition checks a task definition by. Pure.

Each rule yields its problems in ECS's words; the first problem is the answer. One of ECS's rules is
left out on purpose: that awslogs on Fargate needs an execution role. Nothing here assumes that
role.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from tealmesh.model.ecs.bodies import DefinitionSpec
from tealmesh.model.ecs.names import NAME

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        HealthCheckOutputTypeDef,
        KeyValuePairTypeDef,
        LogConfigurationOutputTypeDef,
        PortMappingTypeDef,
    )

    from tealmesh.model.ecs.bodies import ContainerDefinition

Problems = Iterator[str]

FARGATE_MEMORY: Mapping[int, range | tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
"""CPU units of a Fargate task -> the sizes of memory that it may have, in MiB."""

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")
_FARGATE_LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
_PROXY_REQUIRED = ("AppPorts", "ProxyIngressPort", "ProxyEgressPort")
_MAX_CONTAINERS = 10


def problems(spec: DefinitionSpec) -> Problems:
    """Everything wrong with a definition whose defaults have been filled in."""
    containers = spec["containerDefinitions"]
    if not NAME.fullmatch(spec["family"]):
        yield (
            "Family contains invalid characters: up to 255 letters, numbers, underscores and"
            " hyphens are allowed."
        )
    if not containers:
        yield "Container list cannot be empty."
        return
    if len(containers) > _MAX_CONTAINERS:
        yield f"Too many containers in the task definition: at most {_MAX_CONTAINERS} are allowed."
    if "FARGATE" in spec.get("requiresCompatibilities", []):
        yield from fargate_problems(spec)
    system = spec.get("runtimePlatform", {}).get("operatingSystemFamily", "LINUX")
    if system != "LINUX":
        yield f"operatingSystemFamily '{system}' is not supported by Tealmesh: it must be LINUX."
    names = [container.get("name", "") for container in containers]
    for container in containers:
        yield from _container(container, spec)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"Container.name must be unique in a task definition: '{name}' is used twice."
    if not any(container["essential"] for container in containers):
        yield "A task definition must have at least one essential container."
    yield from _dependencies(containers)
    yield from _volumes(spec)
    yield from _size(spec)
    yield from _proxy(spec)


def fargate_problems(spec: DefinitionSpec) -> Problems:
    """Why the definition cannot run on Fargate."""
    if spec["networkMode"] != "awsvpc":
        yield "Fargate only supports network mode ‘awsvpc’."  # noqa: RUF001 (ECS's own quotes)
    for member in ("cpu", "memory"):
        if not spec.get(member):
            yield f"Fargate requires that '{member}' be defined at the task level."
            return
    cpu, memory = int(spec["cpu"]), int(spec["memory"])
    if memory not in FARGATE_MEMORY.get(cpu, ()):
        yield (
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See"
            " the Amazon ECS documentation for the valid values."
        )
    if spec.get("pidMode") == "host":
        yield (
            "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value"
            " for pidMode is 'task'."
        )
    if spec.get("ipcMode") == "host":
        yield "Fargate does not support ipcMode 'host'."
    storage = spec["ephemeralStorage"]["sizeInGiB"] if "ephemeralStorage" in spec else 21
    if not 21 <= storage <= 200:
        yield f"ephemeralStorage.sizeInGiB is {storage}: it must be 21 to 200."
    if spec.get("placementConstraints"):
        yield "Fargate does not support task definition placement constraints."
    for container in spec["containerDefinitions"]:
        name = container.get("name", "")
        if container.get("privileged"):
            yield f"Fargate does not support privileged containers: container '{name}'."
        if container.get("stopTimeout", 0) > 120:
            yield f"Invalid setting for container '{name}'. 'stopTimeout' must be at most 120."
        logs = container.get("logConfiguration")
        driver = logs["logDriver"] if logs else "awslogs"
        if driver not in _FARGATE_LOG_DRIVERS:
            yield (
                f"Fargate does not support log driver '{driver}' of container '{name}':"
                f" must be one of {', '.join(_FARGATE_LOG_DRIVERS)}."
            )


def _container(container: ContainerDefinition, spec: DefinitionSpec) -> Problems:
    name = container.get("name", "")
    setting = f"Invalid setting for container '{name}'."
    if not name:
        yield "Container.name should not be null or empty."
    elif not NAME.fullmatch(name):
        yield f"Container.name contains invalid characters: '{name[:255]}'."
    if not container.get("image"):
        yield f"Container.image should not be null or empty: container '{name}'."
    yield from _container_size(container, spec, setting)
    if spec["networkMode"] == "awsvpc" and container.get("links"):
        yield "Links are not supported when networkMode=awsvpc."
    check = container.get("healthCheck")
    if check is not None:
        yield from _health_check(name, check)
    if (timeout := container.get("stopTimeout", 0)) < 0:
        yield f"{setting} 'stopTimeout' = {timeout}: must not be negative."
    for limit in container.get("ulimits") or ():
        if limit["softLimit"] > limit["hardLimit"] >= 0:
            yield f"{setting} ulimit '{limit['name']}': softLimit must not exceed hardLimit."
    if container.get("environmentFiles"):
        yield (
            f"{setting} environmentFiles is not supported by Tealmesh: use environment or secrets."
        )
    if container.get("links"):
        yield f"{setting} links is not supported by Tealmesh: containers of a task share localhost."
    logs = container.get("logConfiguration")
    if logs:
        yield from _awslogs(name, logs)
    yield from _ports(name, container["portMappings"], spec["networkMode"])
    yield from _variables(name, container)
    yield from _texts(container, setting)


def _texts(container: ContainerDefinition, setting: str) -> Problems:
    """What no process can be started with."""
    for member in ("image", "workingDirectory", "user", "hostname"):
        if "\0" in str(container.get(member, "")):
            yield f"{setting} '{member}' must not have a NUL character."
    check = container.get("healthCheck")
    commands = {
        "command": container.get("command"),
        "entryPoint": container.get("entryPoint"),
        "healthCheck.command": check["command"] if check else (),
    }
    for member, words in commands.items():
        if any("\0" in word for word in words or ()):
            yield f"{setting} '{member}' must not have a NUL character."


def _container_size(container: ContainerDefinition, spec: DefinitionSpec, setting: str) -> Problems:
    hard, soft = container.get("memory"), container.get("memoryReservation")
    if hard is None and soft is None and not spec.get("memory"):
        yield f"{setting} At least one of 'memory' or 'memoryReservation' must be specified."
    for member, value in (("memory", hard), ("memoryReservation", soft)):
        if value is not None and value < 4:
            yield f"{setting} '{member}' = {value}: must be 4 MiB or more."
    if hard is not None and soft is not None and hard < soft:
        yield f"{setting} 'memory' must be greater than or equal to 'memoryReservation'."
    if container["cpu"] < 0:
        yield f"{setting} 'cpu' = {container['cpu']}: must not be negative."


def _variables(name: str, container: ContainerDefinition) -> Problems:
    variables = {pair.get("name") for pair in container["environment"]}
    for secret in container.get("secrets") or ():
        if secret.get("name") in variables:
            yield (
                "The secret name must be unique and not shared with any new or existing"
                f" environment variables set on the container, such as '{secret['name']}'."
            )
    for pair in (*container["environment"], *container.get("secrets", [])):
        if not pair.get("name"):
            yield f"Environment variable name must not be empty: container '{name}'."
    for pair in container["environment"]:
        if problem := unusable_variable(pair.get("name", ""), pair.get("value", "")):
            yield f"{problem}: container '{name}'."
    for secret in container.get("secrets") or ():
        if problem := unusable_variable(secret["name"], ""):
            yield f"{problem}: container '{name}', secrets."


def unusable_variable(name: str, value: str) -> str:
    """Why no process can have such a variable; empty if one can."""
    if "=" in name or "\0" in name:
        return f"Environment variable name {name[:80]!r} must have neither '=' nor a NUL character"
    if "\0" in value:
        return f"The value of environment variable {name[:80]!r} must not have a NUL character"
    return ""


def _awslogs(name: str, logs: LogConfigurationOutputTypeDef) -> Problems:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html"""
    options = logs.get("options") or {}
    needed = ("awslogs-group", "awslogs-region")
    missing = [option for option in needed if not options.get(option)]
    if logs.get("logDriver") == "awslogs" and missing:
        yield f"Log driver awslogs of container '{name}' requires options: {', '.join(missing)}"


def _health_check(name: str, check: HealthCheckOutputTypeDef) -> Problems:
    command = check["command"]
    if not command or command[0] not in ("CMD", "CMD-SHELL", "NONE"):
        yield f"HealthCheck.command of container '{name}' must begin with CMD, CMD-SHELL or NONE."
    elif command[0] != "NONE" and len(command) < 2:
        yield f"HealthCheck.command of container '{name}' must have a command after {command[0]}."
    for member, value, least, most in (
        ("interval", check.get("interval"), 5, 300),
        ("timeout", check.get("timeout"), 2, 120),
        ("retries", check.get("retries"), 1, 10),
        ("startPeriod", check.get("startPeriod"), 0, 300),
    ):
        if value is not None and not least <= value <= most:
            yield f"HealthCheck.{member} of container '{name}' must be {least} to {most}."


def _ports(name: str, mappings: Sequence[PortMappingTypeDef], mode: str) -> Problems:
    for mapping in mappings:
        if "containerPortRange" in mapping:
            yield f"containerPortRange is not supported by Tealmesh: container '{name}'."
            continue
        port, host = mapping.get("containerPort"), mapping.get("hostPort", 0)
        if port is None or not 1 <= port <= 65535 or not 0 <= host <= 65535:
            yield f"Invalid 'portMappings' of container '{name}': a port must be 1 to 65535."
        elif mode in ("awsvpc", "host") and host != port:
            yield (
                f"When networkMode={mode}, the host ports and container ports in port mappings"
                " must match."
            )


def _dependencies(containers: Sequence[ContainerDefinition]) -> Problems:
    by_name = {container.get("name", ""): container for container in containers}
    graph: dict[str, set[str]] = {}
    for name, container in by_name.items():
        graph[name] = set()
        for dependency in container.get("dependsOn") or ():
            other, condition = dependency["containerName"], dependency["condition"]
            graph[name].add(other)
            if other not in by_name:
                yield f"Container '{name}' depends on '{other}', which is not in the definition."
            elif condition == "HEALTHY" and "healthCheck" not in by_name[other]:
                yield (
                    f"Container '{name}' waits for '{other}' to be HEALTHY, but '{other}' has no"
                    " healthCheck."
                )
            elif condition in ("COMPLETE", "SUCCESS") and by_name[other]["essential"]:
                yield (
                    f"Container '{name}' waits for '{other}' to be {condition}: '{other}' must"
                    " not be essential."
                )
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"Container dependencies must have no cycle: {' -> '.join(error.args[1])}."


def _volumes(spec: DefinitionSpec) -> Problems:
    volumes = {volume.get("name", "") for volume in spec["volumes"]}
    for volume in volumes:
        if not NAME.fullmatch(volume):
            yield (
                f"Volume name {volume[:80]!r} is invalid: up to 255 letters, numbers, underscores"
                " and hyphens are allowed."
            )
    names = {container.get("name", "") for container in spec["containerDefinitions"]}
    for container in spec["containerDefinitions"]:
        for mount in container["mountPoints"]:
            if mount.get("sourceVolume") not in volumes:
                yield (
                    f"Unknown volume '{mount.get('sourceVolume')}' in a mount point of container"
                    f" '{container.get('name', '')}'."
                )
        for source in container["volumesFrom"]:
            if source.get("sourceContainer") not in names:
                yield f"Unknown container '{source.get('sourceContainer')}' in volumesFrom."


def _size(spec: DefinitionSpec) -> Problems:
    containers = spec["containerDefinitions"]
    if spec.get("cpu"):
        total = sum(container["cpu"] for container in containers)
        if total > int(spec["cpu"]):
            yield (
                f"The sum of the containers' cpu ({total}) must not be more than the task's"
                f" ({spec['cpu']})."
            )
    if spec.get("memory"):
        limit = int(spec["memory"])
        for container in containers:
            if container.get("memory", 0) > limit:
                yield (
                    f"Invalid setting for container '{container.get('name', '')}'. 'memory' must"
                    f" not be more than the task's ({limit})."
                )
        total = sum(container.get("memoryReservation", 0) for container in containers)
        if total > limit:
            yield (
                f"The sum of the containers' memoryReservation ({total}) must not be more than the"
                f" task's memory ({limit})."
            )


def _proxy(spec: DefinitionSpec) -> Problems:
    proxy = spec.get("proxyConfiguration")
    if proxy is None:
        return
    if spec["networkMode"] != "awsvpc":
        yield "proxyConfiguration is only supported when networkMode=awsvpc."
    names = [container.get("name") for container in spec["containerDefinitions"]]
    if proxy["containerName"] not in names:
        yield (
            f"proxyConfiguration.containerName '{proxy['containerName']}' is not a container of"
            " the definition."
        )
    yield from _proxy_properties(proxy.get("properties", []))


def _proxy_properties(pairs: Sequence[KeyValuePairTypeDef]) -> Problems:
    properties = {p.get("name", ""): p.get("value", "") for p in pairs}
    for name in _PROXY_REQUIRED:
        if not properties.get(name):
            yield f"proxyConfiguration needs the property {name}."
    if not properties.get("IgnoredUID") and not properties.get("IgnoredGID"):
        yield "proxyConfiguration needs the property IgnoredUID or IgnoredGID."
    for name in ("IgnoredUID", "IgnoredGID"):
        if (user := properties.get(name, "").strip()) and not _USER.fullmatch(user):
            yield f"proxyConfiguration property {name}: {user[:80]!r} is not the id of a user."
    for address in filter(None, properties.get("EgressIgnoredIPs", "").split(",")):
        if not _is_network(address.strip()):
            yield (
                f"proxyConfiguration property EgressIgnoredIPs: {address[:80]!r} is neither an IP"
                " address nor a CIDR block."
            )
    for name in (*_PROXY_REQUIRED, "EgressIgnoredPorts"):
        for port in filter(None, properties.get(name, "").split(",")):
            text = port.strip()
            if not (text.isascii() and text.isdecimal()) or not 1 <= int(port) <= 65535:
                yield f"proxyConfiguration property {name}: '{port}' is not a port (1 to 65535)."


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
