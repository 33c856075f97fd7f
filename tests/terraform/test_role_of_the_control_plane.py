"""The task role of the module control-plane allows exactly what `teal serve` calls AWS with."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import botocore.session
from botocore import xform_name

from tests.support.machine import REPOSITORY

SOURCE = REPOSITORY / "src" / "tealmesh"
CALLERS = {
    "workloads": ("ecs", "servicediscovery"),
    "discovery": ("servicediscovery",),
    "rollout/drivers": ("ecs", "servicediscovery"),
    "rollout/asking": ("cloudwatch",),
    "app/envoys/simulation.py": ("iam",),
    "app/envoys/ecs_tasks.py": ("ecs",),
    "apis/appmesh/certificates.py": ("acm", "acm-pca"),
}
"""Where `teal serve` calls AWS, and which services."""

NOT_OF_ECS = {"describe_gateway_route", "list_gateway_routes"}
"""App Mesh's, which ECS has got too."""
UNCALLED = {"iam:PassRole"}
"""Needed by RegisterTaskDefinition, which names roles."""
ELSEWHERE = {
    "servicediscovery:UpdateService": "ECS's",
    "servicediscovery:ListTagsForResource": "ECS's",
    "servicediscovery:TagResource": "ECS's",
}
"""Operations that are called like others, which are meant."""


def test_it_allows_what_is_called_and_nothing_else() -> None:
    text = (REPOSITORY / "terraform/modules/control-plane/iam.tf").read_text()
    own = text[text.index("statements = concat(") :]
    allowed = set(re.findall(r'"([a-z-]+:[A-Z]\w+)"', own)) - {"iam:PassedToService"}
    called = set(calls()) - ELSEWHERE.keys()
    assert allowed == called | UNCALLED


def test_the_documentation_names_the_same() -> None:
    page = (REPOSITORY / "docs" / "serve.md").read_text()
    section = page[page.index("## Permissions at AWS") :]
    section = section[: section.index("\n## ", 5)]
    for action in set(calls()) - ELSEWHERE.keys():
        if not action.startswith("servicediscovery:Discover"):  # docs/discovery.md
            assert f"{action.partition(':')[2]}`" in section, action


def calls() -> Iterator[str]:
    """Of each operation that is called, as policies name it."""
    session = botocore.session.get_session()
    for where, services in CALLERS.items():
        names = {name for path in files(SOURCE / where) for name in named(path)}
        for service in services:
            for operation in session.get_service_model(service).operation_names:
                method = xform_name(operation)
                if method in names and not (service == "ecs" and method in NOT_OF_ECS):
                    yield f"{service}:{operation}"


def files(path: Path) -> Iterator[Path]:
    yield from [path] if path.is_file() else path.rglob("*.py")


def named(path: Path) -> Iterator[str]:
    """What may be the name of a method that is called: `client.NAME`, or the text ``NAME``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_nothing_else_of_the_control_plane_calls_aws() -> None:
    """Whoever makes clients of AWS's services is one of those above."""
    makers = re.compile(r'(?:\.of|\.client|without_retries|client_of)\(\s*"([a-z-]+)"')
    found: dict[str, set[str]] = {}
    for path in [*files(SOURCE / "app"), *files(SOURCE / "apis" / "appmesh")]:
        for service in makers.findall(path.read_text()):
            found.setdefault(service, set()).add(path.name)
    known = {service for services in CALLERS.values() for service in services}
    # Of `teal up` alone, with an IAM and a STS of its own.
    ours = {"own_aws.py", "machine.py", "seams.py"}
    assert {s for s, where in found.items() if where - ours} <= known, found
