"""The containers of a task definition as the engine sees them, and the rules among them. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tealmesh.model.ecs.images import ImageBody
from tealmesh.model.errors import EngineError

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ContainerOverrideOutputTypeDef as ContainerOverride
    from types_boto3_ecs.type_defs import HealthCheckOutputTypeDef as HealthCheckDefinition
    from types_boto3_ecs.type_defs import TaskOverrideOutputTypeDef as TaskOverride

    from tealmesh.model.ecs.bodies import ContainerDefinition, KeptDefinition


class Role(StrEnum):
    """What a container's image makes it: Envoy, the X-Ray daemon, what has the task drained before
    its application stops (`tealmesh.agent`), or an application.
    """

    APPLICATION = "application"
    ENVOY = "envoy"
    XRAY = "xray"
    DRAIN = "drain"


AGENT_IMAGES = "*tealmesh-envoy*"
"""Images of `images/envoy`, which bring Envoy and its agent."""

BUILT_IN_IMAGES = {
    "*aws-appmesh-envoy*": Role.ENVOY,
    "*envoyproxy/envoy*": Role.ENVOY,
    AGENT_IMAGES: Role.ENVOY,
    "*aws-xray-daemon*": Role.XRAY,
}


@dataclass(frozen=True)
class HealthCheck:
    """A container health check. Times are in seconds; the defaults are those of ECS."""

    command: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 5.0
    retries: int = 3
    start_period: float = 0.0

    @property
    def argv(self) -> tuple[str, ...]:
        """The command to execute: as it is after ``CMD``, by a shell after ``CMD-SHELL``."""
        if self.command[0] == "CMD-SHELL":
            return ("/bin/sh", "-c", " ".join(self.command[1:]))
        return self.command[1:] if self.command[0] == "CMD" else self.command


@dataclass(frozen=True)
class Container:
    """One container definition, with RunTask's overrides applied."""

    name: str
    image: str
    role: Role
    essential: bool = True
    entry_point: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[tuple[str, str], ...] = ()
    """(variable, valueFrom)."""
    working_directory: str = ""
    user: str = ""
    """As the definition says it; empty for the runtime's choice."""
    ulimits: tuple[tuple[str, int, int], ...] = ()
    """(name, soft, hard); -1 for no limit."""
    ports: tuple[int, ...] = ()
    depends_on: tuple[tuple[str, str], ...] = ()
    """(container, condition)."""
    health_check: HealthCheck | None = None
    stop_timeout: float = 30.0
    """Seconds between SIGTERM and SIGKILL."""
    start_timeout: float | None = None
    """Seconds in which it must meet what others wait for; None without a limit."""
    log_options: Mapping[str, str] | None = None
    """Options of the log driver ``awslogs``; None without it."""


@dataclass(frozen=True)
class Command:
    """What runs in place of an image, as the image map says."""

    argv: tuple[str, ...]
    cwd: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    """For definitions that name none; empty for the runtime's choice."""
    owned: tuple[str, ...] = ()
    """The image map's own words, without those of the definition."""
    directory: str = ""
    """The image map's own directory."""


@dataclass(frozen=True)
class State:
    """The state of a container."""

    started: bool = False
    healthy: bool | None = None
    """None until its first health check has passed."""
    exit_code: int | None = None
    """None until it has ended."""

    @property
    def running(self) -> bool:
        return self.started and self.exit_code is None


def containers(
    definition: KeptDefinition, overrides: TaskOverride, stop_timeout: float
) -> list[Container]:
    """The containers of a task definition with RunTask's overrides applied. ``stop_timeout`` is for
    those that have none.
    """
    by_name = {o["name"]: o for o in overrides.get("containerOverrides", []) if "name" in o}
    return [
        _container(body, by_name.get(body["name"], {}), stop_timeout)
        for body in definition["containerDefinitions"]
    ]


def _container(
    body: ContainerDefinition, override: ContainerOverride, stop_timeout: float
) -> Container:
    pairs = [*body.get("environment", []), *override.get("environment", [])]
    logs = body.get("logConfiguration")
    arguments = tuple(override.get("command") or body.get("command") or ())
    return Container(
        name=body["name"],
        image=body["image"],
        role=_role(body["image"], arguments),
        essential=body.get("essential", True),
        entry_point=tuple(body.get("entryPoint") or ()),
        arguments=arguments,
        environment={pair["name"]: pair["value"] for pair in pairs},
        secrets=tuple((s["name"], s["valueFrom"]) for s in body.get("secrets") or ()),
        working_directory=body.get("workingDirectory") or "",
        user=body.get("user") or "",
        ulimits=tuple(
            (u["name"], u["softLimit"], u["hardLimit"]) for u in body.get("ulimits") or ()
        ),
        ports=tuple(m["containerPort"] for m in body.get("portMappings", [])),
        depends_on=tuple((d["containerName"], d["condition"]) for d in body.get("dependsOn") or []),
        health_check=_health_check(body.get("healthCheck")),
        stop_timeout=float(body.get("stopTimeout") or stop_timeout),
        start_timeout=body.get("startTimeout"),
        log_options=logs.get("options", {}) if logs and logs["logDriver"] == "awslogs" else None,
    )


