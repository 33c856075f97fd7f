"""A mesh as files for ``aws appmesh create-… --cli-input-json``. Pure.

https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-skeleton.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from tealmesh.migration.found import Resource
from tealmesh.migration.spelling import snake

_LONGEST = 200
"""Of a name within a file's name, which has at most 255 bytes."""


def files(resources: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    """Names and texts of the files, in the order in which they are to be sent."""
    for index, resource in enumerate(resources):
        name = resource.name
        what = re.sub(
            r"[^\w.-]", "_", "-".join(p for p in (name.parent, name.name) if p), flags=re.A
        )
        operation = f"create-{snake(name.kind.value).replace('_', '-')}"
        text = json.dumps(resource.request, indent=2, ensure_ascii=False)
        yield f"{index + 1:04}-{operation}-{what[:_LONGEST]}.json", f"{text}\n"


def script(names: Sequence[str]) -> str:
    """The commands that send these files."""
    commands = []
    for name in names:
        operation = re.sub(r"^\d+-(create-(?:virtual-|gateway-)?[a-z]+)-.*$", r"\1", name)
        commands.append(f"aws appmesh {operation} --cli-input-json file://{name}")
    return "\n".join(["#!/bin/sh", "set -e", 'cd "$(dirname "$0")"', *commands, ""])
