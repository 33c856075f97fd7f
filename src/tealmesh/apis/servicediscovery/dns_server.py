"""DNS servers on loopback for the namespaces of Cloud Map: UDP and TCP on one port.

dnspython does the wire format, EDNS and truncation. `DnsServer` refuses questions about other
names, `Resolver` forwards them. https://www.rfc-editor.org/rfc/rfc1035
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from tealmesh.apis.servicediscovery.dns_records import Record, Shuffle, answer
from tealmesh.apis.servicediscovery.forwarding import RESOLV_CONF, forward
from tealmesh.model.cloudmap import InstanceBody
from tealmesh.model.errors import TealError
from tealmesh.store import View
from tealmesh.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)

TCP_IDLE_SECONDS = 10.0
"""A TCP connection that sends nothing for so long is closed."""

PLAIN_UDP_BYTES = 512
"""The largest UDP answer to a query that sets no size by EDNS."""

_NONE: Mapping[str, str] = MappingProxyType({})

_ADDRESSES = ("A", "AAAA", "CNAME", "ANY")

_FIXED_TTL_SECONDS = 60
"""The TTL of fixed names: their addresses never change, but the names may go."""


RESOLVED_TTL_SECONDS = 1
"""How long a client of a `Resolver` may keep an answer about Cloud Map's names."""


def respond(
    wire: bytes, view: View, shuffle: Shuffle, *, udp: bool, fixed: Mapping[str, str] = _NONE
) -> bytes | None:
    """The response to a query, with ``fixed`` as in `respond_in_task`; None if ``wire`` is not one.
    Pure but for ``shuffle``.
    """
    query = _query(wire)
    if query is None:
        return None
    response = _response(query, view, shuffle, fixed)
    if response is None:
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.REFUSED)
    return _to_wire(response, query, udp)


def respond_in_task(
    wire: bytes, view: View, fixed: Mapping[str, str], *, udp: bool
) -> bytes | None:
    """The response to a task, in which the names in ``fixed`` (lower case) have these IPv4
    addresses whatever Cloud Map says. None if another server must be asked, or ``wire`` is not a
    query.
    """
    query = _query(wire)
    if query is None:
        return None
    response = _response(query, view, _shuffled, fixed)
    return _to_wire(response, query, udp) if response is not None else None


def _query(wire: bytes) -> dns.message.Message | None:
    try:
        query = dns.message.from_wire(wire)
        dns.message.make_response(query)
    except dns.exception.DNSException:
        return None
    return query


def _response(
    query: dns.message.Message, view: View, shuffle: Shuffle, fixed: Mapping[str, str] = _NONE
) -> dns.message.Message | None:
    """The response; None for a name that is neither fixed nor in a namespace."""
    response = dns.message.make_response(query)
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        response.set_rcode(dns.rcode.NOTIMP)
        return response
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    if name in fixed and kind in _ADDRESSES:
        response.flags |= dns.flags.AA
        if kind == "A":
            response.answer = _rrsets([Record(name, _FIXED_TTL_SECONDS, kind, fixed[name])])
        return response
    ours = answer(view, name, kind, shuffle)
    if not ours.zone or question.rdclass != dns.rdataclass.IN:
        # A fixed name exists here, whether or not another server knows it.
        return response if name in fixed else None
    response.flags |= dns.flags.AA
    response.answer = _rrsets(ours.records)
    response.additional = _rrsets(ours.additional)
    if not ours.records:
        # The SOA record tells how long to cache that there are none: RFC 2308.
        apex = answer(view, ours.zone, "SOA", shuffle)
        response.authority = _rrsets(apex.records)
        if not ours.exists and name not in fixed:
            response.set_rcode(dns.rcode.NXDOMAIN)
    return response


def _to_wire(response: dns.message.Message, query: dns.message.Message, udp: bool) -> bytes:
    if not udp:
        return response.to_wire()
    size = max(PLAIN_UDP_BYTES, query.payload) if query.edns >= 0 else PLAIN_UDP_BYTES
    return response.to_wire(max_size=size, prefer_truncation=True)


