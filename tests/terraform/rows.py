"""Every resource type and data source that the provider has for our three services, and those of
other services that the systems use.

`test_everything` and `test_systems` test each of them; `python -m tests.terraform.rows` makes the
lists of docs/terraform.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support.machine import REPOSITORY

PAGE = REPOSITORY / "docs" / "terraform.md"
SYSTEMS = REPOSITORY / "tests" / "terraform" / "systems"
MARK = "<!-- begin: {}, made by tests/terraform/rows.py -->"
END = "<!-- end -->"
OURS = ("aws_appmesh_", "aws_ecs_", "aws_service_discovery_")


@dataclass(frozen=True)
class Row:
    """A resource type."""

    type: str
    identifier: str
    """The import id, made of its attributes."""

    changes: str
    """What the test changes in place."""


ROWS = (
    Row("aws_appmesh_mesh", "{name}", "spec.egress_filter"),
    Row("aws_appmesh_virtual_node", "{mesh_name}/{name}", "spec.listener.health_check"),
    Row("aws_appmesh_virtual_router", "{mesh_name}/{name}", "tags"),
    Row(
        "aws_appmesh_route",
        "{mesh_name}/{virtual_router_name}/{name}",
        "spec.http_route.action.weighted_target",
    ),
    Row("aws_appmesh_virtual_service", "{mesh_name}/{name}", "tags"),
    Row("aws_appmesh_virtual_gateway", "{mesh_name}/{name}", "spec.listener.health_check"),
    Row(
        "aws_appmesh_gateway_route",
        "{mesh_name}/{virtual_gateway_name}/{name}",
        "spec.http_route.match",
    ),
    Row("aws_ecs_capacity_provider", "{name}", "tags"),
    Row("aws_ecs_cluster", "{name}", "setting, tags"),
    Row("aws_ecs_service", "{name}/{name}", "deployment settings, tags"),
    Row("aws_ecs_task_definition", "{arn}", "tags"),
    Row("aws_service_discovery_http_namespace", "{id}", "tags"),
    Row("aws_service_discovery_private_dns_namespace", "{id}:{vpc}", "tags"),
    Row("aws_service_discovery_public_dns_namespace", "{id}", "tags"),
    Row("aws_service_discovery_service", "{id}", "description, DNS records, tags"),
)

DATA: dict[str, object] = {
    "aws_ecs_cluster": "ACTIVE",
    "aws_ecs_container_definition": "info",
    "aws_ecs_service": 0,
    "aws_ecs_task_definition": "ACTIVE",
}
"""Data sources, with the value that the configuration reads from each."""


def table() -> str:
    """The part of docs/terraform.md that is generated."""
    lines = [
        "| resource | create | read | update in place | import by | delete |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{row.type}` | yes | yes | yes: {row.changes} | `{row.identifier}` | yes |"
            for row in ROWS
        ),
        "",
        "| data source | read |",
        "|---|---|",
        *(f"| `{name}` | yes |" for name in DATA),
    ]
    return "\n".join(lines)


def used() -> str:
    """What the systems use of other services, by what declares it."""
    found: dict[str, set[str]] = {"resource": set(), "data": set()}
    for file in sorted(SYSTEMS.rglob("*.tf")):
        for kind, name in re.findall(r'^(resource|data) "(\w+)"', file.read_text(), re.MULTILINE):
            if not name.startswith(OURS):
                found[kind].add(name)
    resources, data = (", ".join(f"`{name}`" for name in sorted(found[k])) for k in found)
    return f"Resources: {resources}.\n\nData sources: {data}."


def page_with(text: str) -> str:
    """``text`` with the current lists."""
    for name, made in (("systems", used()), ("resources", table())):
        begin = MARK.format(name)
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{made}\n{END}{rest.split(END, 1)[1]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page_with(PAGE.read_text()))
