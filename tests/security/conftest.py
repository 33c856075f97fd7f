"""A control plane to attack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.planes.control_plane import ControlPlane, control_plane


@pytest.fixture(scope="package")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("attacked")) as started:
        yield started
