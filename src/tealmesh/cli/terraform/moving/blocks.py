"""A mapping in Terraform's language, and as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tealmesh.cli.terraform.moving.arguments import Encoded
from tealmesh.cli.terraform.moving.mapping import Mapping

Version = tuple[int, int]

REMOVED: Version = (1, 7)
"""The Terraform that has ``removed`` blocks; ``moved`` came with 1.1, ``import`` with 1.5, which
our modules need themselves: https://developer.hashicorp.com/terraform/language/block/removed
"""


def text(mapping: Mapping, version: Version, mesh_provider: str) -> str:
    """The module's block, and the blocks by which it takes over what there is. ``version``: that
    of Terraform; ``mesh_provider``: the configuration of the provider for App Mesh's API.
    """
    parts = [_comment(_head(mapping)), _module(mapping, mesh_provider)]
    parts += [_block("moved", ("from", one), ("to", to)) for one, to in mapping.moved]
    parts += [_block("import", ("to", to), ("id", _quoted(id_))) for to, id_ in mapping.imported]
    if version >= REMOVED:
        parts += [_removed(address) for address in mapping.removed]
    elif mapping.removed:
        before = f"Terraform {version[0]}.{version[1]} has no removed blocks. Before the apply:"
        parts.append(_comment([before, *(f"  terraform state rm {a}" for a in mapping.removed)]))
    return "\n".join(parts)


def body(mapping: Mapping) -> dict[str, object]:
    """It for programs."""
    given = {
        name: json.dumps(value.value) if isinstance(value, Encoded) else value
        for name, value in mapping.arguments.items()
    }
    return {
        "module": mapping.module,
        "source": mapping.source,
        "arguments": given,
        "moved": [{"from": one, "to": to} for one, to in mapping.moved],
        "imported": [{"to": to, "id": identity} for to, identity in mapping.imported],
        "removed": list(mapping.removed),
        "deleted": list(mapping.deleted),
        "notes": list(mapping.notes),
    }


def _head(mapping: Mapping) -> Iterator[str]:
    yield "Made by `teal terraform moved`."
    if mapping.deleted:
        yield ""
        yield "Delete these blocks, and those that have no instance now, such as the other two of"
        yield "three alternating routes:"
        yield from (f"  {address}" for address in mapping.deleted)
    if mapping.notes:
        yield ""
        yield from mapping.notes


def _module(mapping: Mapping, mesh_provider: str) -> str:
    own = {
        "source": _quoted(mapping.source),
        "providers": f"{{ aws = aws, aws.mesh = {mesh_provider} }}",
    }
    given = {name: spelled(value, 1) for name, value in mapping.arguments.items()}
    lines = [*_aligned(own, "  "), "", *_aligned(given, "  ")]
    return "\n".join([f"module {_quoted(mapping.module)} {{", *lines, "}", ""])


def _removed(address: str) -> str:
    inner = "  lifecycle {\n    destroy = false\n  }\n"
    return f"removed {{\n  from = {address}\n\n{inner}}}\n"


def _block(kind: str, *pairs: tuple[str, str]) -> str:
    return "\n".join([f"{kind} {{", *_aligned(dict(pairs), "  "), "}", ""])


def _aligned(given: dict[str, str], indent: str) -> list[str]:
    """Attributes as ``terraform fmt`` has them: those of one line each stand below one another."""
    lines: list[str] = []
    run: list[tuple[str, str]] = []

    def end() -> None:
        width = max((len(name) for name, _ in run), default=0)
        lines.extend(f"{indent}{name:<{width}} = {value}" for name, value in run)
        run.clear()

    for name, value in given.items():
        if "\n" in value:
            end()
            lines.append(f"{indent}{name} = {value}")
        else:
            run.append((name, value))
    end()
    return lines


def _comment(lines: Any) -> str:
    return "\n".join([*(f"# {line}".rstrip() for line in lines), ""])


def spelled(value: Any, indent: int = 0) -> str:
    """A value in Terraform's language, over several lines where it is an object.
    https://developer.hashicorp.com/terraform/language/expressions/strings
    """
    if isinstance(value, Encoded):
        return f"jsonencode({spelled(value.value, indent)})"
    if isinstance(value, dict):
        if not value:
            return "{}"
        keys = {key: key if _is_word(key) else _quoted(key) for key in value}
        given = {keys[key]: spelled(one, indent + 1) for key, one in value.items()}
        lines = _aligned(given, "  " * (indent + 1))
        return "\n".join(["{", *lines, f"{'  ' * indent}}}"])
    if isinstance(value, list):
        return f"[{', '.join(spelled(one, indent) for one in value)}]"
    return _quoted(value)


def _quoted(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("${", "$${").replace("%{", "%%{")


def _is_word(key: str) -> bool:
    return key.replace("_", "a").isalnum() and not key[0].isdigit()
