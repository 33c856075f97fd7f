"""The schema of teal.toml and its parser agree."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tealmesh.model.config import adopted, common, gateways, hooks, nouns, parse
from tealmesh.model.config.deployments import read_gates, read_strategy
from tealmesh.model.config.parse import parse_mapping
from tealmesh.model.config.schema import schema
from tealmesh.model.config.table import Table
from tealmesh.model.errors import ConfigError
from tests.cli.command_line import teal

SCHEMA: dict[str, Any] = schema()
WHOLE = {
    "mesh": {"name": "shop", "cluster": "c", "namespace": "n.local"},
    "images": {"*/web:1": ["python3"], "*/web:2": {"command": "x", "environment": {"A": 1}}},
    "services": {
        "web": {
            "port": 80,
            "image": "x/web:1",
            "hostname": "web.local",
            "health_path": "/up",
            "desired_count": 2,
            "cpu": 256,
            "memory": 512,
            "environment": {"A": "b"},
            "backends": ["api"],
            "sides": ["red", "black"],
            "strategy": {"type": "canary", "steps": [10, 100], "step_time": "5s", "bake_time": 3},
            "gates": {
                "success_rate": 0.9,
                "min_requests": 10,
                "approval": True,
                "hooks": [
                    {"stage": "PRE_SCALE_UP", "url": "http://127.0.0.1:1/ask", "retries": 3},
                    {"stage": "BAKE_TIME", "when": "after", "command": ["true"], "timeout": "5s"},
                ],
                "prometheus": [
                    {"name": "p", "url": "http://p", "query": "up", "pass": "> 0", "empty": "pass"}
                ],
                "cloudwatch": [
                    {
                        "name": "c",
                        "namespace": "Shop",
                        "metric": "m",
                        "dimensions": {"Service": "{{service}}"},
                        "pass": "<= 3",
                        "period": 30,
                        "statistic": "p99",
                    }
                ],
                "freeze": [{"days": ["sat"], "from": "10:00", "zone": "Europe/Berlin"}],
                "watch": [{"method": "POST"}, {"header": "x-tenant", "value": "a"}],
            },
            "request_timeout": "1m",
        },
        "api": {"port": 81, "image": "x/web:2"},
    },
    "gateways": {"edge": {"port": 9080, "address": "127.0.0.1", "routes": {"/": "web"}}},
    "adopted": {"bank": {"container": "app", "clean_up": "stop", "gates": {}}},
    "terraform": {"weight": "{side}_weight"},
}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def fits(value: Any, wanted: dict[str, Any]) -> bool:
    """Whether a value is as a schema says; of JSON Schema, what ours uses."""
    if "anyOf" in wanted and not any(fits(value, one) for one in wanted["anyOf"]):
        return False
    if "not" in wanted and fits(value, wanted["not"]):
        return False
    types = wanted.get("type", [])
    if types and not any(of_type(value, t) for t in ([types] if isinstance(types, str) else types)):
        return False
    if "enum" in wanted and value not in wanted["enum"]:
        return False
    if isinstance(value, str):
        long_enough = len(value) >= wanted.get("minLength", 0)
        return long_enough and bool(re.search(wanted.get("pattern", ""), value))
    if isinstance(value, int | float):
        return (
            value >= wanted.get("minimum", value)
            and value <= wanted.get("maximum", value)
            and not ("exclusiveMinimum" in wanted and value <= wanted["exclusiveMinimum"])
        )
    if isinstance(value, list):
        unique = len({json.dumps(v) for v in value}) == len(value)
        return (
            wanted.get("minItems", 0) <= len(value) <= wanted.get("maxItems", len(value))
            and (unique or not wanted.get("uniqueItems"))
            and all(fits(item, wanted.get("items", {})) for item in value)
        )
    return object_fits(value, wanted) if isinstance(value, dict) else True


def object_fits(value: dict[str, Any], wanted: dict[str, Any]) -> bool:
    properties, rest = wanted.get("properties", {}), wanted.get("additionalProperties", {})
    needed = [*wanted.get("required", [])]
    for key, others in wanted.get("dependencies", {}).items():
        needed += others if key in value else []
    return (
        all(key in value for key in needed)
        and len(value) >= wanted.get("minProperties", 0)
        and all(fits(key, wanted.get("propertyNames", {})) for key in value)
        and all(
            fits(inner, properties[key])
            if key in properties
            else rest is not False and fits(inner, rest)
            for key, inner in value.items()
        )
    )


def of_type(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "number":
        return isinstance(value, int | float)
    return isinstance(value, TYPES[name])


def accepted(document: dict[str, Any]) -> bool:
    try:
        parse_mapping(document)
    except ConfigError:
        return False
    return True


def test_a_whole_file_is_accepted_by_both() -> None:
    assert accepted(WHOLE)
    assert fits(WHOLE, SCHEMA)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a value."""
    if isinstance(value, dict):
        return [path, *(p for k, v in value.items() for p in places(v, (*path, k)))]
    if isinstance(value, list):
        return [path, *(p for n, v in enumerate(value) for p in places(v, (*path, n)))]
    return [path]


