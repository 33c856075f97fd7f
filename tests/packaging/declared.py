"""Imports every module, and the services of moto that systems of ECS use, with nothing but the
packages that pyproject.toml declares, and theirs: ``python -m tests.packaging.declared``.

Packages that are installed for other reasons (tests, lint) are hidden. Prints what failed as JSON.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SERVICES = (
    "acm", "acm-pca", "applicationautoscaling", "autoscaling", "cloudwatch", "dynamodb", "ec2",
    "ecr", "efs", "elbv2", "events", "iam", "kinesis", "kms", "lambda", "logs", "rds",
    "resourcegroupstaggingapi", "route53", "s3", "secretsmanager", "sns", "sqs", "ssm", "sts",
)  # fmt: skip
"""As moto's server names them."""


class Hidden:
    """A finder in front of all others, to which these top-level modules do not exist."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(requirements: Sequence[str]) -> frozenset[str]:
    """The packages of these requirements and of theirs, without extras."""
    found: set[str] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        if "extra ==" in requirement:
            continue
        name = normalized(re.split(r"[^A-Za-z0-9._-]", requirement)[0])
        if name not in found:
            try:
                waiting += importlib.metadata.requires(name) or []
            except importlib.metadata.PackageNotFoundError:
                continue  # For another platform, or an older Python.
            found.add(name)
    return frozenset(found)


def hidden() -> frozenset[str]:
    """The top-level modules that no declared package brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = closure(project["dependencies"]) | {"tealmesh"}
    return frozenset(
        module
        for module, packages in importlib.metadata.packages_distributions().items()
        if not declared & {normalized(package) for package in packages}
    )


def failures() -> Iterator[str]:
    import tealmesh

    for module in pkgutil.walk_packages(tealmesh.__path__, "tealmesh."):
        if not module.name.startswith("tealmesh.examples") and "__main__" not in module.name:
            try:
                importlib.import_module(module.name)
            except ImportError as error:
                yield f"{module.name}: {error}"
    from moto.moto_server.werkzeug_app import create_backend_app

    for service in SERVICES:
        try:
            create_backend_app(service)
        except ImportError as error:
            yield f"moto's {service}: {error}"


if __name__ == "__main__":
    names = hidden()
    sys.meta_path.insert(0, Hidden(names))
    print(json.dumps({"hidden": sorted(names), "failed": list(failures())}))
