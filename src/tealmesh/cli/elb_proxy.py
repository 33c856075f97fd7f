"""What `teal envoy bootstrap --for elb-proxy` writes: a configuration file and an archive."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import click

from tealmesh.cli.options import read_text
from tealmesh.model.errors import TealError
from tealmesh.model.private import write_private


def write(
    gateway: str,
    xds: tuple[str, int],
    server_name: str,
    files: tuple[Path | None, Path | None, Path | None],
    archive: str | None,
    directory: Path | None,
    *,
    delta: bool,
) -> None:
    """Write ``bootstrap.yaml`` and ``archive.zip`` for a gateway; ``files`` are the authority, the
    certificate and its key. Raises TealError for what cannot be kept, or is missing.
    """
    from tealmesh.envoy.bootstrap import elb_fields, elb_proxy

    names = ("--ca", "--certificate", "--key", "--archive-root", "--output")
    given = (*files, archive, directory)
    missing = [name for name, value in zip(names, given, strict=True) if value is None]
    if missing or archive is None or directory is None:
        raise click.UsageError(f"--for elb-proxy needs {', '.join(missing)}")
    named = (elb_proxy.AUTHORITY, elb_proxy.CERTIFICATE, elb_proxy.KEY)
    texts = {
        name: read_text(path, option)
        for name, path, option in zip(named, files, names, strict=False)
        if path is not None
    }
    made = elb_proxy.elb_bootstrap(
        os.environ, gateway, xds_address=xds, server_name=server_name, archive=archive, delta=delta
    )
    ends = _ends(texts[elb_proxy.CERTIFICATE], gateway)
    # JSON is YAML.
    text = json.dumps(made, indent=2)
    packed = _packed(texts)
    for what, size, most in (
        ("bootstrap.yaml", len(text.encode()), elb_fields.LARGEST_FILE),
        ("archive.zip", len(packed), elb_fields.LARGEST_ARCHIVE),
    ):
        if size > most:
            raise TealError(f"{what} has {size:,} bytes: ELB for Envoy takes {most:,}")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(directory / "bootstrap.yaml", f"{text}\n")
    path = directory / "archive.zip"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(packed)
    click.echo(f"wrote {directory / 'bootstrap.yaml'} and {path}, for Envoy {elb_fields.VERSION}")
    click.echo(f"the gateway's certificate ends on {ends}: update the proxy before", err=True)
    click.echo(
        f"fields that AWS accepts were read on {elb_fields.READ_ON}: compare with its guide",
        err=True,
    )


def _packed(texts: Mapping[str, str]) -> bytes:
    """An archive of the files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in texts.items():
            written.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def _ends(pem: str, gateway: str) -> str:
    """When the certificate ends. Raises TealError for what is none; says if its name is not the
    gateway's.
    """
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificate(pem.encode())
        uris = [
            one
            for extension in found.extensions
            if isinstance(extension.value, x509.SubjectAlternativeName)
            for one in extension.value.get_values_for_type(x509.UniformResourceIdentifier)
        ]
    except ValueError as error:
        raise TealError(f"--certificate: holds no certificate: {error}") from error
    mesh, _, name = gateway.partition("/")
    if not any(uri.endswith(f"/mesh/{mesh}/virtualGateway/{name}") for uri in uris):
        click.echo(
            f"the certificate's URI ({', '.join(uris) or 'none'}) is not that of the gateway: "
            f"`teal envoy allow URI mesh/{mesh}/virtualGateway/{name}` lets it be one",
            err=True,
        )
    return found.not_valid_after_utc.strftime("%Y-%m-%d")
