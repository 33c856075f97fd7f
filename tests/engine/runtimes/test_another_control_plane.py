"""Whose configuration the Envoy of a task gets: ours, or that of APPMESH_XDS_ENDPOINT."""

from __future__ import annotations

import pytest

from tealmesh.engine.runtimes.sidecar import control_plane_elsewhere
from tealmesh.model.errors import EngineError


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", None),
        ("teal.internal:8444", ("teal.internal", 8444)),
        ("127.0.0.1:18000", ("127.0.0.1", 18000)),
        ("[::1]:18000", ("::1", 18000)),
        # App Mesh's own, which many task definitions have, answer nobody any more.
        ("appmesh-envoy-management.eu-central-1.amazonaws.com:443", None),
        ("appmesh-envoy-management.cn-north-1.amazonaws.com.cn:443", None),
    ],
)
def test_it_is_ours_unless_another_one_is_named(
    told: str, expected: tuple[str, int] | None
) -> None:
    assert control_plane_elsewhere({"APPMESH_XDS_ENDPOINT": told}) == expected
    assert control_plane_elsewhere({}) is None


@pytest.mark.parametrize("told", ["teal.internal", "teal.internal:0", "teal.internal:http", ":80"])
def test_what_is_no_address_is_refused_by_name(told: str) -> None:
    with pytest.raises(EngineError, match="must be HOST:PORT"):
        control_plane_elsewhere({"APPMESH_XDS_ENDPOINT": told})
