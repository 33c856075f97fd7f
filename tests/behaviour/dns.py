"""A name server for one test process: A and AAAA records from a table (RFC 1035)."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import Mapping, Sequence
from typing import Any

A, AAAA = 1, 28


class NameServer(asyncio.DatagramProtocol):
    """Answers from ``records`` (host name -> addresses); other names do not exist."""

    def __init__(self, records: Mapping[str, Sequence[str]]) -> None:
        self._records = records

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        (asked,) = struct.unpack("!H", data[at + 1 : at + 3])
        name = ".".join(labels).lower()
        version = {A: 4, AAAA: 6}.get(asked)
        addresses = [ipaddress.ip_address(one) for one in self._records.get(name, ())]
        answers = [one.packed for one in addresses if one.version == version]
        code = 0 if name in self._records else 3
        head = data[:2] + struct.pack("!HHHHH", 0x8400 | code, 1, len(answers), 0, 0)
        body = b"".join(
            struct.pack("!HHHIH", 0xC00C, asked, 1, 1, len(one)) + one for one in answers
        )
        self._transport.sendto(head + data[12 : at + 5] + body, addr)
