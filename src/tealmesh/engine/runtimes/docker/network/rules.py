"""The packet filter rules of a task's namespace, which redirect its traffic through Envoy. Pure.

They are the same as those of Amazon's plugin
(https://github.com/aws/amazon-vpc-cni-plugins/tree/master/plugins/aws-appmesh), made from the
properties of ``proxyConfiguration``
(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ProxyConfiguration.html).
"""

from __future__ import annotations

from dataclasses import dataclass

from tealmesh.model.ecs.bodies import KeptDefinition

METADATA_ADDRESS = "169.254.170.2"
"""Of the task metadata endpoint and of task credentials."""
DNS_ADDRESS = "169.254.169.253"
"""Of a VPC's own name server
(https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html).
"""
_ALWAYS_IGNORED = (METADATA_ADDRESS, "169.254.169.254")


@dataclass(frozen=True)
class Redirection:
    """Which TCP connections are redirected."""

    app_ports: tuple[str, ...]
    """Incoming connections to these go to ``ingress_port``."""
    ingress_port: str
    egress_port: str
    """All outgoing connections go here, unless they are ignored."""
    ignored_uid: str = ""
    """Connections of this user, or of the group, are ignored: Envoy's own."""
    ignored_gid: str = ""
    ignored_ports: tuple[str, ...] = ()
    ignored_ips: tuple[str, ...] = ()


def redirection(definition: KeptDefinition) -> Redirection | None:
    """What the ``proxyConfiguration`` of a task definition asks for; None without one."""
    proxy = definition.get("proxyConfiguration")
    if not proxy or proxy.get("type", "APPMESH") != "APPMESH":
        return None
    values = {p.get("name", ""): p.get("value", "").strip() for p in proxy.get("properties", ())}
    return Redirection(
        app_ports=_split(values.get("AppPorts", "")),
        ingress_port=values.get("ProxyIngressPort", ""),
        egress_port=values.get("ProxyEgressPort", ""),
        ignored_uid=values.get("IgnoredUID", ""),
        ignored_gid=values.get("IgnoredGID", ""),
        ignored_ports=_split(values.get("EgressIgnoredPorts", "")),
        ignored_ips=_split(values.get("EgressIgnoredIPs", "")),
    )


def guard_text(port: int, host: str) -> str:
    """Input of ``iptables-restore --noflush``: only the task itself and this machine, whose address
    on the bridge is ``host``, may ask Envoy how it is.
    """
    match = f"-p tcp -m tcp --dport {port} ! -s {host}"
    rule = f"-A INPUT ! -i lo {match} -j REJECT --reject-with tcp-reset"
    return f"*filter\n{rule}\nCOMMIT\n"


def restore_text(wanted: Redirection) -> str:
    """Input of ``iptables-restore``, with --noflush to keep Docker's own rules in the namespace."""
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
    # IPv6 addresses would need a table of their own; tasks have no IPv6 here.
    ignored = [address for address in wanted.ignored_ips if ":" not in address]
    addresses = dict.fromkeys((*ignored, *_ALWAYS_IGNORED))
    return matches + [f"-d {address} -p tcp" for address in addresses]


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
