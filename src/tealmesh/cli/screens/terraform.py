"""What a deployment changed, in the words of a Terraform configuration. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tealmesh.model import wire
    from tealmesh.model.config.nouns import TerraformNames

_SERVICES = (
    "acm", "acmpca", "apigateway", "applicationautoscaling", "appmesh", "autoscaling",
    "cloudformation", "cloudfront", "cloudtrail", "cloudwatch", "cloudwatchevents",
    "cloudwatchlogs", "codebuild", "codecommit", "codedeploy", "codepipeline", "dynamodb", "ec2",
    "ecr", "ecs", "efs", "elasticache", "elb", "iam", "kms", "lambda", "ram", "rds",
    "resourcegroupstaggingapi", "route53", "s3", "secretsmanager", "servicediscovery", "sns",
    "sqs", "ssm", "stepfunctions", "sts", "wafv2", "xray",
)  # fmt: skip
"""Endpoints by names that all versions of the provider take:
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/guides/custom-service-endpoints
"""
_SPLIT_LOAD_BALANCERS = 4
"""From this version on, ``elb`` is classic load balancers alone."""


def override(endpoint: str, version: int, aliases: Collection[str] = ()) -> list[str]:
    """An override file with which the provider "aws" of this major version, and each of these
    ``aliases`` of it, reaches ``endpoint``. The region stays the configuration's: availability
    zones and ARNs depend on it.
    https://developer.hashicorp.com/terraform/language/files/override
    """
    lines = ["# Made by `teal env --terraform`: remove it to work on AWS again."]
    for alias in ("", *dict.fromkeys(aliases)):
        lines += _provider(endpoint, version, alias)
    return lines


def _provider(endpoint: str, version: int, alias: str) -> list[str]:
    newer = version >= _SPLIT_LOAD_BALANCERS
    services = sorted([*_SERVICES, *(["elbv2"] if newer else [])])
    width = max(map(len, services))
    named = [f"  {'alias':<27} = {_value(alias)}"] if alias else []
    return [
        'provider "aws" {',
        *named,
        '  access_key                  = "test"',
        '  secret_key                  = "test"',
        "  skip_credentials_validation = true",
        "  skip_metadata_api_check     = true",
        f"  {'s3_use_path_style' if newer else 's3_force_path_style':<27} = true",
        "  max_retries                 = 2",
        "",
        "  endpoints {",
        *(f"    {name:<{width}} = {_value(endpoint)}" for name in services),
        "  }",
        "}",
    ]


def variables(names: TerraformNames, service: wire.ServiceDescription) -> list[str]:
    """Lines of a ``.tfvars`` file: each side's weight and image, and whether it exists."""
    lines = []
    for side in service["sides"]:
        exists = side["exists"]
        values: tuple[tuple[str, object], ...] = (
            (names.active, exists),
            (names.weight, side["weight"] if exists else 0),
            (names.image, side.get("image") if exists else None),
        )
        lines += [
            f"{_filled(template, service, side)} = {_value(value)}"
            for template, value in values
            if template and value is not None
        ]
    return lines


def commands(names: TerraformNames, service: wire.ServiceDescription) -> list[str]:
    """Commands after which Terraform's state has what exists: it forgets the sides as it knew them
    and takes over those that there are.
    """
    known = [
        _filled(template, service, side)
        for side in service["sides"]
        for template in (names.virtual_node, names.task_definition, names.ecs_service)
        if template
    ]
    if not known:
        return []
    imports = [
        ("terraform", "import", _filled(template, service, side), identity)
        for side in service["sides"]
        for template, identity in _identities(names, service, side)
        if template
    ]
    return [shlex.join(command) for command in (("terraform", "state", "rm", *known), *imports)]


def _identities(
    names: TerraformNames, service: wire.ServiceDescription, side: wire.SideDescription
) -> Iterator[tuple[str, str]]:
    """The addresses of a side's resources with the identifiers by which they are imported."""
    if side["exists"]:
        yield names.virtual_node, f"{service['mesh']}/{side['virtualNode']}"
    if "taskDefinition" in side:
        yield names.task_definition, side["taskDefinition"]
        yield names.ecs_service, f"{side.get('cluster', '')}/{side.get('ecsService', '')}"


def _filled(template: str, service: wire.ServiceDescription, side: wire.SideDescription) -> str:
    return template.replace("{side}", side["side"]).replace("{service}", service["name"])


def _value(value: object) -> str:
    """A value as Terraform's language writes it; ``${`` and ``%{`` would begin a template there.
    https://developer.hashicorp.com/terraform/language/expressions/strings
    """
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
