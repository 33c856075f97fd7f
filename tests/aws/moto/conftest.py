"""Moto behind a port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tealmesh.aws.moto.backend import Moto
from tests.aws.demo import InThreads, build_demo
from tests.support.programs.server import serve


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Its address."""
    moto = Moto()
    app, _ = build_demo(InThreads(moto))
    with serve(app) as address:
        yield address
    moto.close()
