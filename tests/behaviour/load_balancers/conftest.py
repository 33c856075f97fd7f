"""One world for all rows of a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.behaviour.load_balancers.world import World


@pytest.fixture(scope="session")
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("load-balancers")) as made:
        yield made
