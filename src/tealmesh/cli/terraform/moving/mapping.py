"""Which address of the module each resource gets, and what is imported or left. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tealmesh.cli.terraform.moving.arguments import Arguments, arguments
from tealmesh.cli.terraform.moving.facts import Facts, Role, Side, instance, refuse, route_spec
from tealmesh.cli.terraform.moving.refusals import refusals
from tealmesh.cli.terraform.moving.state import Instance
from tealmesh.migration.found import Name
from tealmesh.migration.writers.terraform import import_id
from tealmesh.model.mesh import Kind

Pair = tuple[str, str]


@dataclass(frozen=True)
class Mapping:
    """What is printed."""

    module: str
    source: str
    arguments: Arguments
    moved: tuple[Pair, ...]
    """From an address to one of the module."""
    imported: tuple[Pair, ...]
    """Addresses of the module, and the identifiers by which Terraform imports what they are."""
    removed: tuple[str, ...]
    """Addresses of blocks that Terraform is to forget, and leave as they are."""
    deleted: tuple[str, ...]
    """Blocks to delete from the configuration: what they declare has moved, or is forgotten."""
    notes: tuple[str, ...]
    """What the apply changes, and what stays where it is, for people."""


def mapped(facts: Facts, module: str, source: str, *, owned: bool) -> Mapping:
    """How the module takes the service over. ``owned``: whether Terraform is to own the weights,
    and so the task definitions. Raises TealError that names all that the module cannot have.
    """
    refuse(refusals(facts, owned=owned))
    moved: list[tuple[Instance, str]] = []
    imported: list[Pair] = []
    for there, to, identity in _wanted(facts):
        address = f"module.{module}.{to}"
        if there is not None:
            moved.append((there, address))
        elif identity:
            imported.append((address, identity))
    left = [one for route in facts.further if (one := instance(facts.state, route.name))]
    blocks = sorted({one.resource for one, _ in moved} | {one.resource for one in left})
    return Mapping(
        module,
        source,
        arguments(facts),
        tuple((one.address, to) for one, to in moved if one.address != to),
        tuple(imported),
        tuple(sorted({one.resource for one in left})),
        tuple(blocks),
        tuple(_notes(facts, owned=owned)),
    )


def _wanted(facts: Facts) -> Iterator[tuple[Instance | None, str, str]]:
    """What the state has of a resource of the module, its address there, and the identifier by
    which it is imported; empty if that is not known, or it is not to be imported.
    """
    mesh = facts.service["mesh"]
    virtual = Name(Kind.VIRTUAL_SERVICE, mesh, facts.service["hostname"])
    for name, to in (
        (facts.router.name, "aws_appmesh_virtual_router.this"),
        (virtual, "aws_appmesh_virtual_service.this"),
        (facts.route.name, "aws_appmesh_route.this"),
    ):
        yield instance(facts.state, name), to, import_id(name)
    yield facts.cloud_map, "aws_service_discovery_service.this", facts.registry
    for side in facts.sides:
        if side.exists:
            yield from _of_side(side, mesh)
    if facts.role and not facts.role.shared_by:
        yield from _of_role(facts.role)


def _of_side(side: Side, mesh: str) -> Iterator[tuple[Instance | None, str, str]]:
    key = f'side["{side.colour}"]'
    node = Name(Kind.VIRTUAL_NODE, mesh, side.described["virtualNode"])
    service = side.described.get("ecsService", "")
    yield side.node, f"aws_appmesh_virtual_node.{key}", import_id(node)
    task = side.described.get("taskDefinition", "")
    yield side.task, f"aws_ecs_task_definition.{key}", task
    identity = f"{side.described.get('cluster', '')}/{service}" if service else ""
    yield side.service, f"aws_ecs_service.{key}", identity


def _of_role(role: Role) -> Iterator[tuple[Instance | None, str, str]]:
    yield role.role, "aws_iam_role.task", ""
    if role.envoy_policy is not None:
        yield role.envoy_policy, "aws_iam_role_policy.envoy", ""
    for one in role.attachments:
        arn = one.values.get("policy_arn")
        yield one, f'aws_iam_role_policy_attachment.task["{arn}"]', ""


def _notes(facts: Facts, *, owned: bool) -> Iterator[str]:
    role = facts.role
    for route in facts.further:
        where = f"--mesh-name {route.name.mesh} --virtual-router-name {route.name.parent}"
        yield (
            f"route {route.name.name} stays beside route {facts.route.name.name} until it is "
            f"deleted: aws appmesh delete-route {where} --route-name {route.name.name}"
        )
    if "priority" in facts.route.spec:
        yield f"route {facts.route.name.name}: its priority is taken away; it is the only route"
    spec = route_spec(facts.route)[1]
    policy = spec.get("retryPolicy", {})
    events = {e for m in ("httpRetryEvents", "grpcRetryEvents") for e in policy.get(m) or ()}
    if events:
        yield (
            f"route {facts.route.name.name}: retries for {', '.join(sorted(events))} are taken "
            "away; the module retries failed connections"
        )
    if facts.cloud_map is None:
        yield "namespace: the state has no Cloud Map service of it: write the namespace's id"
    if role and role.shared_by:
        yield (
            f"{role.role.address} and its policies stay where they are, since "
            f"{', '.join(role.shared_by)} has that role too"
        )
    if role and not role.shared_by:
        for policy in role.other_policies:
            yield f"{policy.address} stays where it is, as a further policy of the same role"
    if owned:
        yield (
            "the apply makes a new revision of each task definition if the module's differs, and "
            "ECS replaces the tasks by its rolling update"
        )
