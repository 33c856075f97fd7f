"""Waiting until what was applied runs, and saying why it does not."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from tealmesh.cli.client import Client
from tealmesh.model.errors import TealError

_POLL = 0.1
"""Seconds."""


@dataclass(frozen=True)
class Lack:
    """A side or a gateway that lacks tasks. ``why``: what the last one that stopped by itself said,
    else where to look; ``gave_up``: no more of them are started.
    """

    who: str
    what: str
    why: str
    gave_up: bool


def lacks(status: Mapping[str, Any], names: Collection[str] | None = None) -> Iterator[Lack]:
    """What an answer of GetStatus shows to lack tasks: sides with weight and gateways, of these
    names alone where they are given.
    """
    for service in status["services"]:
        if names is not None and service["name"] not in names:
            continue
        for side in service["sides"]:
            of, pending = f"of {side['desired']} tasks of {side['side']}", side.get("pending", 0)
            short = side["healthy"] < max(side["desired"], 1)
            what = f"{side['healthy']} {of} healthy" if short else f"{pending} {of} to be replaced"
            if side["weight"] and (short or pending):
                yield _lack(f"service {service['name']}", what, side)
    for gateway in status["gateways"]:
        desired = max(gateway.get("desired", 1), 1)
        wanted = names is None or gateway["name"] in names
        if wanted and gateway["running"] < desired:
            what = f"{gateway['running']} of {desired} tasks running"
            yield _lack(f"gateway {gateway['name']}", what, gateway)


def wait_ready(client: Client, names: Collection[str], seconds: float) -> dict[str, Any]:
    """Wait until the services and gateways of these names have their tasks; the last status.

    Raises TealError when they have not in time, or as soon as ECS has given up on one.
    """
    deadline = time.monotonic() + seconds
    told = False
    while True:
        status = client.call("GetStatus")
        found = list(lacks(status, names))
        if not found:
            return status
        lost = [f"{lack.who}: {lack.what}: {lack.why}" for lack in found if lack.gave_up]
        if not lost and time.monotonic() > deadline:
            late = f"after {seconds:g} s"
            lost = [f"{lack.who}: {late} {lack.what}: {lack.why}" for lack in found]
        if lost:
            break
        if not told:
            told = True
            click.echo("waiting until every task is healthy…", err=True)
        time.sleep(_POLL)
    *others, last = lost
    for line in others:
        click.echo(f"teal: {line}", err=True)
    raise TealError(last)


def _lack(who: str, what: str, part: Mapping[str, Any]) -> Lack:
    # What an application wrote last may be several lines.
    why = " ".join(part.get("reason", "").split())
    kind, _, name = who.partition(" ")
    look = f"see `teal logs {name}`" if kind == "service" else "see `teal envoys`"
    return Lack(who, what, why or look, part.get("gaveUp", False))
