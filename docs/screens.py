"""Writes docs/screens.md, what `teal` shows of deployments, from a real run in a terminal of 80
columns: `python docs/screens.py`, or `make recording`.

A control plane with its own ports and data runs in a temporary directory; nothing else is touched.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from readme import ROOT, at_gateway, free_port
from record import Session, environment, screen

COLUMNS, ROWS = 80, 200
INTRODUCTION = (
    "# What you see of a deployment\n\n"
    "From a real run in a terminal of 80 columns, without the colours; `python docs/screens.py` "
    "renews this page. Wider and\nnarrower terminals get the same: names are shortened first, "
    "and then folded, never cut off.\n"
)
SHOWN = (
    ("Before: nothing is changed", "", "teal deploy web :2 --plan"),
    (
        "While it runs (`teal status -w` shows it live, as a tree)",
        "teal deploy web :2 --wait-until PRODUCTION_TRAFFIC_SHIFT; sleep 7",
        "teal status",
    ),
    ("Why is it there, and what comes next?", "", "teal explain web"),
    (
        "A version that fails one request in five",
        "teal deploy web :2 --wait-until CLEAN_UP; while teal status --json | grep -q IN_PROGRESS; "
        "do sleep 0.5; done; teal deploy web :3",
        "teal explain web",
    ),
    ("What was there before", "", "teal history web"),
    ("What is odd or risky", "", "teal lint odd.toml"),
)
"""Heading, what is done unseen before, and the command that is shown."""
ODD = """
[services.api]
port = 8081
image = "example/web:1"
[services.api.strategy]
steps = [1, 100]
[services.api.gates]
success_rate = 1
"""


def main() -> None:
    ports = {name: free_port() for name in ("port", "xds-port", "lb-port")}
    gateway = free_port()
    with tempfile.TemporaryDirectory(prefix="teal-") as directory:
        variables = environment(directory)
        variables["TEAL_ENDPOINT"] = f"http://127.0.0.1:{ports['port']}"

        def run(command: str) -> None:
            subprocess.run(
                ["bash", "-c", command], cwd=directory, env=variables, check=False,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

        options = " ".join(f"--{name} {port}" for name, port in ports.items())
        run(f"teal up -d {options}; teal init --name shop .; {at_gateway(gateway)}")
        text = (Path(directory) / "teal.toml").read_text()
        (Path(directory) / "odd.toml").write_text(text + ODD)
        load = subprocess.Popen(
            ["bash", "-c", f"teal apply; exec teal load http://127.0.0.1:{gateway}/ --rate 60"],
            cwd=directory, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            time.sleep(20)  # What the plan says of traffic is that of some seconds.
            page = [INTRODUCTION, *(_shown(*one, directory, variables, run) for one in SHOWN)]
        finally:
            load.terminate()
            load.wait()
            run("teal down")
    text = "\n".join(page).replace(str(gateway), "9080").replace(directory, "/home/you")
    (ROOT / "docs" / "screens.md").write_text(text)
    print("wrote docs/screens.md")


def _shown(
    heading: str,
    before: str,
    command: str,
    directory: str,
    variables: dict[str, str],
    run: Callable[[str], None],
) -> str:
    """A section with what a command shows."""
    if before:
        run(before)
    session = Session(Path(directory), variables, columns=COLUMNS, rows=ROWS)
    session.type(command)
    shown = screen("".join(text for _, text in session.events)).removesuffix("$\n").rstrip()
    return f"## {heading}\n\n```text\n{shown}\n```\n"


if __name__ == "__main__":
    main()
