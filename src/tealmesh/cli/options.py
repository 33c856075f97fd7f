"""Options that several commands share."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tealmesh.model.errors import NoControlPlane, TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_FILE = click.Path(dir_okay=False, path_type=Path, resolve_path=True)


def _client(
    context: click.Context, _parameter: click.Parameter, value: str | None
) -> Client | str | None:
    if context.resilient_parsing:
        return value  # A shell completes words, and may not need a client: importing it takes time.
    from tealmesh.cli.client import Client

    client = Client.from_environment(value)
    client.announces = True
    return client


def with_client(command: F) -> F:
    """Add --endpoint, which passes a ``client`` to the command."""
    return click.option(
        "--endpoint",
        "client",
        metavar="URL",
        callback=_client,
        help="Address of the control plane (or TEAL_ENDPOINT).",
    )(command)


def with_json(command: F) -> F:
    """Add --json, which passes ``as_json`` to the command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(value: object, *, compact: bool = False) -> None:
    """Print a value as JSON: over several lines, or ``compact`` in one."""
    click.echo(json.dumps(value, indent=None if compact else 2))


def config_option(explanation: str) -> Callable[[F], F]:
    """Add --config, which passes the path of a teal.toml as ``config_file``."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(dir_okay=False, path_type=Path),
        default=Path("teal.toml"),
        show_default=True,
        metavar="FILE",
        help=explanation,
    )


class Number(click.FloatRange):
    """A number in a range, which NaN and infinity are not."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def data_dir_option(explanation: str) -> Callable[[F], F]:
    """Add --data-dir, which passes the path of a directory, or None, as ``data_dir``."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help=explanation,
    )


def directory_of(client: Client, data_dir: Path | None) -> Path:
    """The data directory that is meant: ``data_dir``, or else that of the control plane that
    answers, or else that of `teal up`. Raises TealError if one answers that is not of this user of
    this machine: another's directory is not meant.
    """
    if data_dir is not None:
        return data_dir.absolute()
    try:
        used = client.health().data_dir
    except NoControlPlane:
        return default_data_dir().absolute()
    if not used:
        raise TealError(
            f"the control plane at {client.endpoint} does not say where its data directory is: run "
            "this where it runs, and give --data-dir"
        )
    return Path(used).absolute()


def existing(directory: Path) -> Path:
    """A data directory that is there. Raises TealError if it is not."""
    if not directory.is_dir():
        raise TealError(f"{directory}: no control plane has used it: choose another --data-dir")
    return directory


def each_once(what: str, pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """What is given by name. Raises UsageError for a name that is given twice: nobody knows which
    of both is meant.
    """
    given: dict[str, T] = {}
    for name, value in pairs:
        if name in given:
            raise click.UsageError(f"{what} of {name} is given twice, {given[name]} and {value}")
        given[name] = value
    return given


def port_option(name: str, explanation: str, default: int | None = None) -> Callable[[F], F]:
    """Add the option of a port; without a ``default`` it may be left out."""
    return click.option(
        name,
        type=click.IntRange(1, 65535),
        metavar="N",
        default=default,
        show_default=True,
        help=explanation,
    )


def is_endpoint(value: str) -> bool:
    """Whether it is an https URL without a path; http on loopback alone, where nobody is on the
    way.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(value)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    known = parts.scheme == "https" or (parts.scheme == "http" and local)
    return bool(known and parts.netloc and parts.path in ("", "/") and not parts.query)


def check_oidc(file: Path | None, *, listens: bool) -> None:
    """Raise click.UsageError for ``--oidc`` where nothing ``listens`` beyond loopback, and
    TealError for a file that is wrong.
    """
    if file is None:
        return
    from tealmesh.model.identity.oidc import load

    if not listens:
        raise click.UsageError("--oidc is for a proxy that connects to --listen: add that")
    load(file)


