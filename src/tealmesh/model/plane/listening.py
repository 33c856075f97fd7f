"""Where a control plane listens beyond loopback, and by which files. Pure.

A user gives all of it as options of `teal up`, which every message here names.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, fields
from pathlib import Path

from tealmesh.model.errors import TealError

_FORM = re.compile(r"\[(?P<v6>[^\]]*)\](?::(?P<p6>\d+))?|(?P<v4>[^:]*)(?::(?P<p4>\d+))?")


@dataclass(frozen=True)
class Address:
    """An IP address and a port to listen on."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def is_any(self) -> bool:
        """Whether it stands for all addresses of the machine, loopback's too."""
        return ipaddress.ip_address(self.host).is_unspecified

    @property
    def is_v6(self) -> bool:
        return ":" in self.host

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_v6 else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Listening:
    """Beside loopback."""

    api: Address | None = None
    """Of the AWS APIs and our own."""
    envoys: Address | None = None
    """Of ADS and the metrics service."""
    certificate: Path | None = None
    """PEM: the server's certificate and those between it and its authority. None for no TLS."""
    key: Path | None = None
    """PEM: the certificate's private key."""
    client_authority: Path | None = None
    """PEM: who has signed the certificates that Envoys must show at ``envoys``; None for none."""

    @property
    def encrypted(self) -> bool:
        return self.certificate is not None

    def in_words(self) -> list[str]:
        """What to tell whoever started it."""
        how = "with TLS" if self.encrypted else "without TLS"
        certified = ", certificates of Envoys are asked for" if self.client_authority else ""
        return [
            f"{what} at {at} too, {how}{more}"
            for what, at, more in (("API", self.api, ""), ("Envoys", self.envoys, certified))
            if at is not None
        ]


@dataclass(frozen=True)
class ListenOptions:
    """The options that say where a control plane listens, by their names."""

    port: int = 4566
    xds_port: int = 18000
    """Both are used on loopback, and where an address has no port."""
    listen: str = ""
    xds_listen: str = ""
    """Empty for none."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    insecure_listen: bool = False

    def listening(self) -> Listening:
        """What they say. Raises TealError, which names options."""
        api = _address(self.listen, "--listen", self.port, "--port")
        envoys = _address(self.xds_listen, "--xds-listen", self.xds_port, "--xds-port")
        self._check_files(api, envoys)
        if api is not None and api == envoys:
            raise TealError(f"--listen and --xds-listen are both {api}: choose another port")
        plain = self.tls_cert is None and not self.insecure_listen
        for option, one in (("--listen", api), ("--xds-listen", envoys)):
            if one is not None and not one.is_loopback and plain:
                raise TealError(
                    f"{option} {one}: what listens beyond loopback needs --tls-cert and --tls-key, "
                    "as anybody on the way could read and change what is sent; --insecure-listen "
                    "does without, for a network that you trust or a proxy in front"
                )
        return Listening(api, envoys, self.tls_cert, self.tls_key, self.client_ca)

    def _check_files(self, api: Address | None, envoys: Address | None) -> None:
        """Raise TealError for one that lacks another, or has nothing that it is for."""
        if (self.tls_cert is None) != (self.tls_key is None):
            has_key = self.tls_key is not None
            given, other = ("--tls-key", "--tls-cert") if has_key else ("--tls-cert", "--tls-key")
            raise TealError(f"{given} needs {other}: a certificate is good only with its key")
        beyond = {
            "--tls-cert": self.tls_cert,
            "--client-ca": self.client_ca,
            "--insecure-listen": self.insecure_listen,
        }
        what = next((option for option, value in beyond.items() if value), "")
        if what and api is None and envoys is None:
            raise TealError(
                f"{what} is for what listens beyond loopback: add --listen or --xds-listen"
            )
        if self.client_ca and (envoys is None or self.tls_cert is None):
            raise TealError(
                "--client-ca is for Envoys: it needs --xds-listen, --tls-cert and --tls-key"
            )


BEYOND = tuple(one.name for one in fields(ListenOptions) if one.name not in ("port", "xds_port"))
"""Those that say what listens beyond loopback."""


def _address(text: str, option: str, port: int, loopback: str) -> Address | None:
    if not text:
        return None
    # A bare IPv6 address has no room for a port.
    match = _FORM.fullmatch(f"[{text}]" if text.count(":") > 1 and "[" not in text else text)
    try:
        host = str(ipaddress.ip_address((match["v6"] or match["v4"] or "") if match else ""))
    except ValueError as error:
        raise TealError(
            f"{option} {text!r}: must be an IP address of this machine, with or without a port: "
            "10.0.0.5, 0.0.0.0:4567 or [::]:4567"
        ) from error
    given = (match["p6"] or match["p4"]) if match else None
    number = int(given) if given else port
    if not 0 < number < 65536:
        raise TealError(f"{option} {text!r}: the port must be from 1 to 65535")
    made = Address(host, number)
    if number == port and (made.is_any or host == "127.0.0.1"):
        raise TealError(
            f"{option} {made}: {loopback} {port} listens on 127.0.0.1 already, which this address "
            f"includes: give another port, such as {Address(host, port + 1)}"
        )
    return made
