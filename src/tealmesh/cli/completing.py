"""What a shell completes names with. A shell waits for it: within a second there is an answer or
none, and never a complaint.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from tealmesh.model.arn import ID_CHARACTERS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tealmesh.cli.client import Client

SECONDS = 1.0
"""A shell waits no longer. Looking up an address cannot be interrupted, so a thread does it that
nobody waits for.
"""
_HEALTH_SECONDS = 0.5

Names = Iterable[tuple[str, str]]
"""Names, each with what a shell shows beside it."""


def names(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Services and gateways."""

    def find(client: Client) -> Names:
        status = client.get_status()
        yield from ((s["name"], s.get("image", "")) for s in status["services"])
        yield from ((g["name"], "gateway") for g in status["gateways"])

    return _items(context, incomplete, find)


def logged(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Whatever has logs: also virtual nodes and ECS services."""

    def find(client: Client) -> Names:
        status = client.get_status()
        yield from ((s["name"], s.get("image", "")) for s in status["services"])
        yield from ((g["name"], "gateway") for g in status["gateways"])
        for virtual in status.get("virtualServices", []):
            yield from ((n["virtualNode"], "virtual node") for n in virtual["nodes"])
        yield from ((s["name"], "ECS service") for s in status.get("ecsServices", []))

    return _items(context, incomplete, find)


def sides(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Sides, of the service that has been typed if one has."""
    service = context.params.get("service") or context.params.get("name")

    def find(client: Client) -> Names:
        for one in client.get_status()["services"]:
            if service in (None, one["name"]):
                yield from ((side["side"], side.get("image", "")) for side in one["sides"])

    return _items(context, incomplete, find)


def meshes(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Meshes."""

    def find(client: Client) -> Names:
        return ((mesh["name"], "") for mesh in client.get_status().get("meshes", []))

    return _items(context, incomplete, find)


def resources(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Meshes, and what is in them."""

    def find(client: Client) -> Names:
        known = [mesh["name"] for mesh in client.get_status().get("meshes", [])]
        yield from ((name, "mesh") for name in known)
        wanted = context.params.get("of")
        for name in [wanted] if wanted else known:
            graph = client.get_mesh_graph(name)["graph"]
            yield from ((node["id"], node.get("detail", "")) for node in graph["nodes"])

    return _items(context, incomplete, find)


def groups(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Groups of services."""

    def find(client: Client) -> Names:
        return ((g["name"], ", ".join(g["services"])) for g in client.list_groups())

    return _items(context, incomplete, find)


def to_deploy(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The first word of `teal deploy`, and with --group every word before its ``=``."""
    group = context.params.get("group")
    if group is None:
        # An image is not completed: nothing here knows those of a registry.
        return [] if context.params.get("words") else names(context, parameter, incomplete)

    def find(client: Client) -> Names:
        for one in client.list_groups():
            if one["name"] == group:
                yield from ((f"{service}=", "") for service in one["services"])

    return _items(context, incomplete, find)


def deployments(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Deployments of the service, or of the group, that has been typed; newest first."""
    service, group = context.params.get("service"), context.params.get("group")
    size = max(ID_CHARACTERS, len(incomplete))

    def find(client: Client) -> Names:
        from tealmesh.cli.screens.standing import outcome

        if group is not None:
            for one in client.list_group_deployments(group):
                yield one["groupDeploymentId"][:size], outcome(one)
        elif service is not None:
            for each in client.list_deployments(service):
                yield each["deploymentId"][:size], f"{each.get('newImage', '')} {outcome(each)}"

    return _items(context, incomplete, find)


def revisions(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The numbers of the deployments of the service that has been typed; newest first."""
    service = context.params.get("service")

    def find(client: Client) -> Names:
        for one in client.list_deployments(service) if service else ():
            if "number" in one and one["status"] == "SUCCESSFUL":
                yield str(one["number"]), one.get("newImage", "")

    return _items(context, incomplete, find)


def _items(
    context: click.Context, incomplete: str, find: Callable[[Client], Names]
) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    found = within(SECONDS, lambda: _found(context.params.get("client"), find))
    chosen = {name: help_ for name, help_ in found if name.startswith(incomplete)}
    return [CompletionItem(name, help=_plain(help_) or None) for name, help_ in chosen.items()]


def _found(endpoint: str | None, find: Callable[[Client], Names]) -> list[tuple[str, str]]:
    """``endpoint``: what has been typed for --endpoint; None for that of the environment."""
    from tealmesh.cli.client import Client

    one = Client.from_environment(endpoint)
    one.announces = False  # The line belongs to the shell.
    one.health(timeout=_HEALTH_SECONDS)
    return list(find(one))


def _plain(text: str) -> str:
    """Without what a shell's script would take for the end of a line or give to the terminal."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def within(
    seconds: float, answer: Callable[[], Sequence[tuple[str, str]]]
) -> Sequence[tuple[str, str]]:
    """What ``answer`` returns in so many seconds; nothing if it fails or takes longer."""
    import threading

    got: list[tuple[str, str]] = []

    def ask() -> None:
        # Whatever goes wrong, the shell's line stays as it was typed.
        with contextlib.suppress(Exception):
            got.extend(answer())

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return list(got)
