"""Records the README's first five minutes: `python docs/record.py`, or `make recording`.

A bash in a terminal of 100 by 30 gets the commands one by one. What it shows is written to
docs/first-minutes.cast (asciicast v2: https://docs.asciinema.org/manual/asciicast/v2/), and what is
left of it on the screen, without colours, to docs/first-minutes.txt.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from readme import PORTS, ROOT, blocks, taken

COLUMNS, ROWS = 100, 30
PROMPT = "$ "
END = "\x1b]9;ready\x07"
"""What the prompt begins with, unseen: the command before it has ended."""
LONGEST_SECONDS = 180.0
LONGEST_PAUSE_SECONDS = 2.0
"""Longer pauses are shortened when it is played."""
_CONTROL = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b\][^\x07]*\x07|\x1b[=>]")


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
        self._begun = time.monotonic()
        process, self._terminal = pty.fork()
        if process == 0:
            size = struct.pack("HHHH", rows, columns, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.chdir(directory)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting"], environment)
        self._wait()

    def type(self, command: str) -> None:
        """Enter a command and wait until it has ended."""
        os.write(self._terminal, command.encode() + b"\n")
        self._wait()

    def _wait(self) -> None:
        seen, end = "", time.monotonic() + LONGEST_SECONDS
        while END + PROMPT not in seen:
            if time.monotonic() > end:
                raise SystemExit(f"no prompt after {LONGEST_SECONDS:.0f} s:\n{seen}")
            if not select.select([self._terminal], [], [], 0.1)[0]:
                continue
            text = os.read(self._terminal, 65536).decode("utf-8", "replace")
            seen += text
            self.events.append((time.monotonic() - self._begun, text.replace(END, "")))


def screen(text: str) -> str:
    """What a terminal shows in the end, scrolled back to the beginning: of control sequences, those
    that move the cursor and erase.
    """
    lines, row, column = [""], 0, 0
    at = 0
    while at < len(text):
        control = _CONTROL.match(text, at)
        if control:
            count, kind = control[1] or "", control[2] or ""
            if kind == "A":
                row = max(0, row - int(count or 1))
            elif kind == "K" and count in ("", "0"):
                lines[row] = lines[row][:column]
            elif kind == "K":
                lines[row] = ""
            at = control.end()
            continue
        character = text[at]
        at += 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif character == "\b":
            column = max(0, column - 1)
        elif character >= " ":
            line = lines[row].ljust(column)
            lines[row] = line[:column] + character + line[column + 1 :]
            column += 1
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def cast(events: list[tuple[float, str]]) -> str:
    """The session as asciicast v2."""
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "Tealmesh: the first minutes"}
    lines, shown, last = [json.dumps(head)], 0.0, 0.0
    for at, text in events:
        shown += min(at - last, LONGEST_PAUSE_SECONDS)
        last = at
        lines.append(json.dumps([round(shown, 3), "o", text]))
    return "\n".join(lines) + "\n"


def environment(directory: str) -> dict[str, str]:
    """That of a session in a directory: nothing of whoever records it but where programs are."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": directory,
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
    (ROOT / "docs" / "first-minutes.cast").write_text(cast(events))
    (ROOT / "docs" / "first-minutes.txt").write_text(screen(text))
    print("wrote docs/first-minutes.cast and docs/first-minutes.txt")


if __name__ == "__main__":
    main()
