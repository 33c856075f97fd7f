"""The functions of CloudFormation's templates, as far as a template alone says what they are.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tealmesh.migration.json import Json
from tealmesh.model.errors import TemplateUnknown

NOTHING = object()
"""What ``AWS::NoValue`` is: the property is not there."""


class Template:
    """A template with values for its parameters."""

    def __init__(self, document: Json, parameters: Mapping[str, str]) -> None:
        self._resources = document.get("Resources") or {}
        self._conditions = document.get("Conditions") or {}
        self._mappings = document.get("Mappings") or {}
        declared = document.get("Parameters") or {}
        defaults = {name: one["Default"] for name, one in declared.items() if "Default" in one}
        self._declared = set(declared)
        self._parameters = {**defaults, **parameters}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find,
            "Fn::If": self._if,
        }

    def is_made(self, resource: Json) -> bool:
        """Whether a resource's condition holds. Raises TemplateUnknown."""
        return "Condition" not in resource or self._holds(resource["Condition"])

    def value(self, given: Any) -> Any:
        """A value without functions. Raises TemplateUnknown."""
        if isinstance(given, list):
            values = [self.value(one) for one in given]
            return [one for one in values if one is not NOTHING]
        if not isinstance(given, Mapping):
            return given
        if len(given) == 1:
            ((name, argument),) = given.items()
            if name in self._functions:
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                raise TemplateUnknown(f"{name} is not known without its stack")
        members = {name: self.value(one) for name, one in given.items()}
        return {name: one for name, one in members.items() if one is not NOTHING}

    def _ref(self, name: Any) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name in self._parameters:
            return self._parameters[name]
        if name in self._declared or str(name).startswith("AWS::"):
            raise TemplateUnknown(f"{name} has no value: give it with --parameter {name}=VALUE")
        raise TemplateUnknown(f"the ARN of {name} is not known without its stack")

    def _attribute(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        logical, attribute = str(parts[0]), str(self.value(parts[1]))
        resource = self._resources.get(logical)
        if resource is not None and attribute.endswith("Name"):
            named = self.value(resource.get("Properties") or {}).get(attribute)
            own = f"{str(resource['Type']).rpartition('::')[2]}Name"
            if named is not None or attribute == own:
                return named if named is not None else logical
        raise TemplateUnknown(f"{attribute} of {logical} is not known without its stack")

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})

        def put(match: re.Match[str]) -> str:
            name = match.group(1)
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return str(self.value(own[name]))
            return str(self._attribute(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", put, str(text))

    def _join(self, argument: Any) -> str:
        separator, parts = argument
        return str(separator).join(str(one) for one in self.value(parts))

    def _select(self, argument: Any) -> Any:
        index, values = self.value(argument)
        return values[int(index)]

    def _split(self, argument: Any) -> list[str]:
        separator, text = self.value(argument)
        return str(text).split(str(separator))

    def _find(self, argument: Any) -> Any:
        name, first, second = self.value(argument)[:3]
        try:
            return self._mappings[name][first][second]
        except KeyError:
            raise TemplateUnknown(f"the mapping {name} has no {first}.{second}") from None

    def _if(self, argument: Any) -> Any:
        condition, then, otherwise = argument
        return self.value(then if self._holds(condition) else otherwise)

    def _holds(self, condition: Any) -> bool:
        if isinstance(condition, str):
            if condition not in self._conditions:
                raise TemplateUnknown(f"the condition {condition} is not in the template")
            return self._holds(self._conditions[condition])
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self._holds(argument)
            case "Fn::Equals":
                first, second = self.value(argument)
                return _text(first) == _text(second)
            case "Fn::Not":
                return not self._holds(argument[0])
            case "Fn::And":
                return all(self._holds(one) for one in argument)
            case "Fn::Or":
                return any(self._holds(one) for one in argument)
        raise TemplateUnknown(f"{name} is not known without its stack")


def _text(value: Any) -> str:
    """A parameter's value is text, what stands beside it may be a boolean of YAML."""
    return str(value).lower() if isinstance(value, bool) else str(value)
