"""Records the README's first five minutes: `python docs/record.py`, or `make recording`.

A bash in a terminal of 100 by 30 gets the commands one by one. What it shows is written to
docs/first-minutes.cast (asciicast v2: https://docs.asciinema.org/manual/asciicast/v2/), and what is
left of it on the screen, without colours, to docs/first-minutes.txt.
"""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from readme import PORTS, ROOT, blocks, taken
from terminal import Terminal

COLUMNS, ROWS = 100, 30
PROMPT = "$ "
END = "\x1b]9;ready\x07"
"""What the prompt begins with, unseen: the command before it has ended."""
LONGEST_SECONDS = 180.0
LONGEST_PAUSE_SECONDS = 2.0
"""Longer pauses are shortened when it is played."""
TITLE = "Tealmesh: the first minutes"


class Session:
    """A bash in a terminal, with everything that it has shown, and when."""

    def __init__(
        self,
        directory: Path,
        environment: dict[str, str],
        columns: int = COLUMNS,
        rows: int = ROWS,
    ) -> None:
        self.events: list[tuple[float, str]] = []
        self.terminal = Terminal(columns, rows)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = time.monotonic()
        process, self._shell = pty.fork()
        if process == 0:
            size = struct.pack("HHHH", rows, columns, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.chdir(directory)
            # What a shell starts in the background ignores Ctrl-C, and so would all that it starts.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting"], environment)
        self._wait()

    def type(self, command: str, seconds: float = 0.0) -> None:
        """Enter a command, with so long between two characters, and wait until it has ended."""
        self._enter(command, seconds)
        self._wait()

    def watch(self, command: str, until: Callable[[str], bool], seconds: float = 0.0) -> None:
        """Enter a command and wait until the screen is as it should be; `interrupt` ends it."""
        self._enter(command, seconds)
        self.wait_for(until)

    def wait_for(self, until: Callable[[str], bool]) -> None:
        """Wait until the screen is as it should be."""
        self._read(lambda _: until(self.terminal.text()))

    def let_pass(self, seconds: float) -> None:
        """Go on for so long."""
        end = time.monotonic() + seconds
        self._read(lambda _: time.monotonic() > end)

    def interrupt(self) -> None:
        """Press Ctrl-C, and wait until the command has ended."""
        os.write(self._shell, b"\x03")
        self._wait()

    def _enter(self, command: str, seconds: float) -> None:
        for character in command:
            os.write(self._shell, character.encode())
            if seconds:
                self.let_pass(seconds)
        os.write(self._shell, b"\n")

    def _wait(self) -> None:
        self._read(lambda seen: END + PROMPT in seen)

    def _read(self, enough: Callable[[str], bool]) -> None:
        """Read what is shown, until what has been read is ``enough``."""
        seen, end = "", time.monotonic() + LONGEST_SECONDS
        while not enough(seen):
            if time.monotonic() > end:
                now = self.terminal.text()
                raise SystemExit(f"not there after {LONGEST_SECONDS:.0f} s:\n{now}")
            if not select.select([self._shell], [], [], 0.05)[0]:
                continue
            text = self._decoder.decode(os.read(self._shell, 65536))
            seen += text
            self.terminal.feed(text)
            self.events.append((time.monotonic() - self._begun, text.replace(END, "")))


def screen(text: str, columns: int = COLUMNS, rows: int = ROWS) -> str:
    """What a terminal shows in the end, scrolled back to the beginning."""
    terminal = Terminal(columns, rows)
    terminal.feed(text)
    return terminal.everything() + "\n"


def cast(
    events: list[tuple[float, str]],
    title: str,
    columns: int = COLUMNS,
    rows: int = ROWS,
    speed: float = 1.0,
) -> str:
    """The session as asciicast v2."""
    head = {"version": 2, "width": columns, "height": rows, "title": title}
    lines, shown, last = [json.dumps(head)], 0.0, 0.0
    for at, text in events:
        shown += min((at - last) / speed, LONGEST_PAUSE_SECONDS)
        last = at
        lines.append(json.dumps([round(shown, 3), "o", text]))
    return "\n".join(lines) + "\n"


def environment(directory: str) -> dict[str, str]:
    """That of a session in a directory: nothing of whoever records it but where programs are. The
    sample's tasks, which do not run as root, may enter the directory; no home may be entered.
    """
    os.chmod(directory, 0o755)
    home = Path(directory, "home")
    home.mkdir(exist_ok=True)
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "PS1": f"\\[{END}\\]{PROMPT}",
        "XDG_STATE_HOME": f"{directory}/state",
    }


def main() -> None:
    busy = [str(port) for port in PORTS if taken(port)]
    if busy:
        sys.exit(f"port {', '.join(busy)} is in use: it would not be the README's session")
    script = next(s for heading, s in blocks((ROOT / "README.md").read_text()).items()
                  if "minutes" in heading)  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="teal-") as directory:
        session = Session(Path(directory), environment(directory))
        for line in script.splitlines():
            session.type(line)
        text = "".join(text for _, text in session.events).replace(directory, "/home/you")
    events = [(at, text.replace(directory, "/home/you")) for at, text in session.events]
    (ROOT / "docs" / "first-minutes.cast").write_text(cast(events, TITLE))
    # A command that goes on in the next row is one line of the text.
    (ROOT / "docs" / "first-minutes.txt").write_text(screen(text, 2 * COLUMNS))
    print("wrote docs/first-minutes.cast and docs/first-minutes.txt")


if __name__ == "__main__":
    main()
