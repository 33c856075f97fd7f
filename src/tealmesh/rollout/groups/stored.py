"""Groups of services and their deployments, as the store keeps them."""

from __future__ import annotations

from dataclasses import replace

from tealmesh.model.absent import absent
from tealmesh.model.errors import AwsError, Fenced
from tealmesh.model.rollout import Group, GroupDeployment
from tealmesh.store import Reader, Transaction, tables


def groups(view: Reader) -> list[Group]:
    """All groups, by name."""
    return [Group.from_json(document.body) for document in view.list(tables.GROUPS)]


def group(view: Reader, name: str) -> Group:
    """The group of this name. Raises NotFoundException, which names those there are."""
    document = view.get(tables.GROUPS, name)
    if document is None:
        known = [one.name for one in groups(view)]
        hint = "describe it in teal.toml as [groups.NAME], and run `teal apply`"
        raise AwsError("NotFoundException", absent("group", name, known, hint))
    return Group.from_json(document.body)


def history(view: Reader, name: str) -> list[GroupDeployment]:
    """The deployments of a group, newest first."""
    stored = view.list(tables.GROUP_DEPLOYMENTS, name)
    found = (GroupDeployment.from_json(document.body) for document in stored)
    return sorted(found, key=lambda g: g.number, reverse=True)


def unfinished(view: Reader) -> list[GroupDeployment]:
    """The deployments of all groups that have not finished."""
    stored = view.list(tables.GROUP_DEPLOYMENTS)
    found = (GroupDeployment.from_json(document.body) for document in stored)
    return [g for g in found if not g.finished]


def running(view: Reader, name: str) -> GroupDeployment | None:
    """The unfinished deployment of a group."""
    return next((g for g in history(view, name) if not g.finished), None)


def by_token(view: Reader, name: str, token: str) -> GroupDeployment | None:
    """The deployment of a group that was started with this token; None without a token."""
    return next((g for g in history(view, name) if token and g.client_token == token), None)


def put_first(t: Transaction, g: GroupDeployment) -> GroupDeployment:
    """Store a new deployment of a group, and return it with its number. Raises ConflictException
    while another one runs.
    """
    refuse_another(running(t, g.group))
    g = replace(g, number=1 + max((other.number for other in history(t, g.group)), default=0))
    t.put(tables.GROUP_DEPLOYMENTS, g.group, g.id, body=g.to_json())
    return g


def put(t: Transaction, g: GroupDeployment, before: GroupDeployment) -> None:
    """Store what a deployment of a group has come to. Raises Fenced if it is not ``before`` any
    more: somebody else works on it.
    """
    stored = t.get(tables.GROUP_DEPLOYMENTS, g.group, g.id)
    if stored is None or stored.body["sequence"] != before.sequence:
        raise Fenced(f"another control plane works on deployment {g.number} of group {g.group}")
    if g != before:
        t.put(tables.GROUP_DEPLOYMENTS, g.group, g.id, body=g.to_json())


def refuse_another(present: GroupDeployment | None) -> None:
    """Raise ConflictException if this deployment of a group has not finished."""
    if present is not None and not present.finished:
        raise AwsError(
            "ConflictException",
            f"a deployment of group {present.group} is running: wait until it has finished, or "
            f"abort it (`teal abort --group {present.group}`)",
        )
