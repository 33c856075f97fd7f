"""Templates that know one another: nested stacks, and exports of stacks that others import.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from tealmesh.migration.found import Found
from tealmesh.migration.json import Json, name_of, object_of
from tealmesh.migration.readers.intrinsics import NOTHING, Template
from tealmesh.model.errors import TealError, TemplateUnknown

STACK = "AWS::CloudFormation::Stack"
_ANY_NAME = "\0"
"""The name of a stack in the name of an export, where nobody says what it was."""


class Stacks:
    """The templates of all files, evaluated together."""

    def __init__(
        self,
        documents: Sequence[tuple[str, Json]],
        manifests: Sequence[tuple[str, Json]],
        parameters: Mapping[str, str],
    ) -> None:
        """``documents`` are pairs of a file's name and its template, ``manifests`` are the CDK's.
        Raises TealError for a parameter's value that the template does not allow.
        """
        self._documents = documents
        self._parameters = parameters
        self._facts = {
            str(PurePosixPath(origin).with_name(name)): facts
            for origin, manifest in manifests
            for name, facts in _artifacts(manifest, origin)
        }
        self._nested: dict[int, tuple[int, str]] = {}
        self._made: dict[int, Template] = {}
        self._making: set[int] = set()
        self._making_facts: set[int] = set()
        for index, (origin, document) in enumerate(documents):
            for logical, child in self._children(origin, document):
                if child != index:
                    self._nested[child] = (index, logical)
            _check(document, origin, parameters)

    def templates(self, found: Found) -> Iterator[tuple[str, Template]]:
        """Each file's name and its template. Without nested stacks whose condition is false, which
        are remarks.
        """
        for index, (origin, _) in enumerate(self._documents):
            try:
                if self._is_made(index):
                    yield origin, self._template(index)
                else:
                    found.remark(origin, "the condition of its stack is false: left out")
            except TemplateUnknown as error:
                found.remark(origin, f"{error}: left out")

    def _is_made(self, index: int) -> bool:
        if index not in self._nested:
            return True
        above, logical = self._nested[index]
        parent = self._template(above)
        return parent.is_made(parent.resources[logical])

    def _template(self, index: int) -> Template:
        made = self._made.get(index)
        if made is None:
            if index in self._making:
                raise TemplateUnknown(f"{self._documents[index][0]} is nested in itself")
            self._making.add(index)
            origin, document = self._documents[index]
            passed, unknown = self._passed(index)
            given = {**self._facts_of(index), **self._parameters, **passed}
            made = Template(
                document, given, origin, lambda name: self._export(index, name), unknown
            )
            self._made[index] = made
            self._making.discard(index)
        return made

    def _facts_of(self, index: int) -> Mapping[str, str]:
        """What a manifest says of a stack. One that is nested is where its parent is."""
        origin, _ = self._documents[index]
        own = self._facts.get(str(PurePosixPath(origin)))
        if own is not None or index not in self._nested or index in self._making_facts:
            return own or {}
        self._making_facts.add(index)
        above = self._facts_of(self._nested[index][0])
        self._making_facts.discard(index)
        return {name: value for name, value in above.items() if name != "AWS::StackName"}

    def _passed(self, index: int) -> tuple[Mapping[str, Any], Mapping[str, TemplateUnknown]]:
        """The parameters that the parent of a nested stack gives it, and why others are not known:
        their defaults are not what they are then.
        """
        if index not in self._nested:
            return {}, {}
        above, logical = self._nested[index]
        parent = self._template(above)
        properties = object_of(parent.resources[logical].get("Properties"), logical)
        given, unknown = {}, {}
        for name, value in object_of(
            properties.get("Parameters"), f"{logical}: Parameters"
        ).items():
            try:
                found = parent.value(value)
            except TemplateUnknown as error:
                unknown[name] = error
                continue
            if found is not NOTHING:
                given[name] = found
        return given, unknown

    def _children(self, origin: str, document: Json) -> Iterator[tuple[str, int]]:
        """The nested stacks whose templates are here, by the names of their files."""
        for logical, declared in object_of(document.get("Resources"), origin).items():
            if not isinstance(declared, Mapping) or declared.get("Type") != STACK:
                continue
            name = _file_of(declared)
            there = [
                (PurePosixPath(other).parent == PurePosixPath(origin).parent, index)
                for index, (other, _) in enumerate(self._documents)
                if name and PurePosixPath(other).name == name
            ]
            if there:  # the one of the same directory, if there are several
                yield logical, max(there, key=lambda pair: (pair[0], -pair[1]))[1]

    def _export(self, index: int, name: str) -> Any:
        """An output of a stack nested in the one of ``index``, or an export of any other."""
        logical, _, output = name.partition(".Outputs.")
        for child, (above, own) in self._nested.items():
            if (above, own) == (index, logical) and output:
                return self._output(child, output)
        matching = [found for found in self._exports if _matches(found[0], name)]
        if len(matching) == 1:
            _, other, output = matching[0]
            return self._output(other, output)
        how = "exported by more than one template" if matching else "not exported by a template"
        raise TemplateUnknown(f"{name} is {how} here: give it with --parameter {name}=VALUE")

    def _output(self, index: int, output: str) -> Any:
        template = self._template(index)
        if output not in template.outputs:
            origin = self._documents[index][0]
            raise TemplateUnknown(f"{output} is not an output of {origin}")
        declared = object_of(template.outputs[output], f"Outputs.{output}")
        return template.value(declared.get("Value"))

    @cached_property
    def _exports(self) -> list[tuple[str, int, str]]:
        return list(self._exported())

    def _exported(self) -> Iterator[tuple[str, int, str]]:
        for index, (origin, document) in enumerate(self._documents):
            facts = self._facts_of(index)
            given = {"AWS::StackName": _ANY_NAME, **facts, **self._parameters}
            naming = Template(document, given, origin)
            for output, declared in naming.outputs.items():
                export = object_of(declared, f"{origin}: Outputs.{output}").get("Export")
                try:
                    named = naming.value(
                        object_of(export, f"{origin}: {output}: Export").get("Name")
                    )
                except TemplateUnknown:
                    continue
                if isinstance(named, str):
                    yield named, index, output


def _matches(export: str, name: str) -> bool:
    return (
        re.fullmatch(".+".join(re.escape(part) for part in export.split(_ANY_NAME)), name)
        is not None
    )


def _file_of(declared: Json) -> str:
    """The file of a nested stack's template: as the CDK notes it, or as it is written by hand."""
    metadata, properties = declared.get("Metadata"), declared.get("Properties")
    noted = metadata.get("aws:asset:path") if isinstance(metadata, Mapping) else None
    url = properties.get("TemplateURL") if isinstance(properties, Mapping) else None
    written = noted if isinstance(noted, str) else _end_of(url)
    return PurePosixPath(written.partition("?")[0]).name


