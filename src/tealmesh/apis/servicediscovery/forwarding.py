"""Questions about names that are not Cloud Map's, asked of this machine's own name servers."""

from __future__ import annotations

from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode

RESOLV_CONF = Path("/etc/resolv.conf")

TIMEOUT_SECONDS = 3.0
"""Allowed to each name server; resolvers themselves wait for five seconds."""


def name_servers(resolv_conf: Path) -> list[str]:
    """The name servers in the file, none if it cannot be read
    (https://man7.org/linux/man-pages/man5/resolv.conf.5.html).
    """
    try:
        text = resolv_conf.read_text()
    except OSError:
        return []
    lines = [line.split() for line in text.splitlines() if line.startswith("nameserver")]
    return [fields[1] for fields in lines if len(fields) > 1]


async def forward(query: dns.message.Message, resolv_conf: Path) -> dns.message.Message:
    """The response of the first name server that has one; SERVFAIL if none has. The file is read
    each time, since a machine may move to another network.
    """
    for server in name_servers(resolv_conf):
        try:
            response, _ = await dns.asyncquery.udp_with_fallback(query, server, TIMEOUT_SECONDS)
        except (OSError, EOFError, dns.exception.DNSException):
            continue
        return response
    failure = dns.message.make_response(query)
    failure.set_rcode(dns.rcode.SERVFAIL)
    return failure
