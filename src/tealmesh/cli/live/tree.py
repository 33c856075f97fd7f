"""Everything that there is as a tree: groups, services, deployments, sides, tasks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from tealmesh.cli.following.ready import shortages
from tealmesh.cli.live.deploying import deployment_rows, position
from tealmesh.cli.live.rows import Marks, Row, Tree, fit
from tealmesh.cli.live.sides import side_rows
from tealmesh.cli.screens import render, standing
from tealmesh.cli.screens.fit import short_image, versions
from tealmesh.cli.screens.heartbeat import addresses, advice, lacks_requests
from tealmesh.cli.screens.status import gateway_line, service_notes
from tealmesh.cli.screens.troubles import control_planes, rejections, troubles

if TYPE_CHECKING:
    from tealmesh.cli.live.sight import Sight
    from tealmesh.cli.live.traffic import Traffic
    from tealmesh.model import wire

MEANWHILE = "meanwhile Envoys go on with what they have, and deployments stand still"
"""What holds while no control plane answers."""
_SERVICE = ("service", "services")
_NOTE = ("note", "notes")


def picture(
    sight: Sight,
    traffic: Traffic,
    width: int,
    height: int,
    now: float,
    lost: str = "",
    encoding: str = "utf-8",
    marks: Marks | None = None,
) -> list[Text]:
    """What fits the terminal. ``now``: seconds since the epoch. ``lost``: why the control plane
    cannot be asked, if it cannot.
    """
    marks = marks or Marks()
    rows = [*_head(sight, now, lost), *_tree(sight, traffic, width, now, marks)]
    return fit(rows, width, height, marks, encoding)


def _head(sight: Sight, now: float, lost: str) -> list[Row]:
    status = sight.status
    tree = Tree()
    services = len(status["services"])
    words = [render.clock(sight.at), f"{services} service{'' if services == 1 else 's'}"]
    running = sum(_runs(s.get("deployment")) for s in status["services"])
    if running:
        words.append(f"{running} deploying")
    meshes = status.get("meshes", [])
    if meshes:
        connected, expected = (sum(m[key] for m in meshes) for key in ("connected", "envoys"))
        words.append(f"Envoys {connected}/{expected} connected")
    tree.add(0, Text(" · ".join(words), style="dim"), 0, _NOTE)
    if lost:
        age = max(0.0, now - sight.at)
        text = f"what follows is {age:.0f} s old: {lost}; {MEANWHILE}"
        tree.add(0, Text(text, style="bold red"), 0, _NOTE, lines=3)
    for note in sight.notes:
        tree.add(0, Text(note), 0, _NOTE, lines=2)
    for worker, problem in troubles(status, now):
        tree.add(0, Text(f"{worker} {problem}", style="red"), 0, _NOTE, lines=2)
    for line in (*control_planes(status), *rejections(status)):
        tree.add(0, Text(line, style="red"), 0, _NOTE, lines=2)
    for shortage in shortages(status):
        tree.add(0, Text(str(shortage), style="yellow"), 1, _NOTE, lines=2)
    return tree.rows


def _tree(sight: Sight, traffic: Traffic, width: int, now: float, marks: Marks) -> list[Row]:
    tree = Tree()
    told: set[str] = set()
    for name, group in sorted(sight.groups.items()):
        members = [m["service"] for m in group["members"]]
        tree.add(0, _group(name, group, marks), 1, ("group", "groups"), lines=2, hang=2)
        if waiting := group.get("waitingFor"):
            tree.add(1, Text(f"waiting for {waiting}", style="yellow"), 3, _NOTE, lines=2)
        for member in members:
            for service in sight.status["services"]:
                if service["name"] == member:
                    _service(tree, 1, service, sight, traffic, width, now, marks)
        told.update(members)
    rest = [s for s in sight.status["services"] if s["name"] not in told]
    several = len({s["mesh"] for s in rest}) > 1
    # What deploys first: it is what is looked for.
    for service in sorted(rest, key=lambda s: (not _runs(s.get("deployment")), s["mesh"])):
        _service(tree, 0, service, sight, traffic, width, now, marks, several)
    _others(tree, sight.status, marks)
    if not tree.rows and not sight.notes:
        text = "no services yet: create them with Terraform, or describe them in a teal.toml and "
        tree.add(0, Text(f"{text}run `teal apply`"), 0, _NOTE, lines=3)
    return tree.rows


def _group(name: str, group: wire.GroupDeployment, marks: Marks) -> Text:
    waits = "pausedBy" in group or group.get("held")
    running = "IN_PROGRESS" in group["status"]
    good = group["status"] == "SUCCESSFUL"
    mark = marks.paused if waits else marks.running if running else (
        marks.passed if good else marks.failed
    )  # fmt: skip
    line = Text().append(f"{mark} ", style=render.STATUS_STYLES.get(standing.outcome(group), ""))
    line.append(f"group {name}:", style="bold")
    return line.append(f" {group['sentence'].removeprefix(f'group {name}: ')}")


def _service(
    tree: Tree,
    depth: int,
    service: wire.ServiceStatus,
    sight: Sight,
    traffic: Traffic,
    width: int,
    now: float,
    marks: Marks,
    with_mesh: bool = False,
) -> None:
    deployment = service.get("deployment")
    runs = _runs(deployment)
    mesh = f" (mesh {service['mesh']})" if with_mesh else ""
    level = 0 if width >= render.NARROW_COLUMNS else 1
    ill = any(side["healthy"] < side["desired"] for side in service["sides"])
    line = Text()
    if deployment is not None and runs:
        stopped = position(deployment) == "waits"
        mark = marks.paused if stopped else marks.running
        status = deployment["status"]
        images = (deployment.get("oldImage"), deployment.get("newImage"))
        line.append(f"{mark} ", style=render.STATUS_STYLES.get(status, ""))
        line.append(f"{service['name']}{mesh}  ", style="bold")
        line.append(f"{versions(*(short_image(image, level) for image in images))}  ")
        line.append(status, style=render.STATUS_STYLES.get(status, ""))
        line.append(f"  for {standing.minutes(max(0.0, now - deployment['createdAt']))}", "dim")
    else:
        mark, style = (marks.waiting, "yellow") if ill else (marks.passed, "green")
        line.append(f"{mark} ", style=style)
        line.append(f"{service['name']}{mesh}  ", style="bold")
        line.append(short_image(service.get("image"), level))
    tree.add(depth, line, 1 if runs else 4, _SERVICE)
    if deployment is not None:
        deployment_rows(tree, depth + 1, deployment, width, now, marks)
    side_rows(tree, depth + 1, service, sight, traffic, width, marks)
    for note in service_notes(service):
        tree.add(depth + 1, note, 3, _NOTE, lines=3)
    if deployment is not None and lacks_requests(deployment):
        words = advice(service["name"], addresses(sight.status, service["name"]))
        tree.add(depth + 1, Text(words, style="yellow"), 3, _NOTE, lines=3)


def _runs(deployment: wire.Deployment | None) -> bool:
    return deployment is not None and "IN_PROGRESS" in deployment["status"]


def _others(tree: Tree, status: wire.GetStatusOutput, marks: Marks) -> None:
    """What is beside services with sides."""
    for virtual in status.get("virtualServices", []):
        _virtual(tree, virtual, marks)
    for gateway in status["gateways"]:
        line = _mark(gateway["running"], gateway.get("desired", 1), marks)
        tree.add(0, line + gateway_line(gateway), 6, ("gateway", "gateways"))
    for balancer in status.get("loadBalancers", []):
        line = _mark(balancer["healthy"], balancer["registered"], marks)
        line.append(f"load balancer {balancer['name']}  ")
        line.append(f"{balancer['healthy']}/{balancer['registered']} targets healthy")
        tree.add(0, line, 8, ("load balancer", "load balancers"))
        if "problem" in balancer:
            tree.add(1, Text(balancer["problem"], style="red"), 3, _NOTE, lines=2)
    for ecs in status.get("ecsServices", []):
        line = _mark(ecs["running"], ecs["desired"], marks)
        line.append(f"ECS service {ecs['cluster']}/{ecs['name']}  {ecs['running']}/")
        line.append(f"{ecs['desired']} running  {short_image(ecs.get('image'), 1)}")
        tree.add(0, line, 9, ("ECS service", "ECS services"))
    for task in status.get("tasks", []):
        line = Text(f"{marks.running} task {task['task'].rpartition('/')[2][:8]}  ")
        line.append(f"{task['taskDefinition']}  {task['status']}")
        tree.add(0, line, 9, ("task", "tasks"))


def _virtual(tree: Tree, virtual: wire.VirtualServiceStatus, marks: Marks) -> None:
    nodes: Sequence[wire.NodeStatus] = virtual["nodes"]
    line = _mark(sum(n["healthy"] for n in nodes), sum(n["desired"] for n in nodes), marks)
    line.append(virtual["name"], style="bold")
    for node in nodes:
        line.append(f"  {node['virtualNode']} {node['healthy']}/{node['desired']}")
        if node.get("requests"):
            line.append(f" p99 {render.milliseconds(node.get('p99'))}", style="dim")
    if not nodes:
        line.append("  no route" if "provider" in virtual else "  no provider", style="yellow")
    tree.add(0, line, 7, ("virtual service", "virtual services"))


def _mark(have: int, need: int, marks: Marks) -> Text:
    whole = have >= need
    style = "green" if whole else "yellow"
    return Text().append(f"{marks.passed if whole else marks.waiting} ", style=style)
