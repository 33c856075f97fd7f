"""What an Envoy says of itself is of any type: it is refused in words."""

from __future__ import annotations

import contextlib
import math

import pytest
from envoy.config.core.v3 import base_pb2
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.envoy.bootstrap.bootstrap import proxy_of
from tealmesh.model.errors import TealError

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.just("10.0.0.1"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KEYS = (
    *("address", "app_address", "publish_address"),
    *("request_timeout", "idle_timeout", "task"),
)
OURS = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, VALUES))


@given(st.one_of(OURS, VALUES))
def test_any_metadata_makes_an_envoy_or_a_reason(ours: object) -> None:
    node = base_pb2.Node(id="mesh/m/virtualNode/web")
    node.metadata.update({"tealmesh": ours})
    with contextlib.suppress(TealError):
        proxy = proxy_of(node)
        assert proxy.request_timeout is None or 0 <= proxy.request_timeout <= 7 * 24 * 3600


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_that_json_has_not_is_a_reason(number: float) -> None:
    node = base_pb2.Node(id="mesh/m/virtualNode/web")
    node.metadata.update({"theirs": [number]})
    with pytest.raises(TealError, match="mesh/m/virtualNode/web: node metadata: "):
        proxy_of(node)
