"""Writes the man pages of `teal` and its commands into a directory: `python docs/man.py DIR`.

click-man makes them of the commands' help; its own command does not find ours, as the entry point
of `teal` is a function.
"""

from __future__ import annotations

import sys
from pathlib import Path

from click_man.core import write_man_pages

from tealmesh import __version__
from tealmesh.cli.main import teal


def main() -> None:
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "build/man")
    directory.mkdir(parents=True, exist_ok=True)
    write_man_pages("teal", teal.whole(), version=__version__, target_dir=str(directory))
    print(f"{len(list(directory.glob('*.1')))} pages in {directory}: man -l {directory}/teal.1")


if __name__ == "__main__":
    main()
