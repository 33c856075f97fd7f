"""The text of a task's hosts file: names of virtual services and of private namespaces. Pure.

The file works while the control plane is down, and everything that uses getaddrinfo(3) reads it. In
a task whose traffic is redirected, a virtual service's name needs an address only for a connection
to be opened; Envoy takes the connection and routes by the name in the request. So all virtual
services get one address that belongs to nobody and never changes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

VIRTUAL_ADDRESS = "198.18.0.1"
"""Of the block for benchmarks (RFC 2544, RFC 6890): routed to the default gateway, used nowhere."""

_BLOCK_BYTES = 4096


def hosts_text(
    own: Sequence[str], address: str, virtual: Iterable[str], instances: Mapping[str, Sequence[str]]
) -> str:
    """The task's ``own`` names with its ``address``, the ``virtual`` services, and Cloud Map
    services with the addresses of their ``instances``. Virtual services come first and are sorted,
    so that they stay in place while instances come and go.
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
    """The text, filled up with empty lines to a multiple of 4 KiB and to ``least`` bytes at least:
    a file that is overwritten in place and never shortened is never read half.
    """
    size = max(least, -(-(len(text) + 1) // _BLOCK_BYTES) * _BLOCK_BYTES)
    return text.encode().ljust(size, b"\n")


def _is_name(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and not any(c.isspace() or c in "#*/" for c in name)
    return False
