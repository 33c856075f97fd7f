"""Reads files that describe a mesh, whatever made them. Begin with `read`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tealmesh.migration.found import Found
from tealmesh.migration.json import Json
from tealmesh.migration.readers import (
    api_json,
    cloudformation,
    envoy_dump,
    kubernetes,
    stacks,
    terraform,
)
from tealmesh.migration.readers.texts import decoded, hint
from tealmesh.migration.readers.yaml import documents_of
from tealmesh.model.errors import TealError

KINDS = (
    "Terraform's state or `terraform show -json`, a template of CloudFormation or the CDK, "
    "resources of the App Mesh controller for Kubernetes, JSON of `aws appmesh`, items of AWS "
    "Config, or an Envoy's config_dump"
)
_SUFFIXES = (".json", ".tfstate", ".template", ".yaml", ".yml")
_SKIPPED = ("node_modules",)
_CONFIGURATION = "it has configuration, which does not say what was made of it: give the state, "
_SPEAKING = (
    "ppmesh",
    "AWS::AppMesh::",
    "meshName",
    "MeshName",
    "AWSTemplateFormatVersion",
    '"Resources"',
    "kind: Namespace",
    '"artifacts"',
    '"encrypted_data"',
)
"""Words one of which is in each file of a directory that may have to do with a mesh: exports of
other stacks and labels of namespaces do too."""


@dataclass(frozen=True)
class Text:
    """What a file has."""

    origin: str
    data: str | bytes
    alone: bool = True
    """Whether it was named itself; other files of a directory may be anything."""


@dataclass
class _Sorted:
    """Documents by what they are, as pairs of origin and document."""

    templates: list[tuple[str, Json]] = field(default_factory=list)
    manifests: list[tuple[str, Json]] = field(default_factory=list)
    kubernetes: list[tuple[str, Json]] = field(default_factory=list)
    api: list[tuple[str, Any]] = field(default_factory=list)


def read(texts: Sequence[Text], parameters: Mapping[str, str]) -> Found:
    """What files have. ``parameters`` are those of templates.

    Raises TealError for a file that is none of these, or not as its program writes it.
    """
    found, sorted_ = Found(), _Sorted()
    try:
        for text in texts:
            _sort(text, found, sorted_)
        if parameters and not sorted_.templates:
            raise TealError("--parameter is for templates of CloudFormation, and there is none")
        found.add(cloudformation.read(sorted_.templates, sorted_.manifests, parameters))
        found.add(kubernetes.read(sorted_.kubernetes))
        found.add(api_json.read(sorted_.api))
    except RecursionError as error:
        raise TealError(f"{', '.join(one.origin for one in texts)}: nested too deeply") from error
    return found


def _sort(text: Text, found: Found, sorted_: _Sorted) -> None:
    origin = text.origin
    try:
        plain = text.data if isinstance(text.data, str) else decoded(text.data, origin)
        if not text.alone and not any(word in plain for word in _SPEAKING):
            return
        documents = [one for one in documents_of(plain, origin) if one is not None]
    except TealError as error:
        if text.alone:
            raise
        found.remark(origin, f"cannot be read ({error}): left out")
        return
    if not documents and text.alone:
        raise TealError(f"{origin} is empty: it must be {KINDS}")
    for document in documents:
        if _put(document, origin, found, sorted_):
            continue
        if text.alone:
            raise TealError(f"{origin} is not recognized: it must be {KINDS}{hint(plain)}")
        if "ppmesh" in plain and not origin.endswith(("tree.json", ".assets.json")):
            found.remark(origin, "is of none of the kinds that are read: left out")


def _put(document: Any, origin: str, found: Found, sorted_: _Sorted) -> bool:
    """Whether it is known what a document is; then it is read, or put where it belongs."""
    if isinstance(document, Mapping) and "TemplateBody" in document:
        # What `aws cloudformation get-template` answers.
        body = document["TemplateBody"]
        inner = documents_of(body, origin) if isinstance(body, str) else [body]
        return all(_put(one, origin, found, sorted_) for one in inner)
    if terraform.is_ours(document):
        found.add(terraform.read(document, origin))
    elif cloudformation.is_ours(document):
        sorted_.templates.append((origin, document))
    elif stacks.is_manifest(document):
        sorted_.manifests.append((origin, document))
    elif envoy_dump.is_ours(document):
        found.add(envoy_dump.read(document, origin))
    elif kubernetes.is_kubernetes(document):
        sorted_.kubernetes.append((origin, document))
    elif api_json.is_ours(document):
        sorted_.api.append((origin, document))
    else:
        return False
    return True


def files(directory: Path) -> Iterator[Path]:
    """The files of a directory that may describe a mesh, such as ``cdk.out``; without those in
    hidden directories. Raises OSError if one of its directories cannot be read.
    """
    for folder, folders, names in os.walk(directory, onerror=_raise):
        folders[:] = sorted(
            one for one in folders if not one.startswith(".") and one not in _SKIPPED
        )
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix in _SUFFIXES and path.is_file():
                yield path


def hint_about(directory: Path) -> str:
    """What to do about a directory in which nothing was found; empty if nobody knows."""
    for _, folders, names in os.walk(directory):
        if "terragrunt.hcl" in names:
            return (
                f"{_CONFIGURATION}`terragrunt state pull > terraform.tfstate` in each of its units"
            )
        if any(name.endswith((".tf", ".tf.json", ".tofu")) for name in names):
            return f"{_CONFIGURATION}`terraform state pull > terraform.tfstate`"
        folders[:] = [one for one in folders if not one.startswith(".") and one not in _SKIPPED]
    return ""


def _raise(error: OSError) -> None:
    raise error


__all__ = ["Text", "files", "hint_about", "read"]
