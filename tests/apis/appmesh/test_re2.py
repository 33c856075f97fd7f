"""We accept the patterns that a real Envoy accepts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tealmesh.apis.appmesh.re2 import re2_error
from tealmesh.engine.runtimes.sidecar import find_envoy
from tealmesh.envoy.bootstrap.bootstrap import REGEX_SIZE

ACCEPTED = [
    "abc", "/v[0-9]+/.*", "a|b|", "(a)(?:b)(?P<n>c)(?<m>d)", "(?i)abc", "a(?i)b", "(?i-s:x)",
    "(?U)a+", r"\d\D\s\S\w\W", r"\bfoo\B\A\z", r"\pL\p{Greek}\P{Lu}\p{^Nd}", "[[:alpha:]]", "[]a]",
    r"[\d\-\]]", r"\Qa.b*\E", "a*?b+?c??", "a{2,5}?", "a{,5}", "{", "]", r"\x41\123", r"\C", "^*",
    "é+", "a" * 255, "a{900}",
]  # fmt: skip
REFUSED = [
    "*", "a|*", "a**", "a*+", "a{2}{3}", "a{1001}", "a{5,2}", "(a{100}){100}", "(", ")", "[",
    "[b-a]", "[[:foo:]]", r"(a)\1", r"\Z", "\\", r"\p{Nope}", r"\x{1F600}", "(?=a)", "(?!a)",
    "(?<=a)", "(?>a)", "(?P=n)", r"[\b]", "a{1000}", "(abc){500}",
]  # fmt: skip


def _bootstrap(patterns: list[str]) -> dict[str, Any]:
    """An Envoy whose route table matches paths by each pattern."""
    routes = [
        {"match": {"safe_regex": {"regex": pattern}}, "direct_response": {"status": 200}}
        for pattern in patterns
    ]
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    connection_manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network"
        ".http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "x",
        "route_config": {"virtual_hosts": [{"name": "h", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": router}}],
    }
    filters = [{"name": "http", "typed_config": connection_manager}]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    listener = {"name": "l", "address": address, "filter_chains": [{"filters": filters}]}
    limits = {"re2.max_program_size.error_level": REGEX_SIZE}
    return {
        "static_resources": {"listeners": [listener]},
        "layered_runtime": {"layers": [{"name": "limits", "static_layer": limits}]},
    }


def _envoy_accepts(patterns: list[str], directory: Path) -> bool:
    path = directory / "envoy.json"
    path.write_text(json.dumps(_bootstrap(patterns)))
    command = [find_envoy(), "--mode", "validate", "-c", str(path), "--log-level", "error"]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_envoy_accepts_what_is_accepted(tmp_path: Path) -> None:
    assert {p: re2_error(p) for p in ACCEPTED if re2_error(p)} == {}
    assert _envoy_accepts(ACCEPTED, tmp_path)


@pytest.mark.parametrize("pattern", REFUSED)
def test_envoy_refuses_what_is_refused(pattern: str, tmp_path: Path) -> None:
    assert re2_error(pattern)
    assert not _envoy_accepts([pattern], tmp_path)
