"""``[groups.NAME]`` of a teal.toml, and ``depends_on`` of its services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tealmesh.model.config.nouns import GroupConfig
from tealmesh.model.config.table import Table

GROUP_KEYS = ("services",)
MOST_SERVICES = 20
_OWNERS = ("services", "adopted")
"""The tables whose entries have ``depends_on``."""


def read_groups(root: Table) -> dict[str, GroupConfig]:
    """``[groups.NAME]``, by name. Raises ConfigError for services that depend on one another in a
    circle.
    """
    table = root.table("groups")
    named = {name: read_group(table.table(name, GROUP_KEYS), name) for name in table.data}
    direct = {key: names for key, _, names in _depending(root)}
    known = {*direct, *(service for one in named.values() for service in one.services)}
    for key, owner, names in _depending(root):
        _refuse_unknown(owner, key, names, known)
        if circle := _circle(key, direct):
            owner.fail("depends_on", f"without a circle: {' -> '.join(circle)}")
    return {name: _ordered(one, direct) for name, one in named.items()}


def read_group(table: Table, name: str) -> GroupConfig:
    """``[groups.NAME]``, from its table; what its services depend on is not looked up yet."""
    services = table.texts("services")
    wrong = len(services) < 2 or len(set(services)) < len(services)
    if wrong or len(services) > MOST_SERVICES:
        table.fail("services", f"a list of 2 to {MOST_SERVICES} different services")
    return GroupConfig(name=name, services=services)


def _depending(root: Table) -> Iterator[tuple[str, Table, tuple[str, ...]]]:
    """Each service of the file, its table, and what it says that it depends on."""
    for kind in _OWNERS:
        owners = root.table(kind)
        for name in owners.data:
            owner = owners.table(name)
            yield name, owner, owner.texts("depends_on")


def _refuse_unknown(owner: Table, key: str, names: tuple[str, ...], known: set[str]) -> None:
    if set(names) - known or key in names or len(set(names)) < len(names):
        others = ", ".join(sorted(known - {key})) or "there are none"
        owner.fail("depends_on", f"different services of this file ({others})")


def _circle(start: str, direct: Mapping[str, tuple[str, ...]]) -> list[str]:
    """A way along ``depends_on`` from a service to itself; empty if there is none."""
    todo, done = [[start]], set()
    while todo:
        way = todo.pop()
        for name in direct.get(way[-1], ()):
            if name == start:
                return [*way, start]
            if name not in done:
                done.add(name)
                todo.append([*way, name])
    return []


def _ordered(group: GroupConfig, direct: Mapping[str, tuple[str, ...]]) -> GroupConfig:
    """The group with what each of its services depends on, also through services outside."""
    depends_on: dict[str, tuple[str, ...]] = {}
    for service in group.services:
        reached: dict[str, None] = {}
        todo = list(direct.get(service, ()))
        while todo:
            name = todo.pop(0)
            if name not in reached:
                reached[name] = None
                todo += direct.get(name, ())
        depends_on[service] = tuple(name for name in reached if name in group.services)
    return GroupConfig(group.name, group.services, depends_on)
