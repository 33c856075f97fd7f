"""`teal envoy identity`: keeps a file from which an Envoy proves which role it has."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import click

from tealmesh.model.errors import TealError
from tealmesh.model.private import write_private

RENEW_SECONDS = 600.0
"""A token is good for 15 minutes."""
_RETRY_SECONDS = 10.0


@click.command(short_help="Keep a file by which an Envoy proves its role.")
@click.option(
    "--file",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file, readable only by you: `teal envoy bootstrap --identity-file` takes it.",
)
@click.option(
    "--endpoint",
    envvar="TEAL_ENDPOINT",
    default="http://127.0.0.1:4566",
    show_default=True,
    metavar="URL",
    help="The control plane's API, which says for whom tokens are made (or TEAL_ENDPOINT).",
)
@click.option(
    "--server-id",
    metavar="ID",
    help="Whom tokens are made for, where the control plane's API cannot be reached.",
)
@click.option(
    "--sts-endpoint",
    metavar="URL",
    help="URL of STS, as the control plane asks it; by default that of the control plane.",
)
@click.option(
    "--region",
    envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
    default="us-east-1",
    metavar="REGION",
    show_default=True,
    help="Region of STS (or AWS_REGION).",
)
@click.option("--once", is_flag=True, help="Write it once; the token is good for 15 minutes.")
def identity(
    path: Path,
    endpoint: str,
    server_id: str | None,
    sts_endpoint: str | None,
    region: str,
    once: bool,
) -> None:
    """Keep a file up to date by which an Envoy proves its role.

    Every 10 minutes a request to sts:GetCallerIdentity is signed with the AWS credentials found in
    the usual places (in a task: those of its role), for this control plane alone, and renamed into
    the file. Envoy uses it from its next stream on. The role's policies decide, by
    appmesh:StreamAggregatedResources, which nodes and gateways it may be.

    \b
        teal envoy identity --file me.json &
        teal envoy bootstrap --identity-file me.json -o web.json
        envoy -c web.json
    """
    where = sts_endpoint or endpoint
    told = server_id or _server_id(endpoint)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    wait = 0.0
    while not stop.wait(wait):
        try:
            write_private(path, _secret(region, told, where))
            wait = RENEW_SECONDS
        except TealError as error:
            if once:
                raise
            click.echo(f"{error}; tried again in {_RETRY_SECONDS:g} s", err=True)
            wait = _RETRY_SECONDS
        if once:
            return


def _secret(region: str, server_id: str, endpoint: str) -> str:
    """The secret file of the present token."""
    from tealmesh.envoy.bootstrap.identity import token_secret
    from tealmesh.model.identity.presigning import aws_credentials, presigned_token

    return json.dumps(token_secret(presigned_token(aws_credentials(), region, server_id, endpoint)))


def _server_id(endpoint: str) -> str:
    import urllib.request

    url = f"{endpoint.rstrip('/')}/_teal/health"
    if not url.startswith(("http://", "https://")):
        raise TealError(f"--endpoint {endpoint!r}: must be an http or https URL")
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - checked above
            found = json.load(answer)["serverId"]
    except (OSError, ValueError, KeyError) as error:
        raise TealError(
            f"{url} does not say for whom tokens are made ({error}): start the control plane, or "
            "give --server-id"
        ) from error
    return str(found)
