"""Where both kinds run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import IMAGES

ALONE = "one on SQLite"


@contextmanager
def cloud_in(directory: Path) -> Iterator[ControlPlane]:
    """A `teal up` whose ECS and Cloud Map a `teal serve` works with."""
    config = directory / "teal.toml"
    images = "\n".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in IMAGES.items())
    config.write_text(f"[images]\n{images}\n")
    with control_plane(directory, config) as cloud:
        yield cloud
