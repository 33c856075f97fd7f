"""The JSON Schema of teal.toml, for editors: made by the parsers themselves. Pure.

The readers of `parse`, `deployments` and `adopted` run on tables that note which keys they take,
of which type and within which bounds. So a setting that a parser learns is in the schema too, and a
test walks all keys. What readers check by themselves (`_BY_HAND`) is described here.

https://json-schema.org/draft-07/json-schema-release-notes
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from tealmesh.model.config import (
    adopted,
    beside,
    common,
    gateways,
    groups,
    notices,
    nouns,
    outside,
    parse,
    strategies,
)
from tealmesh.model.config.deployments import MOST_REQUESTS, read_gates, read_strategy
from tealmesh.model.config.table import MAX_DURATION_SECONDS, Table
from tealmesh.model.traffic.parts import MOST_PARTS

Schema = dict[str, object]

_WORDED: Schema = {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h)$"}
_LONGEST: Schema = {"type": "number", "maximum": MAX_DURATION_SECONDS}
_DURATION: Schema = {"anyOf": [_WORDED, {**_LONGEST, "minimum": 0}]}
_POSITIVE_DURATION: Schema = {"anyOf": [_WORDED, {**_LONGEST, "exclusiveMinimum": 0}]}
_WORDS: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}}
_COMMAND: Schema = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
}
_ENVIRONMENT: Schema = {
    "type": "object",
    "propertyNames": {"pattern": r"^[^=\s]+$", "not": {"enum": ["HOST", "PORT"]}},
    "additionalProperties": {"type": ["string", "integer"]},
}
_PART: Schema = {
    "type": "object",
    "properties": {
        "method": {"type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"},
        "prefix": {"type": "string", "pattern": r"^/[^\s?#]*$"},
        "header": {"type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"},
        "value": {"type": "string", "minLength": 1},
    },
    "additionalProperties": False,
    "minProperties": 1,
    "dependencies": {"header": ["value"], "value": ["header"]},
}
_WEIGHT: Schema = {"type": "integer", "minimum": 1, "maximum": 100}
_STEP: Schema = {
    "type": "object",
    "properties": {
        "weight": _WEIGHT,
        "time": _DURATION,
        "timeout": _POSITIVE_DURATION,
        "approval": {"type": "boolean", "default": False},
        "success_rate": {"type": "number", "minimum": 0, "maximum": 1},
        "min_requests": {"type": "integer", "minimum": 0, "maximum": MOST_REQUESTS},
    },
    "required": ["weight"],
    "additionalProperties": False,
}
_GROUPED: Schema = {
    **_WORDS,
    "minItems": 2,
    "maxItems": groups.MOST_SERVICES,
    "uniqueItems": True,
    "description": "The services that are deployed together.",
}
_BY_HAND: Mapping[str, Schema] = {
    "watch": {"type": "array", "items": _PART, "maxItems": MOST_PARTS, "uniqueItems": True},
    "environment": _ENVIRONMENT,
    "steps": {
        "type": "array",
        "items": {"anyOf": [_WEIGHT, _STEP]},
        "minItems": 1,
        "description": "Rising percentages of requests for the new version, up to 100; each may be "
        "a table with settings of its own.",
    },
    "step": {
        **_WEIGHT,
        "default": 10,
        "description": "With type linear: by how many percent each step raises the weight.",
    },
    "latency": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "quantile": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                "below": _POSITIVE_DURATION,
            },
            "required": ["quantile", "below"],
            "additionalProperties": False,
        },
    },
    "command": _COMMAND,
    "days": {
        "type": "array",
        "items": {"enum": list(outside.DAYS)},
        "minItems": 1,
        "description": "The days on which it begins.",
    },
    "dimensions": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
    "route": {
        "anyOf": [{"type": "string", "minLength": 1}, {**_WORDS, "minItems": 1}],
        "description": "The route, or the routes, whose weights are shifted; if left out, all that "
        "lead to the service's sides alone.",
    },
    "percent": {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 100,
        "default": 5,
        "description": "The share of requests that are copied.",
    },
    "shape": {"enum": list(notices.SHAPES), "default": "webhook"},
    "url": {"type": "string", "pattern": "^https?://"},
    "on": {"type": "array", "items": {"enum": list(notices.KINDS)}, "minItems": 1},
    "depends_on": {
        **_WORDS,
        "uniqueItems": True,
        "description": "Services that this one calls and that, in a group, are shifted before it.",
    },
    "sides": {**_WORDS, "minItems": 2, "maxItems": 2, "uniqueItems": True},
    "routes": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": r"^/[^\s?#]*$"},
        "additionalProperties": {"type": "string"},
        "description": "Path prefix = name of a service.",
    },
}
"""Keys whose values a reader checks by itself."""
_ITEMS: Mapping[str, Schema] = {
    "hooks": {"when": "", "url": "", "name": "", "retries": 0, "secret_file": "", "token_file": ""},
    "prometheus": {"token_file": ""},
    "cloudwatch": {},
    "freeze": {"why": ""},
}
"""What a reader must find in an item of a list of tables to take all keys."""
_ALIASES = {"pass": "passes", "from": "start", "to": "end"}
"""Keys that are words of Python, and how the dataclasses call them."""
_NOUNS: Mapping[str, type] = {
    "strategy": strategies.Strategy,
    "gates": strategies.Gates,
    "hooks": outside.Hook,
    "prometheus": outside.PrometheusGate,
    "cloudwatch": outside.CloudWatchGate,
    "freeze": outside.Freeze,
    "preview": beside.Preview,
    "mirror": beside.Mirror,
    "match": beside.Cohort,
    "sticky": beside.Sticky,
}
"""The dataclass whose docstrings describe a table."""
_SAMPLE = "sample"
"""A string that every reader accepts."""


def schema() -> Schema:
    """The schema of a whole teal.toml."""
    label: Schema = {"pattern": f"^(?:{common.LABEL.pattern})$"}
    root = _Noting("", {}, parse.TABLES)
    parse.read_mesh(root)
    service = _Noting("web", {}, ())
    parse.read_service(service, _SAMPLE, "sample.local")
    gateway = _Noting("edge", {_SAMPLE: {"routes": {"/": _SAMPLE}}}, ())
    gateways.read_gateway(gateway, _SAMPLE)
    given = {"container": _SAMPLE, "route": _SAMPLE, "strategy": {}, "gates": {}}
    told = _Noting("adopted", given, adopted.ADOPTED_KEYS)
    adopted.read_one(told, _SAMPLE)
    names = dict.fromkeys(nouns.TerraformNames.__dataclass_fields__, _SAMPLE)
    terraform = _Noting("", {"terraform": names}, ())
    adopted.read_terraform(terraform)
    owner = _Noting("", {}, ("strategy", "gates"))
    read_strategy(owner)
    read_gates(owner)
    image: Schema = _closed({"command": _COMMAND, "environment": _ENVIRONMENT}, ["command"])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "teal.toml",
        "description": "A mesh, its services, gateways and deployments, for Tealmesh.",
        **_closed(
            {
                "mesh": root.children["mesh"].schema(),
                "images": {
                    "type": "object",
                    "description": "The command that runs in place of an image: "
                    '"*/web:1" = ["python3", "web.py"].',
                    "propertyNames": {"pattern": r"^\S+$"},
                    "additionalProperties": {"anyOf": [*_alternatives(_COMMAND), image]},
                },
                "services": _map(label, service.children[_SAMPLE].schema(nouns.ServiceConfig)),
                "gateways": _map(label, gateway.children[_SAMPLE].schema(nouns.GatewayConfig)),
                "groups": _map({}, _closed({"services": _GROUPED}, ["services"])),
                "adopted": _map({}, told.schema(nouns.AdoptedConfig)),
                "terraform": terraform.children["terraform"].schema(nouns.TerraformNames),
                "notices": _map({}, _noted_notice().schema(notices.NoticeConfig)),
            },
            [],
        ),
        "dependencies": {"services": ["mesh"], "gateways": ["mesh"]},
    }


def _noted_notice() -> _Noting:
    given = {"url_file": _SAMPLE, "secret_file": _SAMPLE, "links": "http://sample.local"}
    notice = _Noting("", given, notices.NOTICE_KEYS)
    notices.read_notice(notice, _SAMPLE)
    return notice


class _Noting(Table):
    """A table that notes what a reader takes from it. ``data``: what a reader must find in it to
    take all keys.
    """

    def __init__(self, path: str, data: object, known: Iterable[str]) -> None:
        super().__init__("teal.toml", path, data, ())
        self.known = tuple(known)
        self.children: dict[str, _Noting] = {}
        self.items: dict[str, _Noting] = {}
        self.properties: dict[str, Schema] = {}
        self.required: list[str] = []

    def schema(self, noun: type | None = None) -> Schema:
        """What was noted. ``noun``: the dataclass whose docstrings describe the keys."""
        described = _descriptions(noun) if noun else {}
        properties = {key: child.schema(_NOUNS.get(key)) for key, child in self.children.items()}
        if "preview" in properties:
            properties["preview"] = {"anyOf": [{"type": "boolean"}, properties["preview"]]}
        for key, item in self.items.items():
            properties[key] = {"type": "array", "items": item.schema(_NOUNS.get(key))}
        properties |= self.properties
        properties |= {key: _BY_HAND[key] for key in self.known if key in _BY_HAND}
        for key, called in _ALIASES.items():
            if key in properties and called in described:
                described[key] = described[called]
        for key, text in described.items():
            if key in properties and "description" not in _BY_HAND.get(key, {}):
                properties[key] = {**properties[key], "description": text}
        order = [key for key in self.known if key in properties] or list(properties)
        required = [*self.required, *(["routes"] if "routes" in properties else [])]
        return _closed({key: properties[key] for key in order}, required)

    def table(self, key: str, known: Iterable[str] = ()) -> Table:
        child = _Noting(key, self.data.get(key, {}), known)
        self.children[key] = child
        return child

    def tables(self, key: str, known: Iterable[str]) -> list[Table]:
        item = _Noting(key, _ITEMS[key], known)
        self.items[key] = item
        return [item]

    def command(self, key: str) -> tuple[str, ...]:
        self.properties[key] = dict(_COMMAND)
        return (_SAMPLE,)

    def text(
        self,
        key: str,
        default: str | None,
        allowed: str,
        accept: Callable[[str], object] = bool,
    ) -> str:
        self._note(key, {"type": "string", **_restriction(accept), "description": allowed}, default)
        return default or _SAMPLE

    def integer(self, key: str, default: int | None, low: int, high: int) -> int:
        self._note(key, {"type": "integer", "minimum": low, "maximum": high}, default)
        return low if default is None else default

    def share(self, key: str, default: float) -> float:
        self._note(key, {"type": "number", "minimum": 0, "maximum": 1}, default)
        return default

    def number(
        self, key: str, default: float | None, low: float, high: float, *, above: bool = False
    ) -> float:
        least = "exclusiveMinimum" if above else "minimum"
        self._note(key, {"type": "number", least: low, "maximum": high}, default)
        return low if default is None else default

    def boolean(self, key: str, default: bool) -> bool:
        self._note(key, {"type": "boolean"}, default)
        return default

    def seconds(self, key: str, default: float, *, positive: bool = False) -> float:
        self._note(key, _POSITIVE_DURATION if positive else _DURATION, default)
        return default

    def seconds_or_none(self, key: str) -> float | None:
        self.properties[key] = dict(_DURATION)
        return None

    def seconds_or_never(self, key: str) -> float | None:
        self.properties[key] = {"anyOf": [{"enum": ["never"]}, dict(_DURATION)]}
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        self.properties[key] = dict(_WORDS)
        return ()

    def _note(self, key: str, found: Schema, default: object) -> None:
        if default is None and key not in self.data:
            self.required.append(key)
        elif default not in (None, "") and _SAMPLE not in str(default):
            found = {**found, "default": default}
        self.properties[key] = found


def _restriction(accept: Callable[[str], object]) -> Schema:
    """What a reader's test of a string allows, as far as a schema can say it."""
    owner = getattr(accept, "__self__", None)
    if isinstance(owner, re.Pattern):
        # ECMA 262 has no \Z, and does not match the whole by itself.
        return {"pattern": f"^(?:{owner.pattern})$".replace(r"\Z", "$")}
    if isinstance(owner, tuple):
        return {"enum": list(owner)}
    return {"minLength": 1} if accept is bool else {}


def _closed(properties: Mapping[str, Schema], required: list[str]) -> Schema:
    closed: Schema = {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
    }
    return {**closed, "required": required} if required else closed


def _map(names: Schema, values: Schema) -> Schema:
    named: Schema = {"propertyNames": names} if names else {}
    return {"type": "object", **named, "additionalProperties": values}


def _alternatives(either: Schema) -> list[object]:
    found = either["anyOf"]
    return list(found) if isinstance(found, list) else []


def _descriptions(noun: type) -> dict[str, str]:
    """The docstrings below the fields of a dataclass, on one line each."""
    found: dict[str, str] = {}
    (body,) = ast.parse(inspect.cleandoc(inspect.getsource(noun))).body
    statements = body.body if isinstance(body, ast.ClassDef) else []
    for field, below in pairwise(statements):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found[field.target.id] = _plain(below.value.value)
    return found


def _plain(docstring: str) -> str:
    """For people who write teal.toml: what is None in Python is left out there."""
    return " ".join(docstring.replace("``", "`").replace("None for", "if left out,").split())
