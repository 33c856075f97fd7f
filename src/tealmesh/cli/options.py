"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tealmesh.cli.client import Client

F = TypeVar("F", bound=Callable[..., Any])


def _client(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Client:
    return Client.from_environment(value)


def with_client(command: F) -> F:
    """Add --endpoint; the command gets a ``client``."""
    return click.option(
        "--endpoint",
        "client",
        metavar="URL",
        callback=_client,
        help="Control plane to talk to (or TEAL_ENDPOINT).",
    )(command)


def with_json(command: F) -> F:
    """Add --json; the command gets ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def default_data_dir() -> Path:
    """Where this platform keeps the state of a user's programs."""
    import platformdirs

    return Path(platformdirs.user_state_dir("tealmesh"))


def read_text(path: Path, option: str = "--config") -> str:
    """The text of ``option``'s file. Raises click.UsageError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        hint = f": name another with {option}" if isinstance(error, FileNotFoundError) else ""
        raise click.UsageError(f"{path}: {error.strerror}{hint}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{path}: is not UTF-8 text") from error
