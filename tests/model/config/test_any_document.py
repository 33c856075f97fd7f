"""No document makes the parser raise anything but a ConfigError that names what is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.model.config.nouns import TealConfig
from tealmesh.model.config.parse import parse, parse_mapping
from tealmesh.model.errors import ConfigError
from tests.model.config.test_parse import SAMPLE
from tests.support.drills import examples

KEYS = st.sampled_from(
    [
        "mesh",
        "images",
        "services",
        "gateways",
        "name",
        "cluster",
        "namespace",
        "web",
        "front",
        "edge",
        "port",
        "image",
        "hostname",
        "health_path",
        "desired_count",
        "cpu",
        "memory",
        "environment",
        "user",
        "backends",
        "sides",
        "strategy",
        "gates",
        "type",
        "steps",
        "step_time",
        "bake_time",
        "start_timeout",
        "step_timeout",
        "success_rate",
        "min_requests",
        "approval",
        "routes",
        "address",
        "command",
        "/",
        "*/sample:1",
        "HOST",
        "A",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["web", "front", "5s", "canary", "x/sample:1", "/", "127.0.0.1", "a.b"])
    | st.sampled_from([1, 100, 8080])
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=20,
)


def assert_config_or_error(read: Callable[[], TealConfig]) -> None:
    """Any other exception passes through and fails the test."""
    try:
        outcome: TealConfig | ConfigError = read()
    except ConfigError as error:
        outcome = error
    if isinstance(outcome, ConfigError):
        assert str(outcome).startswith("teal.toml: ")
        assert outcome.allowed
    else:
        assert outcome.mesh


@given(st.dictionaries(KEYS | st.text(max_size=8), VALUES, max_size=5))
@settings(max_examples=examples(400))
def test_any_document_is_a_config_or_a_config_error(data: dict[str, Any]) -> None:
    assert_config_or_error(lambda: parse_mapping(data))


@given(st.data())
@settings(max_examples=examples(400))
def test_one_wrong_value_is_a_config_or_a_config_error_that_names_it(data: st.DataObject) -> None:
    document = tomllib.loads(SAMPLE.read_text())
    table: Any = document
    path = []
    while isinstance(table, dict) and table:
        key = data.draw(st.sampled_from(sorted(table)))
        path.append(key)
        if not isinstance(table[key], dict) or data.draw(st.booleans()):
            table[key] = data.draw(VALUES)
            break
        table = table[key]
    assert_config_or_error(lambda: parse_mapping(document))


@given(st.text(max_size=200))
def test_any_text_is_a_config_or_a_config_error(text: str) -> None:
    assert_config_or_error(lambda: parse(text))
