"""Texts of task definitions that reach a command line, a file's name or a packet filter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.apis.ecs.definition_rules import problems
from tealmesh.apis.ecs.definitions import filled
from tealmesh.engine.runtimes.docker.network.rules import redirection, restore_text
from tealmesh.model.errors import AwsError

NASTY = st.text(max_size=12) | st.sampled_from(
    ["1337\n-A OUTPUT -j ACCEPT", "1337 -j ACCEPT", "٣", "1\r2", "0x10", "-1", "root; id", "80\n"]
)
PROPERTIES = ("IgnoredUID", "IgnoredGID", "AppPorts", "ProxyIngressPort", "ProxyEgressPort")
LISTS = ("EgressIgnoredPorts", "EgressIgnoredIPs")


def told(container: dict[str, Any], **members: Any) -> list[str]:
    """What is wrong with a definition of one container."""
    body = {"name": "app", "image": "x/app", "memory": 64, **container}
    request: Any = {"family": "app", "containerDefinitions": [body], **members}
    try:
        return list(problems(filled(request)))
    except AwsError as error:
        return [error.message]


@pytest.mark.parametrize(
    ("container", "named"),
    [
        ({"command": ["a", "b\0"]}, "'command'"),
        ({"entryPoint": ["\0"]}, "'entryPoint'"),
        ({"healthCheck": {"command": ["CMD", "a\0"]}}, "'healthCheck.command'"),
        ({"workingDirectory": "/\0"}, "'workingDirectory'"),
        ({"user": "a\0"}, "'user'"),
        ({"hostname": "a\0"}, "'hostname'"),
        ({"image": "a\0"}, "'image'"),
        ({"environment": [{"name": "A=B", "value": ""}]}, "'A=B'"),
        ({"environment": [{"name": "A", "value": "\0"}]}, "'A'"),
        ({"secrets": [{"name": "A\0", "valueFrom": "x"}]}, r"'A\x00'"),
        ({"name": "../x"}, "'../x'"),
    ],
)
def test_what_no_process_can_be_started_with(container: dict[str, Any], named: str) -> None:
    assert any(named in one for one in told(container)), told(container)
    assert told({"command": ["a", "b c", "ü\n"], "user": "1000:1000"}) == []


@given(st.text(max_size=10))
def test_a_volume_is_no_path(name: str) -> None:
    found = told({}, volumes=[{"name": name}])
    assert found or (name and all(one.isascii() and (one.isalnum() or one in "-_") for one in name))


@given(st.fixed_dictionaries(dict.fromkeys((*PROPERTIES, *LISTS), NASTY)))
def test_no_text_becomes_a_rule_of_its_own(values: dict[str, str]) -> None:
    good = {"IgnoredUID": "1337", "AppPorts": "80", "ProxyIngressPort": "1", "ProxyEgressPort": "2"}
    for name, value in values.items():
        one = {**good, name: value}
        proxy = {
            "containerName": "app",
            "properties": [{"name": n, "value": v} for n, v in one.items()],
        }
        if told({}, networkMode="awsvpc", proxyConfiguration=proxy):
            continue
        definition: Any = {"containerDefinitions": [], "proxyConfiguration": proxy}
        wanted = redirection(definition)
        assert wanted is not None
        text = restore_text(wanted)
        assert text.isascii()
        starts = ("*nat", ":APPMESH_", "-A APPMESH_", "-A PREROUTING", "-A OUTPUT", "COMMIT")
        assert all(line.startswith(starts) for line in text.splitlines())
        assert text.count("COMMIT") == 1
        assert "ACCEPT" not in text
