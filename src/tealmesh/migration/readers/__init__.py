"""Reads files that describe a mesh, whatever made them. Begin with `read`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tealmesh.migration.found import Found
from tealmesh.migration.readers import api_json, cloudformation, envoy_dump, kubernetes, terraform
from tealmesh.migration.readers.yaml import documents_of
from tealmesh.model.errors import TealError

KINDS = (
    "Terraform's state or `terraform show -json`, a template of CloudFormation or the CDK, "
    "resources of the App Mesh controller for Kubernetes, JSON of `aws appmesh`, items of AWS "
    "Config, or an Envoy's config_dump"
)
_SUFFIXES = (".json", ".tfstate", ".template", ".yaml", ".yml")


def read(texts: Sequence[tuple[str, str]], parameters: Mapping[str, str]) -> Found:
    """What files have, given as pairs of name and text. ``parameters`` are a template's.

    Raises TealError for a file that is none of these.
    """
    found = Found()
    others: list[Any] = []
    for origin, text in texts:
        documents = documents_of(text, origin)
        if not documents or all(document is None for document in documents):
            raise TealError(f"{origin} is empty: it must be {KINDS}")
        rest = list(_by_kind(documents, origin, parameters, found))
        if any(not kubernetes.is_ours(document) for document in rest):
            raise TealError(f"{origin} is not known: it must be {KINDS}")
        others += rest
    if others:
        found.add(kubernetes.read(others, "Kubernetes"))
    return found


def _by_kind(
    documents: Sequence[Any], origin: str, parameters: Mapping[str, str], found: Found
) -> Iterator[Any]:
    """Read all but the resources of Kubernetes, which name one another over files."""
    of_api = []
    for document in documents:
        if terraform.is_ours(document):
            found.add(terraform.read(document, origin))
        elif cloudformation.is_ours(document):
            found.add(cloudformation.read(document, origin, parameters))
        elif envoy_dump.is_ours(document):
            found.add(envoy_dump.read(document, origin))
        elif api_json.is_ours(document):
            of_api.append(document)
        else:
            yield document
    if of_api:
        found.add(api_json.read(of_api, origin))


def files(path: Path) -> Iterator[Path]:
    """The file, or those of a directory that may describe a mesh, such as ``cdk.out``."""
    if path.is_dir():
        yield from sorted(p for p in path.rglob("*") if p.is_file() and p.suffix in _SUFFIXES)
    else:
        yield path


__all__ = ["files", "read"]