def _end_of(url: Any) -> str:
    """The end of a URL, of which a template writes the beginning as functions: which bucket it is
    does not matter.
    """
    while isinstance(url, Mapping) and len(url) == 1:
        ((name, argument),) = url.items()
        if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2:
            argument = argument[1]
        elif name != "Fn::Sub":
            return ""
        # Fn::Sub may have values behind its text.
        last = -1 if name == "Fn::Join" else 0
        url = argument[last] if isinstance(argument, list) and argument else argument
    return url if isinstance(url, str) else ""


def is_manifest(document: Any) -> bool:
    """Whether a document is the manifest of the CDK's output.

    https://docs.aws.amazon.com/cdk/api/v2/docs/cloud-assembly-schema-readme.html
    """
    return isinstance(document, Mapping) and "artifacts" in document and "version" in document


def _artifacts(manifest: Json, origin: str) -> Iterator[tuple[str, dict[str, str]]]:
    for name, artifact in object_of(manifest.get("artifacts"), f"{origin}: artifacts").items():
        one = object_of(artifact, f"{origin}: {name}")
        properties = object_of(one.get("properties"), f"{origin}: {name}: properties")
        file = name_of(properties.get("templateFile"))
        if not file:
            continue
        facts = {"AWS::StackName": name_of(properties.get("stackName")) or name}
        where = re.fullmatch(
            r"aws://(\d{12}|unknown-account)/(.+)", name_of(one.get("environment"))
        )
        if where and where[1].isdigit():
            facts["AWS::AccountId"] = where[1]
        if where and where[2] != "unknown-region":
            facts["AWS::Region"] = where[2]
        yield PurePosixPath(file).name, facts


def _check(document: Json, origin: str, parameters: Mapping[str, str]) -> None:
    declared = object_of(document.get("Parameters"), f"{origin}: Parameters")
    for name in declared.keys() & parameters.keys():
        allowed = object_of(declared[name], f"{origin}: Parameters.{name}").get("AllowedValues")
        values = [str(one) for one in allowed] if isinstance(allowed, list) else []
        if values and parameters[name] not in values:
            raise TealError(
                f"--parameter {name}={parameters[name]}: {origin} allows {', '.join(values)}"
            )
