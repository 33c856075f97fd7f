"""ECS and Cloud Map, empty: over HTTP, and called directly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.planes.ecs import Direct, Endpoint, endpoint


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Endpoint]:
    with endpoint(tmp_path) as running:
        yield running


@pytest.fixture
def direct(tmp_path: Path) -> Iterator[Direct]:
    apis = Direct(tmp_path / "direct.db")
    yield apis
    apis.store.close()
