"""The hosts file of a task: names of virtual services and of private namespaces. Pure.

A file rather than a name server: it goes on answering while the control plane is down, and all
resolvers that ask getaddrinfo(3) read it. In a task whose traffic is taken, a virtual service's
name needs an address only so that a connection is opened, which Envoy then takes and sends by the
name in the request: it gets one that belongs to nobody and never changes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

VIRTUAL_ADDRESS = "198.18.0.1"
"""Of the block for benchmarks (RFC 2544, RFC 6890): routed to the default gateway, used nowhere."""

_MARGIN = 4096


def hosts_text(
    own: Sequence[str], address: str, virtual: Iterable[str], instances: Mapping[str, Sequence[str]]
) -> str:
    """``own`` names of this task with its ``address``, then those of virtual services, then
    those of Cloud Map services with their ``instances``. Virtual services come first and sorted, so
    that what an application depends upon does not move while instances come and go.
    """
    names = sorted({name for name in virtual if _is_name(name)})
    lines = ["127.0.0.1 localhost", f"{address} {' '.join(own)}"]
    lines += [f"{VIRTUAL_ADDRESS} {name}" for name in names]
    lines += [
        f"{one} {name}"
        for name, addresses in sorted(instances.items())
        if name not in names
        for one in sorted(addresses)
    ]
    return "\n".join(lines) + "\n"


def padded(text: str, least: int) -> bytes:
    """The text with empty lines after it, to a whole multiple of 4 KiB and at least ``least``
    bytes: a file that is overwritten in place and never gets shorter is never seen cut off.
    """
    size = max(least, -(-(len(text) + 1) // _MARGIN) * _MARGIN)
    return text.encode().ljust(size, b"\n")


def _is_name(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and not any(c.isspace() or c in "#*/" for c in name)
    return False