def with_keeping(command: F) -> F:
    """Add the options of every control plane for what it keeps, and for how long."""
    for add in reversed(
        (
            click.option(
                "--route-grace",
                type=Number(0, 3600),
                default=5.0,
                show_default=True,
                metavar="SECONDS",
                help="How long to keep serving a router's last route after its deletion; 0 to not "
                "keep it.",
            ),
            click.option(
                "--keep-events",
                type=click.IntRange(1000),
                metavar="N",
                default=200_000,
                show_default=True,
                help="How many entries of `teal events` to keep.",
            ),
            click.option(
                "--keep-deployments",
                type=click.IntRange(10),
                metavar="N",
                default=500,
                show_default=True,
                help="How many deployments of each service to keep, with journal and evidence.",
            ),
        )
    ):
        command = add(command)
    return command


def _sts(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value and not is_endpoint(value):
        raise click.UsageError(
            f"--sts-endpoint {value!r}: must be a URL such as https://sts.eu-central-1.amazonaws.com"
        )
    return value.rstrip("/")


def with_listening(command: F) -> F:
    """Add those of `teal up` for what listens beyond loopback, as `UpOptions` names them."""
    for add in reversed(
        (
            click.option(
                "--listen",
                default="",
                metavar="ADDRESS[:PORT]",
                help="Accept API calls at this address too, besides 127.0.0.1; they must be"
                " signed.",
            ),
            click.option(
                "--xds-listen",
                default="",
                metavar="ADDRESS[:PORT]",
                help="Let Envoys connect to this address too, besides 127.0.0.1.",
            ),
            click.option(
                "--tls-cert",
                type=_FILE,
                help="PEM file with the certificate for --listen and --xds-listen; read again when "
                "it changes.",
            ),
            click.option("--tls-key", type=_FILE, help="PEM file with the certificate's key."),
            click.option(
                "--client-ca",
                type=_FILE,
                help="PEM file with the authority that signs Envoys' certificates: --xds-listen "
                "then asks for one.",
            ),
            click.option(
                "--sts-endpoint",
                default="",
                metavar="URL",
                callback=_sts,
                help="The STS that verifies IAM roles for `teal credentials --exchange`:"
                " https://sts.REGION.amazonaws.com.",
            ),
            click.option(
                "--oidc",
                type=_FILE,
                help="JSON file that names the load balancer or proxy that authenticates people"
                " at --listen (OpenID Connect), and who of them has access; read again when"
                " it changes.",
            ),
            click.option(
                "--insecure-listen",
                is_flag=True,
                help="Listen beyond loopback without TLS.",
            ),
        )
    ):
        command = add(command)
    return command


def default_data_dir() -> Path:
    """The directory where this platform keeps the state of a user's programs."""
    import platformdirs

    return Path(platformdirs.user_state_dir("tealmesh"))


MOST_BYTES = 1 << 24
"""Of a file that a person writes, such as teal.toml."""


def read_text(path: Path, option: str = "--config") -> str:
    """The text of the file that ``option`` names, without a byte order mark. Raises
    click.UsageError if it cannot be read, is no text, or is far too large.
    """
    data = read_bytes(path, option)
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise click.UsageError(f"{path}: not UTF-8 text (line {line})") from error


def read_bytes(path: Path, option: str, most: int = MOST_BYTES) -> bytes:
    """What is in the file that ``option`` names. Raises click.UsageError if it cannot be read or
    has more than ``most`` bytes, as a device without an end has.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        hint = ""
        if isinstance(error, FileNotFoundError):
            begin = ", or begin with `teal init`" if path == Path("teal.toml") else ""
            hint = f": choose another file with {option}{begin}"
        raise click.UsageError(f"{path}: {error.strerror}{hint}") from error
    except ValueError as error:  # a null character in its name
        raise click.UsageError(f"{path}: {error}") from error
    if len(data) > most:
        raise click.UsageError(f"{path}: larger than {most >> 20} MiB, which no such file is")
    return data