def _health_check(body: HealthCheckDefinition | None) -> HealthCheck | None:
    if not body or body["command"][0] == "NONE":
        return None
    return HealthCheck(
        command=tuple(body["command"]),
        interval=float(body.get("interval") or 30),
        timeout=float(body.get("timeout") or 5),
        retries=int(body.get("retries") or 3),
        start_period=float(body.get("startPeriod") or 0),
    )


def has_agent(image: str) -> bool:
    """Whether an image has Envoy's agent, so that it is run as it is."""
    return fnmatchcase(image, AGENT_IMAGES)


def _role(image: str, arguments: Sequence[str] = ()) -> Role:
    if has_agent(image) and tuple(arguments) == (Role.DRAIN.value,):
        return Role.DRAIN
    roles = (role for pattern, role in BUILT_IN_IMAGES.items() if fnmatchcase(image, pattern))
    return next(roles, Role.APPLICATION)


def command_for(container: Container, images: Sequence[ImageBody]) -> Command:
    """The command that runs an application container: that of the longest matching pattern of the
    image map. ``entryPoint`` of the definition replaces it, ``command`` adds arguments.

    Raises EngineError if no pattern matches.
    """
    image = mapped(container.image, images)
    if image is None:
        raise EngineError(
            f"CannotPullContainerError: image {container.image!r} of container {container.name} "
            f"{not_mapped(images)}"
        )
    start = container.entry_point or tuple(image["command"])
    return Command(
        argv=(*start, *container.arguments),
        cwd=_directory(image.get("cwd") or "", container.working_directory),
        environment=image.get("environment") or {},
        user=image.get("user") or "",
        owned=tuple(image["command"]),
        directory=image.get("cwd") or "",
    )


def mapped(image: str, images: Sequence[ImageBody]) -> ImageBody | None:
    """The entry of the image map for an image; the longest pattern wins."""
    matching = [entry for entry in images if fnmatchcase(image, entry["pattern"])]
    return max(matching, key=lambda entry: len(entry["pattern"]), default=None)


def not_mapped(images: Sequence[ImageBody]) -> str:
    """That the image map lacks an image, completing a sentence about it."""
    known = ", ".join(sorted(entry["pattern"] for entry in images)) or "nothing yet"
    return f"is not in the image map: add it under [images] in teal.toml (known: {known})"


def built_in(image: str) -> bool:
    """Whether Tealmesh brings a program for the image, as for Envoy's."""
    return _role(image) is not Role.APPLICATION


def _directory(image: str, working: str) -> str:
    # A relative working directory is below the image's, as in Docker.
    return os.path.join(image, working) if working else image


def startable(all_of: Sequence[Container], states: Mapping[str, State]) -> list[Container]:
    """The containers that can be started now: not started yet, all dependencies met."""
    return [
        c
        for c in all_of
        if not states[c.name].started
        and all(_met(states.get(name, State()), condition) for name, condition in c.depends_on)
    ]


def _met(state: State, condition: str) -> bool:
    match condition:
        case "COMPLETE":
            return state.exit_code is not None
        case "SUCCESS":
            return state.exit_code == 0
        case "HEALTHY":
            return state.running and state.healthy is True
        case _:
            return state.started


def awaited(all_of: Sequence[Container], states: Mapping[str, State]) -> set[str]:
    """The started containers whose health or end others still wait for."""
    return {
        name
        for container in all_of
        if not states[container.name].started
        for name, condition in container.depends_on
        if states.get(name, State()).started and not _met(states[name], condition)
    }


def blocked(all_of: Sequence[Container], states: Mapping[str, State]) -> str:
    """Why some container can never start; empty while all still can."""
    for container in all_of:
        if states[container.name].started:
            continue
        for name, condition in container.depends_on:
            code = states.get(name, State()).exit_code
            if code is None or condition in ("COMPLETE", "START") or _met(states[name], condition):
                continue
            return (
                f"container {container.name} waits for {name} to be {condition}, "
                f"but {name} has exited with code {code}"
            )
    return ""


def ended(all_of: Sequence[Container], states: Mapping[str, State]) -> Container | None:
    """The container whose end ends the task: an essential one, or the last if all have ended."""
    for container in all_of:
        if container.essential and states[container.name].exit_code is not None:
            return container
    if all(states[c.name].exit_code is not None for c in all_of):
        return all_of[-1]
    return None


def stop_order(all_of: Sequence[Container]) -> list[list[Container]]:
    """Groups to be stopped one after the other: dependents before what they depend on, what has the
    task drained first of all, and Envoy after the applications, which may still send through it.
    """
    left = {c.name: c for c in all_of}
    groups = []
    while left:
        needed = {name for c in left.values() for name, _ in c.depends_on}
        if any(c.role is not Role.ENVOY for c in left.values()):
            needed |= {c.name for c in left.values() if c.role is Role.ENVOY}
        drains = {c.name for c in left.values() if c.role is Role.DRAIN}
        if drains:
            before = {c.name for c in left.values() if drains & {name for name, _ in c.depends_on}}
            needed |= left.keys() - drains - before
        group = [c for c in left.values() if c.name not in needed]
        # Containers in a circle (Envoy depending on the application) are stopped together.
        group = group or list(left.values())
        groups.append(group)
        for container in group:
            del left[container.name]
    return groups
