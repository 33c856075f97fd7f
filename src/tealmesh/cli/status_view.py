"""`teal status`: the answer of GetStatus as tables and lines that fit the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tealmesh.cli.balancers import balancer_parts
from tealmesh.cli.names import cut, task_name
from tealmesh.cli.ready import shortages
from tealmesh.cli.render import (
    NARROW_COLUMNS,
    deployment_line,
    image_name,
    milliseconds,
    percent,
    side_style,
    table,
)
from tealmesh.cli.troubles import troubles
from tealmesh.model import wire

NAME_COLUMNS = 16
"""A service's name is cut to this on a narrow terminal."""
SIDE_COLUMNS = 10
"""A side's, or a virtual node's, likewise."""
STEPS = 4
"""A release by hand has so many steps."""


def status_view(status: wire.GetStatusOutput, window: int, width: int) -> RenderableType:
    """The whole status. ``window``: the seconds over which traffic was counted. ``width``: in
    columns.
    """
    narrow = width < NARROW_COLUMNS
    parts: list[RenderableType] = []
    if status["services"] or status.get("virtualServices"):
        parts.append(_services(status, window, narrow))
    for lines in (
        [Text(f"{worker} {problem}", style="red") for worker, problem in troubles(status)],
        [Text(str(shortage), style="yellow") for shortage in shortages(status)],
        [
            Text(f"{one['name']} is being removed: `teal delete {one['name']}` finishes that")
            for one in (*status["services"], *status["gateways"])
            if "removing" in one
        ],
        [deployment_line(s["deployment"]) for s in status["services"] if "deployment" in s],
        [line for service in status["services"] for line in _release_lines(service)],
        [_gateway_line(gateway) for gateway in status["gateways"]],
    ):
        if lines:
            parts += [Text(), *lines]
    if balancers := balancer_parts(status):
        parts += [Text(), *balancers]
    if status.get("ecsServices"):
        parts += [Text(), _ecs_services(status["ecsServices"], narrow)]
    if status.get("tasks"):
        parts += [Text(), _tasks(status["tasks"], narrow)]
    if not parts:
        return Text(
            "no services yet: create them with Terraform, or describe them in a teal.toml and "
            "run `teal apply`"
        )
    return Group(*(parts[1:] if isinstance(parts[0], Text) and not parts[0].plain else parts))


def _services(status: wire.GetStatusOutput, window: int, narrow: bool) -> Table:
    """One row for each side of a service and for each other virtual service; under the name of
    its mesh where there are several.
    """
    columns = ["SERVICE", "SIDE", "IMAGE", ">WEIGHT", ">SHARE", ">HEALTHY", ">REQ/S", ">ERRORS"]
    if narrow:
        columns[-3:] = [">TASKS", ">REQ/S", ">ERR", ">P99"]
    else:
        columns += [">P50", ">P99"]
    rows = table(*columns, gap=1 if narrow else 2)
    virtual = status.get("virtualServices", [])
    meshes = sorted({s["mesh"] for s in status["services"]} | {v["mesh"] for v in virtual})
    for mesh in meshes:
        if len(meshes) > 1:
            rows.add_row(Text(f"mesh {mesh}", style="bold underline"))
        for service in status["services"]:
            if service["mesh"] == mesh:
                for index, side in enumerate(service["sides"]):
                    name = service["name"] if index == 0 else ""
                    rows.add_row(*_side_row(name, side, window, narrow))
        for one in virtual:
            if one["mesh"] == mesh:
                for row in _virtual_rows(one, window, narrow):
                    rows.add_row(*row)
    return rows


def _side_row(name: str, side: wire.SideStatus, window: int, narrow: bool) -> list[Text]:
    style = "" if side["weight"] else "dim"
    return [
        Text(_cut(name, NAME_COLUMNS, narrow), style="bold"),
        Text(_cut(side["side"], SIDE_COLUMNS, narrow), style=side_style(side["side"])),
        Text(image_name(side.get("image"), narrow), style=style),
        Text(str(side["weight"]), style=style),
        Text(percent(side.get("share")), style=style),
        *_measured(side, window, narrow, style),
    ]


def _virtual_rows(
    service: wire.VirtualServiceStatus, window: int, narrow: bool
) -> Iterator[list[Text]]:
    name = Text(_cut(service["name"], NAME_COLUMNS, narrow), style="bold")
    for node in service["nodes"]:
        yield [
            name,
            Text(_cut(node["virtualNode"], SIDE_COLUMNS, narrow)),
            Text(image_name(node.get("image"), narrow)),
            Text("-"),
            Text("-"),
            *_measured(node, window, narrow, ""),
        ]
    if not service["nodes"]:
        why = "no route" if "provider" in service else "no provider"
        yield [name, Text(why, style="yellow")]


def _measured(
    part: wire.SideStatus | wire.NodeStatus, window: int, narrow: bool, style: str
) -> list[Text]:
    """Tasks and traffic."""
    requests, errors = part.get("requests", 0), part.get("errors", 0)
    whole = part["healthy"] == part["desired"]
    cells = [
        Text(f"{part['healthy']}/{part['desired']}", style=style if whole else "yellow"),
        Text(f"{requests / window:.0f}" if requests else "-", style=style),
        Text(str(errors) if requests else "-", style="red" if errors else style),
    ]
    if not narrow:
        cells.append(Text(milliseconds(part.get("p50")), style=style))
    return [*cells, Text(milliseconds(part.get("p99")), style=style)]


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


def _safety(release: wire.ReleaseStep) -> tuple[str, str]:
    """Whether the next step is safe, in words, and their style."""
    if release["safe"]:
        return "safe", "green"
    against = [v["detail"] for v in release.get("verdicts", []) if v["verdict"] != "PASS"]
    return f"not safe yet ({'; '.join(against)})", "yellow"


def _gateway_line(gateway: wire.GatewayStatus) -> Text:
    line = Text("gateway ")
    line.append(gateway["name"], style="bold")
    addresses = gateway.get("addresses")
    if addresses is None:
        addresses = [f"http://{gateway['address']}:{gateway['port']}/"]
    line.append(f"  {' '.join(addresses) or 'not listening'}")
    running, desired = gateway["running"], gateway.get("desired", 1)
    line.append(f"  {running}/{desired} running", style="" if running >= desired else "yellow")
    return line


def _ecs_services(services: list[wire.EcsServiceStatus], narrow: bool) -> Table:
    rows = table("ECS SERVICE", ">TASKS", "IMAGE", "STANDS FOR", gap=1 if narrow else 2)
    for service in services:
        whole = service["running"] >= service["desired"]
        rows.add_row(
            Text(f"{service['cluster']}/{service['name']}", style="bold"),
            Text(f"{service['running']}/{service['desired']}", style="" if whole else "yellow"),
            Text(image_name(service.get("image"), narrow)),
            Text(_resource(service)),
        )
    return rows


def _tasks(tasks: list[wire.TaskStatus], narrow: bool) -> Table:
    rows = table("TASK", "DEFINITION", "STATUS", "IMAGE", "STANDS FOR", gap=1 if narrow else 2)
    for task in tasks:
        rows.add_row(
            Text(f"{task['cluster']}/{task_name(task['task'])}", style="bold"),
            Text(task["taskDefinition"]),
            Text(task["status"]),
            Text(image_name(task.get("image"), narrow)),
            Text(_resource(task)),
        )
    return rows


def _resource(part: wire.EcsServiceStatus | wire.TaskStatus) -> str:
    return part.get("resource", "-").removeprefix("mesh/")


def _cut(text: str, columns: int, narrow: bool) -> str:
    return cut(text, columns) if narrow else text
