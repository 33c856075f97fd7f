"""Rows of `test_settings_have_effects` for the names of a Terraform configuration."""

from __future__ import annotations

from collections.abc import Callable

from tealmesh.cli.screens import terraform
from tealmesh.model import wire
from tealmesh.model.config import nouns

Check = Callable[[nouns.TealConfig, nouns.TealConfig], object]


def variables(config: nouns.TealConfig) -> str:
    """What `teal terraform vars` prints for a service with blue live and green idle."""
    sides: list[wire.SideDescription] = [
        {
            "side": side,
            "virtualNode": f"web-{side}",
            "exists": True,
            "cluster": "c",
            "ecsService": f"web-{side}",
            "taskDefinition": f"arn:aws:ecs:us-east-1:1:task-definition/web-{side}:1",
            "image": "web:1",
            "weight": weight,
        }
        for side, weight in (("blue", 100), ("green", 0))
    ]
    service: wire.ServiceDescription = {
        "name": "web", "mesh": "m", "hostname": "web.local", "container": "app", "sides": sides
    }  # fmt: skip
    names = config.additions.terraform
    return "\n".join([*terraform.variables(names, service), *terraform.commands(names, service)])


def prints(place: str, template: str, shown: str) -> tuple[tuple[str, ...], object, Check]:
    key = ("terraform", place)
    return key, template, lambda b, a: shown in variables(a) and shown not in variables(b)


ROWS: dict[tuple[type, str], tuple[tuple[str, ...], object, Check]] = {
    (nouns.TerraformNames, "weight"): prints("weight", "{side}_weight", "blue_weight = 100"),
    (nouns.TerraformNames, "image"): prints("image", "{side}_image", 'blue_image = "web:1"'),
    (nouns.TerraformNames, "active"): prints("active", "{side}_on", "green_on = "),
    (nouns.TerraformNames, "virtual_node"): prints("virtual_node", "n.{side}", "n.green"),
    (nouns.TerraformNames, "task_definition"): prints("task_definition", "t.{side}", "t.green"),
    (nouns.TerraformNames, "ecs_service"): prints("ecs_service", "e.{side}", "e.green"),
}
