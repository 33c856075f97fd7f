"""`teal logs`: what applications wrote."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from tealmesh.cli import completing
from tealmesh.cli.options import print_json, with_client, with_json
from tealmesh.model.arn import task_name

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire

FOLLOW_SECONDS = 0.5
"""Between two requests of `teal logs -f`."""

_COLOURS = ("cyan", "magenta", "yellow", "bright_blue", "bright_green")

Source = tuple[str, str]
"""Where a log line is from: task ARN and container."""


@click.command()
@click.argument("name", shell_complete=completing.logged)
@click.option(
    "--side", metavar="SIDE", shell_complete=completing.sides, help="Only this side of a service."
)
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(1, 10000),
    metavar="N",
    default=100,
    show_default=True,
    help="Lines per container.",
)
@click.option("--envoy", is_flag=True, help="Include Envoys and other sidecars.")
@click.option("--stopped", is_flag=True, help="Include tasks that have stopped.")
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines, until Ctrl-C.")
@with_json
@with_client
def logs(
    name: str,
    side: str | None,
    lines: int,
    envoy: bool,
    stopped: bool,
    follow: bool,
    as_json: bool,
    client: Client,
) -> None:
    """The latest log lines of NAME's applications, in its running tasks.

    NAME is a service, a virtual service, node or gateway ([MESH/]NAME), an ECS service
    ([CLUSTER/]NAME), or a task, of whose id six characters are enough. If no task runs, the one
    that stopped last is shown. With --json, each line is an object.
    """
    printed: dict[Source, list[str]] = {}
    first = True
    try:
        while True:
            found = client.get_logs(name, side, lines, not stopped, not envoy)
            if first:
                _explain(name, found, stopped)
            for line in _new_lines(found, printed):
                if as_json:
                    print_json(line, compact=True)
                else:
                    click.echo(_coloured(_text(line)))
            first = False
            if not follow:
                return
            time.sleep(FOLLOW_SECONDS)
    except KeyboardInterrupt:
        return


def _explain(name: str, found: list[wire.LogLine], stopped: bool) -> None:
    """Say on stderr what the log alone does not tell."""
    if not found:
        click.echo(f"{name} has written nothing; `teal doctor` says what is wrong", err=True)
    elif not stopped and all(line.get("stopped") for line in found):
        click.echo(f"no task of {name} runs: this is the log of the last one", err=True)


def _new_lines(lines: list[wire.LogLine], printed: dict[Source, list[str]]) -> list[wire.LogLine]:
    """The lines that have not been printed, in order of time.

    Each answer has the last lines of every container. What is new in it comes after the longest
    end of the previous answer that it begins with. ``printed`` has the previous answer by source
    and is replaced by this one.
    """
    answers: dict[Source, list[tuple[float, str]]] = {}
    lines_of: dict[Source, list[wire.LogLine]] = {}
    for line in lines:
        source = (line["task"], line["container"])
        at = line.get("at", 0.0)
        answers.setdefault(source, []).append((at, f"{at} {line['line']}"))
        lines_of.setdefault(source, []).append(line)
    new: list[tuple[float, wire.LogLine]] = []
    for source, answer in answers.items():
        start = _overlap(printed.get(source, []), [text for _, text in answer])
        new += [(at, lines_of[source][n]) for n, (at, _) in enumerate(answer) if n >= start]
        printed[source] = [text for _, text in answer]
    # Sorting is stable: without times, containers follow one another.
    return [line for _, line in sorted(new, key=lambda entry: entry[0])]


def _text(line: wire.LogLine) -> str:
    """A line with its source before it."""
    parts = (line.get("side", ""), task_name(line["task"]), line["container"])
    return f"[{' '.join(part for part in parts if part)}] {line['line']}"


def _coloured(line: str) -> str:
    """A line with its source in the colour of its side, or in one of its own. click leaves colours
    out where there is no terminal.
    """
    source, bracket, text = line.partition("] ")
    side = source[1:].partition(" ")[0]
    colour = side if side in ("blue", "green") else _COLOURS[sum(source.encode()) % len(_COLOURS)]
    return click.style(source + "]", fg=colour) + " " + text if bracket else line


def _overlap(before: list[str], now: list[str]) -> int:
    """The length of the longest end of ``before`` that ``now`` begins with."""
    for length in range(min(len(before), len(now)), 0, -1):
        if before[-length:] == now[:length]:
            return length
    return 0


COMMANDS = (logs,)
