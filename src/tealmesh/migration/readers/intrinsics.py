"""The functions of CloudFormation's templates, as far as templates alone say what they are.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tealmesh.migration.json import Json, name_of, object_of, shown
from tealmesh.migration.readers.loops import Loops, has_loops
from tealmesh.model.errors import TemplateUnknown

NOTHING = object()
"""What ``AWS::NoValue`` is: the property is not there."""

Exports = Callable[[str], Any]
"""The value of an export of another stack. Raises TemplateUnknown."""

_DYNAMIC = re.compile(r"\{\{resolve:[^}]*\}\}")
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html"""

_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
"""What the CDK leaves in a text that it could not resolve."""

_PSEUDO = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::NotificationARNs": []}
_ARN = "arn:aws:appmesh:{region}:{account}:mesh/{path}"
_PATHS = {
    "Mesh": ("MeshName",),
    "VirtualNode": ("MeshName", "virtualNode", "VirtualNodeName"),
    "VirtualRouter": ("MeshName", "virtualRouter", "VirtualRouterName"),
    "VirtualService": ("MeshName", "virtualService", "VirtualServiceName"),
    "VirtualGateway": ("MeshName", "virtualGateway", "VirtualGatewayName"),
    "Route": ("MeshName", "virtualRouter", "VirtualRouterName", "route", "RouteName"),
    "GatewayRoute": (
        "MeshName", "virtualGateway", "VirtualGatewayName", "gatewayRoute", "GatewayRouteName"
    ),
}  # fmt: skip
"""What ``Ref`` of each resource says after ``mesh/``; what begins with a capital is a property."""


def _no_exports(name: str) -> Any:
    raise TemplateUnknown(
        f"{name} is not exported by a template here: give it with --parameter {name}=VALUE"
    )


