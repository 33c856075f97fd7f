"""A resource of a mesh: what a user calls it, and how it is shown. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tealmesh.cli.screens.mesh import kind_words
from tealmesh.cli.screens.render import moment

if TYPE_CHECKING:
    from tealmesh.model import wire

PARENTS = {"route": "virtualRouter", "gatewayRoute": "virtualGateway"}
KINDS = ("virtualGateway", "virtualService", "virtualRouter", "virtualNode", *PARENTS)


@dataclass(frozen=True)
class Named:
    """What a user has named. ``mesh``: empty if only one is meant. ``kind``: empty if any is."""

    mesh: str
    kind: str
    name: str
    parent: str = ""

    @property
    def identity(self) -> str:
        """Its id in the graph of the mesh."""
        return "/".join(part for part in (self.kind, self.parent, self.name) if part)


def named(text: str) -> Named | None:
    """``web-blue``, ``virtualNode/web-blue``, ``route/ROUTER/NAME``, and both as in ARNs, which may
    be whole: ``mesh/shop/virtualRouter/web/route/all``. None for what is none of these.
    """
    parts = text.rpartition(":mesh/")[2].split("/") if text.startswith("arn:") else text.split("/")
    mesh = ""
    if text.startswith("arn:"):
        mesh, *parts = parts
    elif parts[0] == "mesh" and len(parts) > 2:
        _, mesh, *parts = parts
    if not all(parts):
        return None
    match parts:
        case [name] if not mesh:
            return Named("", "", name)
        case [kind, name] if kind in KINDS and kind not in PARENTS:
            return Named(mesh, kind, name)
        case [kind, parent, name] if kind in PARENTS:
            return Named(mesh, kind, name, parent)
        case [above, parent, kind, name] if PARENTS.get(kind) == above:
            return Named(mesh, kind, name, parent)
    return None


def found(graph: wire.MeshGraph, wanted: Named) -> list[Named]:
    """The resources of the mesh that ``wanted`` may mean."""
    made = []
    for node in graph["nodes"]:
        kind, _, rest = node["id"].partition("/")
        parent = rest.rpartition("/")[0] if kind in PARENTS else ""
        one = Named(graph["name"], kind, node["name"], parent)
        same = one.identity == wanted.identity if wanted.kind else one.name == wanted.name
        if same:
            made.append(one)
    return made


def shown(answer: wire.GetResourceOutput, *, whole: bool) -> Iterator[str]:
    """Line by line: the specification, what Envoys have of it, and who has acknowledged that.
    ``whole``: with what each of Envoy's resources contains.
    """
    parent = f" of {answer['parent']}" if "parent" in answer else ""
    head = f"{kind_words(answer['kind'])} {answer['name']}{parent} of mesh {answer['mesh']}"
    yield f"{head}: version {answer['version']}, changed {moment(answer['updatedAt'])}"
    yield ""
    yield "specification, as it was sent"
    yield from _indented(answer["spec"])
    yield ""
    resources = answer["envoyResources"]
    yield "what Envoys have of it" if resources else "no Envoy has anything of it"
    for one in resources:
        yield f"  {one['type']} {one['name']}: {_counted(one['envoys'])}"
        if whole:
            yield from (f"  {line}" for line in _indented(one["content"]))
    if resources:
        yield ""
        yield f"acknowledged by {_counted(answer['acknowledged'])}"
        if answer["lagging"]:
            yield f"not yet by {', '.join(answer['lagging'])}"


def _counted(envoys: list[str]) -> str:
    return "1 Envoy" if len(envoys) == 1 else f"{len(envoys)} Envoys"


def _indented(text: str) -> Iterator[str]:
    for line in json.dumps(json.loads(text), indent=2, ensure_ascii=False).splitlines():
        yield f"  {line}"
