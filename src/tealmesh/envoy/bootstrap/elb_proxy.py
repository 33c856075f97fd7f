"""The bootstrap of a virtual gateway that AWS runs, on ELB for Envoy (docs/elb-for-envoy.md).

Only fields that AWS takes are in it (`elb_fields`), so what a gateway of ours has besides is left
out: it reports no statistics, sends no traces, and has no settings of Envoy's runtime. Who asks for
these is refused. It proves who it is by a client certificate, which is a file of the archive.
"""

from __future__ import annotations

from dataclasses import dataclass

from tealmesh.envoy.bootstrap.bootstrap import bootstrap
from tealmesh.envoy.bootstrap.elb_fields import ACCEPTED, READ_ON
from tealmesh.envoy.bootstrap.environment import Environment, Json
from tealmesh.envoy.bootstrap.transport import Transport
from tealmesh.model.errors import TealError

AUTHORITY, CERTIFICATE, KEY = "authority.pem", "certificate.pem", "key.pem"
"""The files of the archive."""

_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"

UNKEPT = {
    "APPMESH_SDS_SOCKET_PATH": "no secret service runs beside such a proxy",
    "ENABLE_ENVOY_DATADOG_TRACING": "tracing",
    "ENABLE_ENVOY_DOG_STATSD": "stats_sinks",
    "ENABLE_ENVOY_JAEGER_TRACING": "tracing",
    "ENABLE_ENVOY_STATS_TAGS": "stats_config",
    "ENABLE_ENVOY_XRAY_TRACING": "tracing",
    "ENVOY_ADMIN_ACCESS_ENABLE_IPV6": "admin",
    "ENVOY_ADMIN_ACCESS_LOG_FILE": "admin",
    "ENVOY_ADMIN_ACCESS_PORT": "admin",
    "ENVOY_STATS_CONFIG_FILE": "stats_config",
    "ENVOY_STATS_FLUSH_INTERVAL": "stats_flush_interval",
    "ENVOY_STATS_SINKS_CFG_FILE": "stats_sinks",
    "ENVOY_TRACING_CFG_FILE": "tracing",
    "MAX_REQUESTS_PER_IO_CYCLE": "layered_runtime",
}
"""Variables, and the field of the bootstrap that each would need, or why it is in vain."""


def elb_bootstrap(
    environment: Environment,
    gateway: str,
    *,
    xds_address: tuple[str, int],
    server_name: str,
    archive: str,
    delta: bool = True,
) -> dict[str, Json]:
    """The bootstrap of ``gateway``, MESH/NAME, whose control plane has a certificate for
    ``server_name``. ``archive`` is where the proxy has the files of its archive, an absolute path.
    Raises TealError for what cannot be kept.
    """
    mesh, _, name = gateway.partition("/")
    if not mesh or not name or "/" in name:
        raise TealError(f"--virtual-gateway {gateway!r}: must be MESH/GATEWAY")
    if not archive.startswith("/"):
        raise TealError(f"--archive-root {archive!r}: must be an absolute path")
    for variable, field in UNKEPT.items():
        if environment.get(variable):
            raise TealError(
                f"{variable} cannot be kept on ELB for Envoy: {_why(field)}; unset it, or run the "
                "gateway on ECS"
            )
    named = {**environment, "APPMESH_RESOURCE_ARN": f"mesh/{mesh}/virtualGateway/{name}"}
    whole = bootstrap(
        named,
        xds_address=xds_address,
        delta=delta,
        # With a clock of its own it asks its admin interface for nothing.
        stats_flush_seconds=1.0,
        transport=_FromArchive("", "", server_name, root=archive.rstrip("/")),
    )
    return {field: whole[field] for field in ACCEPTED}


def _why(field: str) -> str:
    if " " in field:
        return field
    return f"it needs the bootstrap's {field}, which is not known to be accepted ({READ_ON})"


@dataclass(frozen=True)
class _FromArchive(Transport):
    """TLS by files that the configuration names itself: nothing renews them there."""

    root: str = ""

    def socket(self) -> dict[str, Json]:
        name = self.server_name
        pair: Json = {
            "certificate_chain": {"filename": f"{self.root}/{CERTIFICATE}"},
            "private_key": {"filename": f"{self.root}/{KEY}"},
        }
        match: Json = {"san_type": self.kind, "matcher": {"exact": name}}
        trusted: Json = {
            "trusted_ca": {"filename": f"{self.root}/{AUTHORITY}"},
            "match_typed_subject_alt_names": [match],
        }
        context: dict[str, Json] = {
            "@type": _TLS,
            "common_tls_context": {
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "alpn_protocols": ["h2"],
                "tls_certificates": [pair],
                "validation_context": trusted,
            },
        }
        if self.kind == "DNS":
            context["sni"] = name
        return {"name": "envoy.transport_sockets.tls", "typed_config": context}