class Template:
    """A template with values for its parameters."""

    def __init__(
        self,
        document: Json,
        parameters: Mapping[str, Any],
        origin: str = "template",
        exports: Exports = _no_exports,
        unknown: Mapping[str, TemplateUnknown] = MappingProxyType({}),
    ) -> None:
        """``parameters`` may also have what no template says: ``AWS::Region``, an attribute as
        ``Logical.Attribute``, an export by its name. ``unknown``: parameters that have a value
        besides, and why it is not known. Raises TealError for what is no template.
        """

        def member(name: str) -> Json:
            return object_of(document.get(name), f"{origin}: {name}")

        self._mappings = member("Mappings")
        self.declared = {
            name: object_of(one, f"{origin}: Parameters.{name}")
            for name, one in member("Parameters").items()
        }
        self._given = {**_PSEUDO, **parameters}
        self.used: set[str] = set()
        """The names whose given values were asked for."""
        self._exports = exports
        self._unknown = unknown
        self._open: list[str] = []
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find,
            "Fn::If": self._if,
            "Fn::ImportValue": self._import,
            "Fn::Length": lambda argument: len(self.value(argument)),
            "Fn::ToJsonString": lambda argument: json.dumps(self.value(argument)),
        }
        self.left_out: list[tuple[str, TemplateUnknown]] = []
        """Loops of resources of which it is not known what they stand for."""

        self._loops = Loops(self.value)
        # A loop goes over what is said outside of these.
        self._conditions: Json = {}
        self.resources: Json = {}

        def section(name: str) -> Json:
            return self._loops.unrolled(member(name), f"{origin}: {name}", _say_nothing)

        self._conditions = section("Conditions")
        self.outputs = section("Outputs")
        self.resources = self._loops.unrolled(
            member("Resources"), origin, lambda *why: self.left_out.append(why)
        )

    def arn_of(self, mesh: str) -> str:
        """The ARN of a mesh of this stack; empty if nothing says where the stack is."""
        region, account = (_text(self._given.get(f"AWS::{n}", "")) for n in ("Region", "AccountId"))
        return _ARN.format(region=region, account=account, path=mesh) if region else ""

    def is_made(self, resource: Json) -> bool:
        """Whether a resource's condition holds. Raises TemplateUnknown."""
        return "Condition" not in resource or self.holds(resource["Condition"])

    def value(self, given: Any) -> Any:
        """A value without functions. Raises TemplateUnknown."""
        if isinstance(given, list):
            values = [self.value(one) for one in given]
            return [one for one in values if one is not NOTHING]
        if isinstance(given, str):
            return self._said(given)
        if not isinstance(given, Mapping):
            return given
        if has_loops(given):
            return self.value(self._loops.unrolled(given, "a property", _raise))
        if len(given) == 1:
            ((name, argument),) = given.items()
            if name in self._functions:
                return self._called(name, argument)
            if str(name).startswith("Fn::"):
                raise TemplateUnknown(f"{name} is not known without its stack")
        members = {name: self.value(one) for name, one in given.items()}
        return {name: one for name, one in members.items() if one is not NOTHING}

    def holds(self, condition: Any) -> bool:
        """Whether a condition holds, given by its name or as a function. Raises TemplateUnknown."""
        if isinstance(condition, str):
            if condition not in self._conditions:
                raise TemplateUnknown(f"the condition {condition} is not in the template")
            return bool(
                self._once(f"the condition {condition}", self._conditions[condition], self.holds)
            )
        if not isinstance(condition, Mapping) or len(condition) != 1:
            raise TemplateUnknown(f"{shown(condition)} is not a condition")
        ((name, argument),) = condition.items()
        try:
            return self._compared(name, argument)
        except (TypeError, ValueError) as error:
            raise TemplateUnknown(f"{name} cannot have {shown(argument)}") from error

    def _compared(self, name: str, argument: Any) -> bool:
        match name:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                first, second = self.value(argument)
                return _text(first) == _text(second)
            case "Fn::Not":
                (one,) = argument
                return not self.holds(one)
            case "Fn::And":
                return all(self.holds(one) for one in argument)
            case "Fn::Or":
                return any(self.holds(one) for one in argument)
        raise TemplateUnknown(f"{name} is not known without its stack")

    def _once(self, what: str, argument: Any, evaluate: Callable[[Any], Any]) -> Any:
        """Evaluate what another value needs, unless that is needed for it itself."""
        if what in self._open:
            raise TemplateUnknown(f"{what} depends on itself")
        self._open.append(what)
        try:
            return evaluate(argument)
        finally:
            self._open.pop()

    def _called(self, name: str, argument: Any) -> Any:
        try:
            return self._functions[name](argument)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise TemplateUnknown(f"{name} cannot have {shown(argument)}") from error

    def _said(self, text: str) -> str:
        for found in (*_DYNAMIC.finditer(text), *_TOKEN.finditer(text)):
            if not self._has(found[0]):
                raise TemplateUnknown(_asked(found[0]))
            text = text.replace(found[0], str(self._given[found[0]]))
        return text

    def _has(self, name: Any) -> bool:
        self.used.add(str(name))
        return name in self._given

    def _ref(self, argument: Any) -> Any:
        name = self.value(argument)
        if name == "AWS::NoValue":
            return NOTHING
        declared = self.declared.get(name)
        if self._has(name):
            value = self._given[name]
            return _as_declared(value, declared) if declared else value
        if name in self._unknown:
            raise self._unknown[name]
        if declared is not None and "Default" in declared:
            if "AWS::SSM::Parameter" in str(declared.get("Type")):
                raise TemplateUnknown(
                    f"{name} is in the parameter store at {declared['Default']}: give it with "
                    f"--parameter {name}=VALUE"
                )
            return _as_declared(declared["Default"], declared)
        resource = self.resources.get(name)
        if isinstance(resource, Mapping) and str(resource.get("Type")).startswith("AWS::AppMesh::"):
            return self._arn(str(name), resource)
        raise TemplateUnknown(_asked(name))

    def _arn(self, logical: str, resource: Json) -> str:
        path = [
            part if part[0].islower() else _text(self._property(logical, resource, part))
            for part in _PATHS.get(str(resource["Type"]).rpartition("::")[2], ())
        ]
        if not path:
            raise TemplateUnknown(_asked(logical))
        region, account = (_text(self._given.get(f"AWS::{n}", "")) for n in ("Region", "AccountId"))
        return _ARN.format(region=region, account=account, path="/".join(path))

    def _attribute(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        logical, attribute = (str(self.value(one)) for one in parts)
        if self._has(f"{logical}.{attribute}"):
            return self._given[f"{logical}.{attribute}"]
        resource = self.resources.get(logical)
        if isinstance(resource, Mapping):
            if resource.get("Type") == "AWS::CloudFormation::Stack":
                return self._exports(f"{logical}.{attribute}")
            if attribute == "Arn" and str(resource.get("Type")).startswith("AWS::AppMesh::"):
                return self._arn(str(logical), resource)
            if attribute.endswith("Name"):
                return self._property(str(logical), resource, attribute)
        raise TemplateUnknown(_asked(f"{logical}.{attribute}"))

    def _property(self, logical: str, resource: Json, name: str) -> Any:
        """A name that a resource has; its own is made up if the template has none."""
        if self._has(f"{logical}.{name}"):
            return self._given[f"{logical}.{name}"]
        properties = object_of(resource.get("Properties"), f"{logical}: Properties")
        if name in properties:
            found = self._once(f"{logical}.{name}", properties[name], self.value)
            if found is not NOTHING:
                return found
        if name == f"{str(resource.get('Type')).rpartition('::')[2]}Name":
            return logical
        raise TemplateUnknown(_asked(f"{logical}.{name}"))

    def _import(self, argument: Any) -> Any:
        name = _text(self.value(argument))
        return self._given[name] if self._has(name) else self._exports(name)

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})

        def put(match: re.Match[str]) -> str:
            name = match.group(1).strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return _text(self.value(own[name]))
            return _text(self._attribute(name) if "." in name else self._ref(name))

        return self._said(re.sub(r"\$\{([^}]+)\}", put, str(text)))

    def _join(self, argument: Any) -> str:
        separator, parts = argument
        return str(separator).join(_text(one) for one in _list(self.value(parts)))

    def _select(self, argument: Any) -> Any:
        index, values = argument
        return _list(self.value(values))[int(self.value(index))]

    def _split(self, argument: Any) -> list[str]:
        separator, text = argument
        return _text(self.value(text)).split(str(separator))

    def _find(self, argument: Any) -> Any:
        name, first, second, *more = self.value(argument)
        try:
            return self._mappings[name][str(first)][str(second)]
        except KeyError:
            if more and isinstance(more[0], Mapping) and "DefaultValue" in more[0]:
                return more[0]["DefaultValue"]
            raise TemplateUnknown(f"the mapping {name} has no {first}.{second}") from None

    def _if(self, argument: Any) -> Any:
        condition, then, otherwise = argument
        return self.value(then if self.holds(condition) else otherwise)


def _say_nothing(_loop: str, _why: TemplateUnknown) -> None:
    """Who needs what the loop stands for asks for it."""


def _raise(_loop: str, why: TemplateUnknown) -> None:
    raise why


def _asked(name: object) -> str:
    return f"{name} has no value here: give it with --parameter {name}=VALUE"


def _as_declared(value: Any, declared: Json) -> Any:
    """A parameter's value; several are a text with commas between them."""
    kind = str(declared.get("Type", ""))
    if ("List" in kind) and isinstance(value, str):
        return [one.strip() for one in value.split(",")]
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _text(value: Any) -> str:
    """A value within a text: a parameter's is text, what stands beside it may be a boolean or a
    number of YAML.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if value is NOTHING or isinstance(value, list | Mapping):
        raise TypeError("no text")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return name_of(value) if isinstance(value, int) else str(value)
