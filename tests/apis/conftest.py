"""ECS and Cloud Map, empty: over HTTP, and called directly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.planes.ecs import Direct, Endpoint, endpoint
from tests.support.planes.emptied import empty


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def served(serving: Endpoint) -> Iterator[Endpoint]:
    yield serving
    empty(serving.store)


@pytest.fixture
def direct(tmp_path: Path) -> Iterator[Direct]:
    apis = Direct(tmp_path / "direct.db")
    yield apis
    apis.store.close()
