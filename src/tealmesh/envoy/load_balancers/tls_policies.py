"""TLS of a load balancer: at its listeners, and towards its targets."""

from __future__ import annotations

import re

from envoy.config.core.v3 import base_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2

from tealmesh.envoy import tls
from tealmesh.envoy.load_balancers.rules import attribute
from tealmesh.envoy.protos import packed
from tealmesh.envoy.tls import Secret
from tealmesh.model.load_balancers import ListenerBody, LoadBalancerBody, TargetGroupBody

_SOCKET = "envoy.transport_sockets.tls"
_ALPN = {
    "HTTP1Only": ("http/1.1",),
    "HTTP2Only": ("h2",),
    "HTTP2Optional": ("http/1.1", "h2"),
    "HTTP2Preferred": ("h2", "http/1.1"),
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/network/create-tls-listener.html#alpn-policies"""

_OLD_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES128-SHA",
)
"""TLS 1.0 and 1.1 need those that end in SHA, and Envoy's default has none of them."""


def certificates(listener: ListenerBody) -> list[Secret]:
    """The secrets of a listener's certificates, the default one first."""
    return [Secret("certificate", "acm", (arn,)) for arn in dict.fromkeys(listener["Certificates"])]


def versions(policy: str) -> tuple[int, int]:
    """The lowest and highest minor version of TLS 1 that a security policy allows.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
    """
    named = re.search(r"(TLS13|TLS|FS)-1-(\d)", policy)
    if named:
        return int(named[2]), 3 if named[1] == "TLS13" else 2
    return 0, 2


def listener_socket(
    load_balancer: LoadBalancerBody, listener: ListenerBody
) -> base_pb2.TransportSocket:
    """TLS at an HTTPS or TLS listener: the certificate whose name the client asks for, else the
    default one.
    """
    context = tls_pb2.DownstreamTlsContext()
    common = context.common_tls_context
    common.alpn_protocols.extend(_alpn(load_balancer, listener))
    for secret in certificates(listener):
        common.tls_certificate_sds_secret_configs.append(tls.sds_config(secret))
    low, high = versions(listener.get("SslPolicy", ""))
    # The values of TlsProtocol are 1 for TLS 1.0 to 4 for TLS 1.3.
    common.tls_params.tls_minimum_protocol_version = low + 1
    common.tls_params.tls_maximum_protocol_version = high + 1
    if low < 2:
        common.tls_params.cipher_suites.extend(_OLD_CIPHERS)
    return base_pb2.TransportSocket(name=_SOCKET, typed_config=packed(context))


def target_socket(alpn: tuple[str, ...] = ()) -> base_pb2.TransportSocket:
    """TLS towards a target, whose certificate is not checked:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-routing-configuration
    """
    context = tls_pb2.UpstreamTlsContext()
    context.common_tls_context.alpn_protocols.extend(alpn)
    return base_pb2.TransportSocket(name=_SOCKET, typed_config=packed(context))


def encrypts(group: TargetGroupBody) -> bool:
    """Whether targets are sent TLS."""
    return group["Protocol"] in ("HTTPS", "TLS")


def _alpn(load_balancer: LoadBalancerBody, listener: ListenerBody) -> tuple[str, ...]:
    if listener["Protocol"] == "TLS":
        return _ALPN.get(listener.get("AlpnPolicy", "None"), ())
    http2 = {"routing.http2.enabled": "true", **load_balancer["Attributes"]}
    return ("h2", "http/1.1") if attribute(http2, "routing.http2.enabled") else ("http/1.1",)
