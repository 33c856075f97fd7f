"""How an Envoy reaches a control plane by TLS: whom it trusts, and what it shows of itself.

The files are named in secret files beside the bootstrap, as Envoy watches only what secrets name: a
certificate or an authority that is renamed over the present one is used from the next connection
on. https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from tealmesh.envoy.bootstrap.environment import Json
from tealmesh.model.errors import TealError

_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
_PREFIX = "tealmesh-"
_AUTHORITY = f"{_PREFIX}authority"
_OWN = f"{_PREFIX}certificate"


@dataclass(frozen=True)
class Transport:
    """TLS of one Envoy's connection to its control plane; all paths are absolute."""

    stem: str
    """The path that the names of the secret files begin with: Envoy takes one secret a file."""
    authority: str
    """PEM: who signs the control plane's certificate."""
    server_name: str
    """The DNS name or IP address that the control plane's certificate must have."""
    certificate: str = ""
    """PEM: what the Envoy shows; empty for nothing."""
    key: str = ""

    def files(self) -> dict[str, dict[str, Json]]:
        """The secret files by path, ready for ``json.dumps``. They have no secrets themselves."""
        trusted: Json = {"trusted_ca": {"filename": self.authority}}
        made = {self._file(_AUTHORITY): _secret(_AUTHORITY, "validation_context", trusted)}
        if self.certificate:
            pair: Json = {
                "certificate_chain": {"filename": self.certificate},
                "private_key": {"filename": self.key},
            }
            made[self._file(_OWN)] = _secret(_OWN, "tls_certificate", pair)
        return made

    def socket(self) -> dict[str, Json]:
        """The transport socket of the control plane's cluster."""
        named: Json = {"san_type": self.kind, "matcher": {"exact": self.server_name}}
        common: dict[str, Json] = {
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "alpn_protocols": ["h2"],
            "combined_validation_context": {
                "default_validation_context": {"match_typed_subject_alt_names": [named]},
                "validation_context_sds_secret_config": self._source(_AUTHORITY),
            },
        }
        if self.certificate:
            common["tls_certificate_sds_secret_configs"] = [self._source(_OWN)]
        context: dict[str, Json] = {
            "@type": f"{_TLS}.UpstreamTlsContext",
            "common_tls_context": common,
        }
        if self.kind == "DNS":
            context["sni"] = self.server_name
        return {"name": "envoy.transport_sockets.tls", "typed_config": context}

    @property
    def kind(self) -> str:
        """Of the server's name, as Envoy calls it."""
        try:
            ipaddress.ip_address(self.server_name)
        except ValueError:
            return "DNS"
        return "IP_ADDRESS"

    def _file(self, name: str) -> str:
        return f"{self.stem}.{name.removeprefix(_PREFIX)}.json"

    def _source(self, name: str) -> dict[str, Json]:
        source: Json = {
            "path_config_source": {"path": self._file(name)},
            "resource_api_version": "V3",
        }
        return {"name": name, "sds_config": source}


def _secret(name: str, kind: str, value: Json) -> dict[str, Json]:
    return {"resources": [{"@type": f"{_TLS}.Secret", "name": name, kind: value}]}


def transport(
    stem: str, authority: str, server_name: str, certificate: str = "", key: str = ""
) -> Transport:
    """Raises TealError for half a pair."""
    if bool(certificate) != bool(key):
        given, other = ("--certificate", "--key") if certificate else ("--key", "--certificate")
        raise TealError(f"{given} needs {other}: a certificate is good only with its key")
    return Transport(stem, authority, server_name.strip("[]"), certificate, key)
