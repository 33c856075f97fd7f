"""The stage of drills, and where what they came to is kept."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.drills.results import recorded
from tests.drills.stage import Drill
from tests.support.planes.control_plane import control_plane
from tests.support.planes.sample import IMAGES
from tests.support.programs.postgres import Server, running


class Drills:
    """Plays a drill in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextlib.contextmanager
    def play(
        self,
        name: str,
        *,
        databases: Sequence[str],
        options: Sequence[str] = (),
        look: str = "",
        prepare: Callable[[Drill], None] = lambda drill: None,
    ) -> Iterator[Drill]:
        """A `Drill` that has begun, with a replica for each of the ``databases``, which may all be
        the same. In the end nothing may be lost; its row is recorded, however it ends.

        ``options``: of each `teal serve`. ``look``: the URL by which the drill looks at what is
        committed, if not the first. ``prepare`` changes it before anything starts.
        """
        with recorded(name) as row, contextlib.ExitStack() as stage:
            config = self._directory / "teal.toml"
            lines = "\n".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in IMAGES.items())
            config.write_text(f"[images]\n{lines}\n")
            cloud = stage.enter_context(control_plane(self._directory, config))
            drill = Drill(self._directory, row, cloud, databases, options, look)
            stage.callback(drill.close)
            prepare(drill)
            drill.begin()
            yield drill
            drill.end()


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL that the drill may stop, kill and start."""
    with running() as made:
        yield made


@pytest.fixture
def drills(tmp_path: Path) -> Drills:
    return Drills(tmp_path)