def _rrsets(records: Iterable[Record]) -> list[dns.rrset.RRset]:
    grouped: dict[tuple[str, str, int], list[str]] = {}
    for record in records:
        grouped.setdefault((record.name, record.kind, record.ttl), []).append(record.data)
    return [
        dns.rrset.from_text_list(f"{name}.", ttl, dns.rdataclass.IN, kind, data)
        for (name, kind, ttl), data in grouped.items()
    ]


class DnsServer:
    """Serves ``view()`` at ``host``:``port``, which the option ``set_by`` sets, and the names that
    ``fixed`` finds in it.
    """

    def __init__(
        self,
        view: Callable[[], View],
        host: str,
        port: int,
        fixed: Callable[[View], Mapping[str, str]] = lambda view: _NONE,
        *,
        set_by: str = "--dns-port",
        supervisor: Supervisor | None = None,
    ) -> None:
        self._view = view
        self._fixed = fixed
        self._address = (host, port)
        self._set_by = set_by
        self._supervisor = supervisor or Supervisor()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self) -> None:
        """Raises TealError if the port cannot be used."""
        host, port = self._address
        loop = asyncio.get_running_loop()
        try:
            self._udp, _ = await loop.create_datagram_endpoint(
                lambda: _Udp(self._respond, self._contained), local_addr=self._address
            )
            self._tcp = await asyncio.start_server(self._serve, host, port)
        except OSError as error:
            await self.close()
            text = f"port {port} of {host} cannot be used for DNS ({error.strerror})"
            raise TealError(f"{text}: choose another with {self._set_by}") from error

    async def close(self) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()

    def _contained(self) -> AbstractContextManager[None]:
        """Ends the errors of one question: whoever asked asks again."""
        host, port = self._address
        return self._supervisor.contained(f"the name server at {host}:{port}")

    async def _respond(self, wire: bytes, udp: bool) -> bytes | None:
        view = self._view()
        return respond(wire, view, _shuffled, udp=udp, fixed=self._fixed(view))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Each message follows its length in two bytes: RFC 1035 4.2.2.
        try:
            while True:
                async with asyncio.timeout(TCP_IDLE_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    wire = await reader.readexactly(length)
                response = None
                with self._contained():
                    response = await self._respond(wire, udp=False)
                if response is None:
                    return
                writer.write(struct.pack("!H", len(response)) + response)
                await writer.drain()
        except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            return
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


class Resolver(DnsServer):
    """Also answers other names: asks the name servers in ``resolv_conf``.

    Answers about our own names are good for `RESOLVED_TTL_SECONDS` at most, so that clients which
    keep to the TTL, as Envoy does, follow registrations.
    """

    def __init__(
        self,
        view: Callable[[], View],
        host: str,
        port: int,
        fixed: Callable[[View], Mapping[str, str]] = lambda view: _NONE,
        *,
        set_by: str,
        supervisor: Supervisor | None = None,
        resolv_conf: Path = RESOLV_CONF,
    ) -> None:
        super().__init__(view, host, port, fixed, set_by=set_by, supervisor=supervisor)
        self._resolv_conf = resolv_conf

    async def _respond(self, wire: bytes, udp: bool) -> bytes | None:
        query = _query(wire)
        if query is None:
            return None
        view = self._view()
        response = _response(query, view, _shuffled, self._fixed(view))
        if response is None:
            response = await forward(query, self._resolv_conf)
        else:
            for rrset in (*response.answer, *response.additional, *response.authority):
                rrset.ttl = min(rrset.ttl, RESOLVED_TTL_SECONDS)
        return _to_wire(response, query, udp)


class _Udp(asyncio.DatagramProtocol):
    def __init__(
        self,
        respond: Callable[[bytes, bool], Awaitable[bytes | None]],
        contained: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._respond = respond
        self._contained = contained
        self._transport: asyncio.DatagramTransport | None = None
        self._jobs: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's selector transport is one without being a subclass.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        job = asyncio.create_task(self._answer(data, addr))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        for job in self._jobs:
            job.cancel()

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        with self._contained():
            response = await self._respond(data, True)
            if response is not None and self._transport is not None:
                self._transport.sendto(response, addr)


def _shuffled(items: Sequence[InstanceBody]) -> list[InstanceBody]:
    return random.sample(items, len(items))
