"""`teal status`: the answer of GetStatus as tables and lines that fit the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tealmesh.cli.following.ready import shortages
from tealmesh.cli.screens.balancers import balancer_parts
from tealmesh.cli.screens.fit import fitted, short_image
from tealmesh.cli.screens.heartbeat import addresses, advice, lacks_requests
from tealmesh.cli.screens.progress import progress_lines
from tealmesh.cli.screens.render import (
    deployment_line,
    lock_words,
    milliseconds,
    moment,
    percent,
    side_style,
    table,
)
from tealmesh.cli.screens.troubles import control_planes, rejections, troubles
from tealmesh.model.arn import task_name
from tealmesh.model.traffic.failures import by_kind

if TYPE_CHECKING:
    from tealmesh.model import wire

STEPS = 4
"""A release by hand has so many steps."""


def status_view(status: wire.GetStatusOutput, window: int, width: int) -> RenderableType:
    """The whole status. ``window``: the seconds over which traffic was counted. ``width``: in
    columns.
    """
    parts: list[RenderableType] = []
    if status["services"] or status.get("virtualServices"):
        parts.append(_services(status, window, width))
    blocks: list[list[RenderableType]] = [
        [Text(f"{worker} {problem}", style="red") for worker, problem in troubles(status)],
        [Text(line, style="red") for line in (*control_planes(status), *rejections(status))],
        [Text(str(shortage), style="yellow") for shortage in shortages(status)],
        [
            Text(f"{service['name']} {side['side']}: {by_kind(side['errorKinds'])}", style="red")
            for service in status["services"]
            for side in service["sides"]
            if side.get("errorKinds")
        ],
        [
            Text(f"{one['name']} is being removed: `teal delete {one['name']}` finishes that")
            for one in (*status["services"], *status["gateways"])
            if "removing" in one
        ],
        [
            deployment_line(s["deployment"], progress_lines(s["deployment"], s["sides"], width))
            for s in status["services"]
            if "deployment" in s
        ],
        [
            Text(advice(s["name"], addresses(status, s["name"])), style="yellow")
            for s in status["services"]
            if "deployment" in s and lacks_requests(s["deployment"])
        ],
        [line for service in status["services"] for line in _release_lines(service)],
        [line for service in status["services"] for line in _count_lines(service)],
        [line for service in status["services"] for line in _kept_lines(service)],
        [gateway_line(gateway) for gateway in status["gateways"]],
    ]
    for lines in blocks:
        if lines:
            parts += [Text(), *lines]
    if balancers := balancer_parts(status, width):
        parts += [Text(), *balancers]
    if status.get("ecsServices"):
        parts += [Text(), _ecs_services(status["ecsServices"], width)]
    if status.get("tasks"):
        parts += [Text(), _tasks(status["tasks"], width)]
    if not parts:
        return Text(
            "no services yet: create them with Terraform, or describe them in a teal.toml and "
            "run `teal apply`"
        )
    return Group(*(parts[1:] if isinstance(parts[0], Text) and not parts[0].plain else parts))


def _services(status: wire.GetStatusOutput, window: int, width: int) -> Table:
    """One row for each side of a service and for each other virtual service; under the name of
    its mesh where there are several.
    """
    virtual = status.get("virtualServices", [])
    meshes = sorted({s["mesh"] for s in status["services"]} | {v["mesh"] for v in virtual})

    def form(columns: Sequence[str], measured: Sequence[str], level: int) -> Table:
        rows = table(*columns, *measured, gap=1 if level else 2)
        form = _Form(window, level, tuple(name.lstrip(">") for name in measured))
        for mesh in meshes:
            if len(meshes) > 1:
                rows.add_row(Text(f"mesh {mesh}", style="bold underline"))
            for service in status["services"]:
                if service["mesh"] == mesh:
                    for index, side in enumerate(service["sides"]):
                        name = service["name"] if index == 0 else ""
                        rows.add_row(*_side_row(name, side, form))
            for one in virtual:
                if one["mesh"] == mesh:
                    for row in _virtual_rows(one, form):
                        rows.add_row(*row)
        return rows

    first = ("SERVICE", "SIDE", "IMAGE", ">WEIGHT", ">SHARE")
    wide = (">HEALTHY", ">REQ/S", ">ERRORS", ">P50", ">P99")
    narrow = (">TASKS", ">REQ/S", ">ERR", ">P99")
    forms = (
        (first, wide, 0),
        (first, wide, 1),
        (first, narrow, 1),
        (first, narrow, 2),
        (first, narrow[:-1], 2),
        (("SERVICE", "SIDE", "IMAGE", ">SET", ">SHARE"), (">TASKS", ">ERR"), 2),
    )
    return fitted(width, [partial(form, *arguments) for arguments in forms])


@dataclass(frozen=True)
class _Form:
    """How a table of services is set."""

    window: int
    level: int
    """How much names are shortened: see `fit.short_image`."""
    measured: tuple[str, ...]
    """Its last columns."""


def _side_row(name: str, side: wire.SideStatus, form: _Form) -> list[Text]:
    style = "" if side["weight"] else "dim"
    return [
        Text(name, style="bold"),
        Text(side["side"], style=side_style(side["side"])),
        Text(short_image(side.get("image"), form.level), style=style),
        Text(str(side["weight"]), style=style),
        Text(percent(side.get("share")), style=style),
        *_measured(side, form, style),
    ]


def _virtual_rows(service: wire.VirtualServiceStatus, form: _Form) -> Iterator[list[Text]]:
    name = Text(service["name"], style="bold")
    for node in service["nodes"]:
        yield [
            name,
            Text(node["virtualNode"]),
            Text(short_image(node.get("image"), form.level)),
            Text("-"),
            Text("-"),
            *_measured(node, form, ""),
        ]
    if not service["nodes"]:
        why = "no route" if "provider" in service else "no provider"
        yield [name, Text(why, style="yellow")]


def _measured(part: wire.SideStatus | wire.NodeStatus, form: _Form, style: str) -> list[Text]:
    """Tasks and traffic."""
    requests, errors = part.get("requests", 0), part.get("errors", 0)
    whole = part["healthy"] == part["desired"]
    tasks = Text(f"{part['healthy']}/{part['desired']}", style=style if whole else "yellow")
    failed = Text(str(errors) if requests else "-", style="red" if errors else style)
    cells = {
        "HEALTHY": tasks,
        "TASKS": tasks,
        "REQ/S": Text(f"{requests / form.window:.0f}" if requests else "-", style=style),
        "ERRORS": failed,
        "ERR": failed,
        "P50": Text(milliseconds(part.get("p50")), style=style),
        "P99": Text(milliseconds(part.get("p99")), style=style),
    }
    return [cells[name] for name in form.measured]


def service_notes(service: wire.ServiceStatus) -> Iterator[Text]:
    """What there is to say of a service beside its sides and its deployment."""
    yield from _release_lines(service)
    yield from _count_lines(service)
    yield from _kept_lines(service)


def _release_lines(service: wire.ServiceStatus) -> Iterator[Text]:
    """At which of the four steps a service is, and why `teal deploy` cannot do them."""
    release = service.get("release")
    if release:
        line = Text(f"{service['name']}: step {release['step']} of {STEPS}", style="")
        line.append(f": {release['summary']}; next: {release['following']}: ")
        line.append(*_safety(release))
        yield line
    if "problem" in service:
        text = f"{service['name']}: `teal deploy` cannot deploy it: {service['problem']}"
        yield Text(text, style="dim")


def _count_lines(service: wire.ServiceStatus) -> Iterator[Text]:
    """That teal.toml says another number of tasks than there is."""
    if "toldCount" in service:
        desired = max(service["sides"], key=lambda side: side["weight"])["desired"]
        yield Text(
            f"{service['name']} has a desired count of {desired}, which stays; teal.toml says "
            f"{service['toldCount']}, for its first start",
            style="dim",
        )


def _kept_lines(service: wire.ServiceStatus) -> Iterator[Text]:
    """That no deployment may begin, and that the old side is kept for a way back."""
    name = service["name"]
    if "lock" in service:
        words = lock_words(service["lock"])
        yield Text(f"{name} is {words} (`teal unlock {name}`)", style="yellow")
    if "kept" in service:
        kept = service["kept"]
        yield Text(
            f"{name}: {kept['image']} on {kept['side']} is kept running until "
            f"{moment(kept['until'])}: `teal rollback {name}` goes back by one change of weights"
        )


def _safety(release: wire.ReleaseStep) -> tuple[str, str]:
    """Whether the next step is safe, in words, and their style."""
    if release["safe"]:
        return "safe", "green"
    against = [v["detail"] for v in release.get("verdicts", []) if v["verdict"] != "PASS"]
    return f"not safe yet ({'; '.join(against)})", "yellow"


def gateway_line(gateway: wire.GatewayStatus) -> Text:
    """Where a gateway answers, and how many of its tasks run."""
    line = Text("gateway ")
    line.append(gateway["name"], style="bold")
    addresses = gateway.get("addresses")
    if addresses is None:
        addresses = [f"http://{gateway['address']}:{gateway['port']}/"]
    line.append(f"  {' '.join(addresses) or 'not listening'}")
    running, desired = gateway["running"], gateway.get("desired", 1)
    line.append(f"  {running}/{desired} running", style="" if running >= desired else "yellow")
    return line


def _ecs_services(services: list[wire.EcsServiceStatus], width: int) -> Table:
    def form(level: int) -> Table:
        columns = ("ECS SERVICE", ">TASKS", "IMAGE", "STANDS FOR")[: 4 if level < 3 else 3]
        rows = table(*columns, gap=1 if level else 2)
        for service in services:
            whole = service["running"] >= service["desired"]
            cells = [
                Text(f"{service['cluster']}/{service['name']}", style="bold"),
                Text(f"{service['running']}/{service['desired']}", style="" if whole else "yellow"),
                Text(short_image(service.get("image"), level)),
                Text(_resource(service)),
            ]
            rows.add_row(*cells[: len(columns)])
        return rows

    return fitted(width, [partial(form, level) for level in range(4)])


def _tasks(tasks: list[wire.TaskStatus], width: int) -> Table:
    def form(level: int) -> Table:
        columns = ("TASK", "DEFINITION", "STATUS", "IMAGE", "STANDS FOR")[: 5 if level < 3 else 4]
        rows = table(*columns, gap=1 if level else 2)
        for task in tasks:
            cells = [
                Text(f"{task['cluster']}/{task_name(task['task'])}", style="bold"),
                Text(task["taskDefinition"]),
                Text(task["status"]),
                Text(short_image(task.get("image"), level)),
                Text(_resource(task)),
            ]
            rows.add_row(*cells[: len(columns)])
        return rows

    return fitted(width, [partial(form, level) for level in range(4)])


def _resource(part: wire.EcsServiceStatus | wire.TaskStatus) -> str:
    return part.get("resource", "-").removeprefix("mesh/")
