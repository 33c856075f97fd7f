"""Sends the requests of `teal load` until its end or a signal."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from tealmesh.cli.demo.load import Load
from tealmesh.cli.foreground import stop_at_signals
from tealmesh.cli.load import summary
from tealmesh.cli.load.summary import Summary
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.demo.tally import Tally

_PROGRESS_SECONDS = 1.0
_HEARTBEAT_SECONDS = 10.0
"""Between two lines of progress where they cannot be written over one another."""
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*([^\r\n\0]*)")


@dataclass(frozen=True)
class Plan:
    """What to send."""

    url: str
    rate: float
    seconds: float | None
    headers: tuple[tuple[str, str], ...]
    timeout: float
    version_header: str

    @classmethod
    def checked(
        cls,
        url: str,
        rate: float,
        seconds: float | None,
        headers: tuple[str, ...],
        timeout: float,
        version_header: str,
    ) -> Plan:
        """The plan for these options. Raises click.UsageError for a wrong one."""
        whole = url if "://" in url else f"http://{url}"
        try:
            parts = urlsplit(whole)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # A port that is no number, a bracket that is not closed.
            usable = False
        if not usable or re.search(r"[\s\x00-\x20\x7f]", whole):
            raise click.UsageError(f"{url}: must be an address such as http://127.0.0.1:9080/")
        parsed = []
        for text in headers:
            match = _HEADER.fullmatch(text)
            if match is None:
                raise click.UsageError(f"--header {text!r}: must be 'NAME: VALUE'")
            parsed.append((match[1], match[2].strip()))
        return cls(whole, rate, seconds, tuple(parsed), timeout, version_header.lower())


def run_load(plan: Plan, *, as_json: bool) -> int:
    """Send what ``plan`` says and print a summary. Returns the number of requests that failed.

    Raises TealError if nothing listens there.
    """
    _refuse_deaf(plan.url)
    counted = Summary(plan.version_header)
    started = time.monotonic()
    asyncio.run(_send(plan, counted))
    seconds = time.monotonic() - started
    if as_json:
        click.echo(json.dumps(counted.to_json(plan.url, seconds), indent=2))
    else:
        for line in summary.lines(counted, plan.url, seconds):
            click.echo(line)
    return counted.failed


async def _send(plan: Plan, counted: Summary) -> None:
    def add(tally: Tally) -> None:
        counted.add(tally.sent, tally.failures, tally.latencies)

    load = Load([(plan.url, plan.rate)], add, plan.timeout, plan.headers, counted.judge)
    stop_at_signals(load.stopping.set)  # A second one does not wait for answers.
    if plan.seconds is not None:
        asyncio.get_running_loop().call_later(plan.seconds, load.stopping.set)
    showing = asyncio.ensure_future(_show_progress(counted, plan))
    try:
        await load.run()
    finally:
        showing.cancel()
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", err=True, nl=False)


async def _show_progress(counted: Summary, plan: Plan) -> None:
    """On standard error: one line that is written over, or now and then a line."""
    started = time.monotonic()
    terminal = sys.stderr.isatty()
    if terminal:
        click.echo(f"{plan.rate:g} requests per second to {plan.url}; Ctrl-C ends it", err=True)
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS if terminal else _HEARTBEAT_SECONDS)
        line = summary.progress(counted, time.monotonic() - started)
        click.echo(f"\r\x1b[K{line[:78]}" if terminal else line, err=True, nl=not terminal)


def _refuse_deaf(url: str) -> None:
    """Raise TealError if nothing listens at ``url``."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((host, port), timeout=5).close()
    except (socket.gaierror, UnicodeError) as error:
        raise TealError(f"{url}: the name {host!r} does not resolve") from error
    except OSError as error:
        raise TealError(
            f"{url}: nothing answers at {host}:{port} ({error.strerror or error}): `teal status` "
            "shows where gateways and load balancers listen"
        ) from error
