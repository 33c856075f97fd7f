"""What `localhost` becomes in health check commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.engine.runtimes.process.localhost import rewritten

ADDRESSES = {"": "127.3.0.3", "9901": "127.3.0.2"}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("curl -f http://localhost:8080/health", "curl -f http://127.3.0.3:8080/health"),
        ("curl -f http://127.0.0.1:8080", "curl -f http://127.3.0.3:8080"),
        ("curl http://[::1]:8080/", "curl http://127.3.0.3:8080/"),
        ("curl -s http://localhost:9901/ready", "curl -s http://127.3.0.2:9901/ready"),
        ("nc -z localhost 8080", "nc -z 127.3.0.3 8080"),
        ("a localhost, then 127.0.0.1.", "a 127.3.0.3, then 127.3.0.3."),
        ("http://my-localhost/", "http://my-localhost/"),
        ("http://localhost.example.com/", "http://localhost.example.com/"),
        ("http://localhost-2/ http://api.localhost/", "http://localhost-2/ http://api.localhost/"),
        ("127.0.0.10 127.0.0.1.5 1127.0.0.1", "127.0.0.10 127.0.0.1.5 1127.0.0.1"),
    ],
)
def test_names_of_localhost(command: str, expected: str) -> None:
    assert rewritten(("sh", "-c", command), ADDRESSES) == ("sh", "-c", expected)


@given(st.lists(st.text(alphabet="localhst:.127/- 0", max_size=30)))
def test_it_is_done_at_once_and_only_where_it_is_needed(command: list[str]) -> None:
    once = rewritten(command, ADDRESSES)
    assert rewritten(once, ADDRESSES) == once
    assert rewritten(command, {}) == tuple(command)
    for before, after in zip(command, once, strict=True):
        if "localhost" not in before and "127.0.0.1" not in before:
            assert after == before
