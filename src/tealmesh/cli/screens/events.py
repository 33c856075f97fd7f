"""Events that are searched, and how they are told."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire

A_PAGE = 500
_AGO = re.compile(r"(\d{1,5})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def since(text: str, now: float) -> float:
    """The time (epoch seconds) that ``30m``, ``2h`` or ``7d`` before ``now`` means, or
    ``2026-11-27`` or ``2026-11-27 09:00``, by the clock of this machine if no zone is said.
    Raises click.UsageError.
    """
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        return dt.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.UsageError(
            f'--since {text}: must be a time such as "30m", "2h", "7d" or "2026-11-27 09:00"'
        ) from None


def search(
    client: Client,
    number: int | None,
    everything: bool,
    text: str | None,
    actor: str | None,
    earliest: float | None,
) -> list[wire.Event]:
    """Those that match, newest first: at most ``number``, none before ``earliest``."""
    found: list[wire.Event] = []
    before: int | None = None
    while number is None or len(found) < number:
        most = A_PAGE if number is None else min(A_PAGE, number - len(found))
        page = client.list_events(most, everything, text, actor, before)
        late = [one for one in page if earliest is None or one["at"] >= earliest]
        found += late
        if len(page) < most or len(late) < len(page):
            break
        before = page[-1]["revision"]
    return found


def lines(newest_last: list[wire.Event], now: float) -> Iterator[str]:
    """One for each; with the day, if not all are of today."""
    today = time.localtime(now)[:3]
    old = any(time.localtime(one["at"])[:3] != today for one in newest_last)
    form = "%Y-%m-%d %H:%M:%S" if old else "%H:%M:%S"
    for one in newest_last:
        at = time.strftime(form, time.localtime(one["at"]))
        # A control plane that is older than this command has no sentence.
        told = one.get("sentence") or f"{one['actor']} {one['operation']}: {one['message']}"
        yield f"{at} {told}"
