"""One Podman for all tests of tasks in containers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.runtimes.docker.tasks import IMAGE
from tests.support.programs.podman import Podman, podman


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    with podman(tmp_path_factory.mktemp("podman")) as made:
        made.make_app(IMAGE)
        yield made
