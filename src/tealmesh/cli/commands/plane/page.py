"""`teal open` and `teal token`: the page in a browser, and who else may read it."""

from __future__ import annotations

import html
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli.mistyped import Commands
from tealmesh.cli.options import print_json, with_client, with_json

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire

_TIME = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_REDIRECT = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url={url}">
<title>Tealmesh</title></head><body><a href="{url}">Open Tealmesh</a></body></html>
"""


@click.command("open")
@click.option("--print", "only_print", is_flag=True, help="Print the address instead.")
@click.option("--read-only", is_flag=True, help="The page can only read.")
@with_json
@with_client
def open_(only_print: bool, read_only: bool, as_json: bool, client: Client) -> None:
    """Open the page of the control plane in a browser.

    The address has a code in it, which works once and for a minute. The browser is given a file
    that leads there, so that no other user of this machine sees the code among its arguments.
    """
    code = client.get_page_code(read_only)
    address = f"{client.endpoint}{code['path']}"
    if as_json:
        print_json({"url": address, "expires": code["expires"]})
        return
    if only_print or not _has_browser():
        click.echo(address)
        return
    import webbrowser

    file = _redirect(client, address)
    # A browser may say much on standard error that is none of ours.
    if webbrowser.open(file.as_uri()):
        click.echo(f"{client.endpoint}/_teal/ opens in your browser")
        click.echo("If nothing opens, `teal open --print` prints an address to open by hand.")
    else:
        click.echo(address)


def _has_browser() -> bool:
    """Whether this session has a screen, or says what shows pages."""
    return (
        any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
        or sys.platform == "darwin"
    )


def _redirect(client: Client, address: str) -> Path:
    """A file, readable by us alone, that leads to the address."""
    directory = Path(client.health().data_dir or "/nowhere")
    if not os.access(directory, os.W_OK):
        import tempfile

        directory = Path(tempfile.mkdtemp(prefix="teal-open-"))
    file = directory / "open.html"
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as written:
        written.write(_REDIRECT.format(url=html.escape(address)))
    return file


@click.group(cls=Commands)
def token() -> None:
    """Tokens for programs that use the page's API: POST /_teal/api/OPERATION and GET /_teal/stream
    (docs/stream.md). A session of the page is one as well.
    """


@token.command(short_help="Make a token; it is printed this once.")
@click.argument("label", default="")
@click.option("--read-only", is_flag=True, help="It can only read.")
@click.option(
    "--for",
    "lasts",
    metavar="TIME",
    default="12h",
    show_default=True,
    help="How long it lasts, such as 30m or 7d.",
)
@with_json
@with_client
def create(label: str, read_only: bool, lasts: str, as_json: bool, client: Client) -> None:
    """Create a token, labelled LABEL. Without --read-only it may do what you may do."""
    answer = client.create_token(label or None, read_only, _seconds(lasts))
    if as_json:
        print_json(answer)
        return
    click.echo(f"{_in_words(answer['token'])}; send it as `Authorization: Teal …`", err=True)
    click.echo(answer["secret"])


@token.command("list", short_help="The tokens and sessions that have not ended.")
@with_json
@with_client
def list_(as_json: bool, client: Client) -> None:
    """List the tokens and sessions that have not ended, the newest first."""
    tokens = client.list_tokens()
    if as_json:
        print_json(tokens)
        return
    for one in tokens:
        click.echo(_in_words(one))
    if not tokens:
        click.echo("no tokens, and no open page", err=True)


@token.command(short_help="End a token or a session at once.")
@click.argument("identity", metavar="ID")
@with_json
@with_client
def revoke(identity: str, as_json: bool, client: Client) -> None:
    """End the token or session with this ID; the beginning of it is enough."""
    ended = client.revoke_token(identity)
    if as_json:
        print_json(ended)
    else:
        click.echo(f"ended: {_in_words(ended)}")


def _in_words(one: wire.Token) -> str:
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(one["expiresAt"]))
    what = one.get("label", "the page")
    return f"{one['tokenId']}  {what}: {one['actor']}, {one['access']}, until {until}"


def _seconds(text: str) -> float:
    match = _TIME.fullmatch(text)
    if match is None:
        raise click.UsageError(f'--for {text}: must be a time such as "30m", "12h" or "7d"')
    return float(match[1]) * _UNITS[match[2]]


COMMANDS = (open_, token)
