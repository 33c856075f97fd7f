"""Which traffic of a task goes through Envoy: the packet filter rules of its namespace. Pure.

They are those of Amazon's own plugin
(https://github.com/aws/amazon-vpc-cni-plugins/tree/master/plugins/aws-appmesh), by the properties
of ``proxyConfiguration`` (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ProxyConfiguration.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

METADATA_ADDRESS = "169.254.170.2"
DNS_ADDRESS = "169.254.169.253"
"""Where a VPC has its own name server
(https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html).
"""
_ALWAYS_IGNORED = (METADATA_ADDRESS, "169.254.169.254")


@dataclass(frozen=True)
class Redirection:
    """``app_ports`` come in through ``ingress_port`` and all TCP goes out through
    ``egress_port``, except what the user or group with an ignored id sends (Envoy itself) and
    what goes to an ignored port or address.
    """

    app_ports: tuple[str, ...]
    ingress_port: str
    egress_port: str
    ignored_uid: str = ""
    ignored_gid: str = ""
    ignored_ports: tuple[str, ...] = ()
    ignored_ips: tuple[str, ...] = ()


def redirection(definition: Mapping[str, Any]) -> Redirection | None:
    """What a task definition's ``proxyConfiguration`` asks for; None without one."""
    proxy = definition.get("proxyConfiguration")
    if not proxy or proxy.get("type", "APPMESH") != "APPMESH":
        return None
    found = {p.get("name", ""): p.get("value", "").strip() for p in proxy.get("properties", ())}
    return Redirection(
        app_ports=_split(found.get("AppPorts", "")),
        ingress_port=found.get("ProxyIngressPort", ""),
        egress_port=found.get("ProxyEgressPort", ""),
        ignored_uid=found.get("IgnoredUID", ""),
        ignored_gid=found.get("IgnoredGID", ""),
        ignored_ports=_split(found.get("EgressIgnoredPorts", "")),
        ignored_ips=_split(found.get("EgressIgnoredIPs", "")),
    )


def guard_text(port: int, host: str) -> str:
    """Input of ``iptables-restore --noflush``: Envoy's admin interface, which can end it, is for
    the task itself and for this machine, whose address on the bridge is ``host``.
    """
    match = f"-p tcp -m tcp --dport {port} ! -s {host}"
    rule = f"-A INPUT ! -i lo {match} -j REJECT --reject-with tcp-reset"
    return f"*filter\n{rule}\nCOMMIT\n"


def restore_text(wanted: Redirection) -> str:
    """Input of ``iptables-restore --noflush``: Docker has rules of its own in the namespace."""
    lines = ["*nat"]
    if wanted.ingress_port:
        lines += [":APPMESH_INGRESS - [0:0]"]
        lines += [
            f"-A APPMESH_INGRESS -p tcp -m tcp --dport {port} "
            f"-j REDIRECT --to-ports {wanted.ingress_port}"
            for port in wanted.app_ports
        ]
        lines += ["-A PREROUTING -p tcp -m addrtype ! --src-type LOCAL -j APPMESH_INGRESS"]
    if wanted.egress_port:
        lines += [":APPMESH_EGRESS - [0:0]"]
        lines += [f"-A APPMESH_EGRESS {match} -j RETURN" for match in _ignored(wanted)]
        lines += [f"-A APPMESH_EGRESS -p tcp -j REDIRECT --to-ports {wanted.egress_port}"]
        lines += ["-A OUTPUT -p tcp -m addrtype ! --dst-type LOCAL -j APPMESH_EGRESS"]
    return "\n".join([*lines, "COMMIT", ""])


def _ignored(wanted: Redirection) -> list[str]:
    matches = []
    if wanted.ignored_uid:
        matches.append(f"-m owner --uid-owner {wanted.ignored_uid}")
    if wanted.ignored_gid:
        matches.append(f"-m owner --gid-owner {wanted.ignored_gid}")
    matches += [f"-p tcp -m tcp --dport {port}" for port in wanted.ignored_ports]
    # Those of IPv6 are for a table of their own; there is no IPv6 in tasks here.
    ignored = [address for address in wanted.ignored_ips if ":" not in address]
    addresses = dict.fromkeys((*ignored, *_ALWAYS_IGNORED))
    return matches + [f"-d {address} -p tcp" for address in addresses]


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
