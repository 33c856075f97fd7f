"""Draws how the packages import one another, into CONTRIBUTING.md: ``python docs/architecture.py``.

The picture is Mermaid, made from the import graph that import-linter checks. A test compares the
file with what this makes, so the picture cannot go stale.
"""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import grimp

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
BEGIN, END = "<!-- begin: made by docs/architecture.py -->", "<!-- end -->"

PACKAGES = {
    "cli": "the teal command",
    "agent": "beside an Envoy",
    "app": "composition root",
    "migration": "from App Mesh, and back",
    "aws": "HTTP front, codec, moto",
    "apis.applicationautoscaling": "automatic scaling",
    "apis.appmesh": "App Mesh",
    "apis.ecs": "Amazon ECS",
    "apis.elasticloadbalancing": "load balancers",
    "apis.servicediscovery": "Cloud Map",
    "apis.tealmesh": "our own API",
    "apis.xray": "X-Ray",
    "discovery": "instances of AWS",
    "engine": "tasks that run",
    "replicas": "several control planes",
    "rollout": "deployments",
    "seams": "other AWS services",
    "workloads": "tasks of another ECS",
    "xds": "ADS",
    "envoy": "translation",
    "http2": "gRPC on asyncio",
    "store": "state",
    "traces": "what requests did",
    "supervision": "workers that heal",
    "model": "shared nouns",
}
"""The packages in the order of their layers, each with what it is."""

EVERYBODY_IMPORTS = "model"
"""Its arrows are left out: they would hide the others."""


def imports() -> list[tuple[str, str]]:
    """Importer and imported, for the packages that the picture shows."""
    graph = grimp.build_graph("tealmesh")
    for package in PACKAGES:
        graph.squash_module(f"tealmesh.{package}")
    return [
        (importer, imported)
        for importer, imported in permutations(PACKAGES, 2)
        if graph.direct_import_exists(
            importer=f"tealmesh.{importer}", imported=f"tealmesh.{imported}"
        )
    ]


def picture() -> str:
    """The picture as a block of Markdown."""
    nodes = [f'    {_id(name)}["<b>{name}</b><br>{what}"]' for name, what in PACKAGES.items()]
    arrows = [
        f"    {_id(importer)} --> {_id(imported)}"
        for importer, imported in imports()
        if imported != EVERYBODY_IMPORTS
    ]
    return "\n".join([BEGIN, "```mermaid", "flowchart TD", *nodes, *arrows, "```", END])


def _id(package: str) -> str:
    """A dot has a meaning of its own in Mermaid."""
    return package.replace(".", "_")


def page(text: str) -> str:
    """``text`` with its picture made anew."""
    before, _, rest = text.partition(BEGIN)
    return before + picture() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
