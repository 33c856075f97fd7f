"""Records the picture of the terminal in the README: `python docs/film.py`, or `make recording`.

`teal status -w` in a terminal of 80 by 24, while one version is deployed and the next one is rolled
back, all of it real. docs/deployment.cast is the recording (asciicast v2), docs/deployment.svg what
plays by itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import animation
from readme import ROOT
from record import Session, cast
from stage import stage

COLUMNS, ROWS = 80, 24
SPEED = 2.0
TITLE = "teal status -w: a canary passes its gates, the next one is rolled back (at double speed)"
POSTER = "step 2 of 3"
"""What is seen where nothing moves."""
TYPING_SECONDS = 0.06
READING_SECONDS = 3.0
PLAYED = (
    ("teal deploy web :2 --no-follow", "web:2: SUCCESSFUL"),
    ("teal deploy web :3 --no-follow", "web:3: ROLLBACK_SUCCESSFUL"),
)
"""A command, and what is seen when it has come to its end."""


def main() -> None:
    with stage() as here:
        session = Session(here.directory, here.variables, COLUMNS, ROWS)
        for command, end in PLAYED:
            session.type(command, TYPING_SECONDS)
            session.watch("teal status -w", lambda seen, end=end: end in seen, TYPING_SECONDS)
            session.let_pass(READING_SECONDS)
            session.interrupt()
        events = [(at, here.at_home(text)) for at, text in session.events]
    recording = cast(events, TITLE, COLUMNS, ROWS, SPEED)
    (ROOT / "docs" / "deployment.cast").write_text(recording)
    (ROOT / "docs" / "deployment.svg").write_text(animation.of_cast(recording, POSTER))
    print("wrote docs/deployment.cast and docs/deployment.svg")


if __name__ == "__main__":
    main()
