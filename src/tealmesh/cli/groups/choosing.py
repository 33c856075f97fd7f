"""``--group`` beside SERVICE: one command for a service and for a group of services."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from tealmesh.cli import completing

F = TypeVar("F", bound=Callable[..., Any])


def or_group(handle: Callable[..., None], *, needed: bool = True) -> Callable[[F], F]:
    """Add --group. With it, ``handle`` is called in place of the command, with ``group`` and the
    command's other options. ``needed``: one of both must be given.
    """

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def chosen(*, group: str | None, service: str | None = None, **rest: Any) -> Any:
            if group is not None:
                if service is not None:
                    raise click.UsageError(f"{service} and --group {group}: give only one of them")
                return handle(group=group, **rest)
            if service is None and needed:
                raise click.UsageError("Missing argument 'SERVICE'.")
            return command(service=service, **rest)

        return cast(F, with_group(chosen))

    return decorate


def with_group(command: F) -> F:
    """Add --group, which passes a ``group`` to the command."""
    return click.option(
        "--group",
        metavar="GROUP",
        shell_complete=completing.groups,
        help="All services of this group together, as [groups] in teal.toml names them.",
    )(command)
