"""The parts of a teal.toml for services that others made: ``[adopted]`` and ``[terraform]``."""

from __future__ import annotations

import re

from tealmesh.model.config.deployments import read_gates, read_strategy
from tealmesh.model.config.nouns import AdoptedConfig, TerraformNames
from tealmesh.model.config.table import Table

CLEAN_UPS = ("stop", "delete")
ADOPTED_KEYS = ("container", "route", "clean_up", "depends_on", "strategy", "gates")
_PLACEHOLDER = re.compile(r"\{(?!side\}|service\})")
_TEMPLATE_ALLOWED = "a name in which {side} and {service} stand for those of a deployment"


def read_adopted(table: Table) -> dict[str, AdoptedConfig]:
    """``[adopted.NAME]``, by the name of the service."""
    return {name: read_one(table.table(name, ADOPTED_KEYS), name) for name in table.data}


def read_terraform(root: Table) -> TerraformNames:
    """``[terraform]``: what the configuration calls the things that a deployment changes."""
    table = root.table("terraform", TerraformNames.__dataclass_fields__)
    return TerraformNames(**{key: _template(table, key) for key in table.data})


def read_one(table: Table, name: str) -> AdoptedConfig:
    """``[adopted.NAME]``, from its table."""
    return AdoptedConfig(
        name=name,
        container=_name(table, "container"),
        route=_routes(table),
        clean_up=table.text("clean_up", "", '"stop" or "delete"', ("", *CLEAN_UPS).__contains__),
        strategy=read_strategy(table) if "strategy" in table.data else None,
        gates=read_gates(table) if "gates" in table.data else None,
    )


def _name(table: Table, key: str) -> str:
    return table.text(key, None, f"the name of a {key}") if key in table.data else ""


def _routes(table: Table) -> tuple[str, ...]:
    """``route``: the name of one, or a list of names."""
    value = table.data.get("route", [])
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
        names = []
    if "route" in table.data and (not names or len(set(names)) < len(names)):
        table.fail("route", 'the name of a route, or a list of several such as ["web", "api"]')
    return tuple(names)


def _template(table: Table, key: str) -> str:
    return table.text(
        key, "", _TEMPLATE_ALLOWED, lambda text: bool(text) and not _PLACEHOLDER.search(text)
    )