odd = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 70000), st.floats(0, 2), st.text(max_size=4),
    st.sampled_from(["5s", "web", "canary", "/x", "127.0.0.2", [], {}, [1, 100], ["a"]]),
).map(copy.deepcopy)  # fmt: skip


@given(st.data())
def test_what_the_parser_accepts_the_schema_accepts(data: st.DataObject) -> None:
    document = json.loads(json.dumps(WHOLE))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([p for p in places(document) if p]))
        inside = document
        for step in path[:-1]:
            inside = inside[step]
        if data.draw(st.booleans()) and isinstance(inside, dict):
            inside[data.draw(st.sampled_from(["port", "image", "gates", "x", "A b"]))] = data.draw(
                odd
            )
        elif data.draw(st.booleans()):
            inside[path[-1]] = data.draw(odd)
        else:
            del inside[path[-1]]
    if accepted(document):
        assert fits(document, SCHEMA), document


def made(wanted: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a schema without properties."""
    if "anyOf" in wanted:
        return st.one_of([made(one) for one in wanted["anyOf"]])
    if "enum" in wanted:
        return st.sampled_from(wanted["enum"])
    match wanted["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(wanted["minimum"], wanted["maximum"])
        case "number":
            low = wanted.get("minimum", wanted.get("exclusiveMinimum"))
            return st.floats(low, wanted["maximum"], exclude_min="exclusiveMinimum" in wanted)
        case "string":
            return st.from_regex(wanted.get("pattern", r"^[a-z0-9]+$"), fullmatch=True)
    raise AssertionError(wanted)


@pytest.mark.parametrize("table", ["services", "gateways"])
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_a_value_that_the_schema_accepts_is_accepted(table: str, data: st.DataObject) -> None:
    """Of one setting, unless what other settings say is against it."""
    name = {"services": "web", "gateways": "edge"}[table]
    properties = SCHEMA["properties"][table]["additionalProperties"]["properties"]
    simple = {k: v for k, v in properties.items() if v.get("type") not in ("object", "array")}
    # A port that Envoy has, an address that is none, an image without a command, a protocol that
    # the gateway does not speak: said elsewhere.
    for special in ("address", "image", "protocol"):
        simple.pop(special, None)
    key = data.draw(st.sampled_from(sorted(simple)))
    value = data.draw(made(simple[key]))
    assume(value not in common.RESERVED_PORTS)
    document = json.loads(json.dumps(WHOLE))
    document[table][name][key] = value
    # Times must agree with those of other tables, and words for them have a longest too.
    assert accepted(document) or key.endswith(("time", "timeout", "after"))


def known_keys(read: Any, *arguments: Any) -> set[str]:
    """The keys that a reader knows, from its refusal of one that nobody has."""
    try:
        read(*arguments)
    except ConfigError as error:
        return set(error.allowed.rpartition(": ")[2].split(", "))
    raise AssertionError(read)


def test_every_key_of_every_table_is_in_the_schema() -> None:
    odd_table = Table(
        "f", "", {"mesh": {"?": 1}, "strategy": {"?": 1}, "gates": {"?": 1}, "w": {"?": 1}}
    )
    service = SCHEMA["properties"]["services"]["additionalProperties"]["properties"]
    gateway = SCHEMA["properties"]["gateways"]["additionalProperties"]["properties"]
    assert known_keys(parse.read_mesh, odd_table) == set(SCHEMA["properties"]["mesh"]["properties"])
    assert known_keys(parse.read_service, odd_table, "w", "n") == set(service)
    assert known_keys(gateways.read_gateway, odd_table, "w") == set(gateway)
    assert known_keys(read_strategy, odd_table) == set(service["strategy"]["properties"])
    assert known_keys(read_gates, odd_table) == set(service["gates"]["properties"])
    gates = service["gates"]["properties"]
    for key, keys in (
        ("hooks", hooks.HOOK_KEYS),
        ("prometheus", hooks.PROMETHEUS_KEYS),
        ("cloudwatch", hooks.CLOUDWATCH_KEYS),
        ("freeze", hooks.FREEZE_KEYS),
    ):
        assert set(gates[key]["items"]["properties"]) == set(keys)
    told = SCHEMA["properties"]["adopted"]["additionalProperties"]["properties"]
    assert set(adopted.ADOPTED_KEYS) == set(told)
    names = set(nouns.TerraformNames.__dataclass_fields__)
    assert names == set(SCHEMA["properties"]["terraform"]["properties"])
    assert set(parse.TABLES) == set(SCHEMA["properties"])


def test_the_command_prints_it() -> None:
    assert json.loads(teal("schema").stdout) == json.loads(json.dumps(SCHEMA))
