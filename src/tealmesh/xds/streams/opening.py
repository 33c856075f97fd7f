"""How a stream begins: whose it is, and whether it may be served here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import grpc
from envoy.config.core.v3 import base_pb2

from tealmesh.http2.call import OK, Call
from tealmesh.http2.serving import Context
from tealmesh.model.errors import TealError
from tealmesh.model.identity.envoys import SCHEME, Admit
from tealmesh.model.identity.presigned import is_proof
from tealmesh.xds.protocol.exchange import Request
from tealmesh.xds.streams.conversation import as_status

_LONGEST_VERSION = 40

Current: TypeAlias = Callable[[bool], Awaitable[None]]
"""Returns once an Envoy that connects now gets nothing older here than anywhere else; given whether
it holds something already. Raises Behind."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An Envoy that was let in."""

    identity: str
    given: str
    """What it has shown, and what it says of itself, as of `Admit.admit`."""
    node_id: str
    declared: str
    since: float
    call: Call | None
    """None on gRPC's own server."""


class Opening:
    """The handler of a call until its first message."""

    full = False

    def __init__(self, call: Call, opened: Callable[[bytes], None]) -> None:
        self._call = call
        self._opened = opened

    def message(self, message: bytes) -> None:
        self._opened(message)

    def half_closed(self) -> None:
        self._call.finish(OK)

    def lost(self) -> None:
        pass

    def room(self) -> None:
        pass


async def admitted_after(admit: Admit, given: str, node: base_pb2.Node) -> str:
    """The name of an Envoy; empty for none but its node."""
    try:
        return await admit.admit(given, node.id, declared(node))
    except TealError as error:
        raise as_status(error) from error


def admitted_at_once(admit: Admit, given: str, node: base_pb2.Node) -> str | None:
    """The same where nobody else has to be asked; None where somebody has to."""
    try:
        return admit.admit_at_once(given, node.id, declared(node))
    except TealError as error:
        raise as_status(error) from error


async def caught_up(
    current: Current, first: Request, context: grpc.aio.ServicerContext | Context
) -> None:
    """Raises Refused if this replica cannot serve the Envoy, which then connects elsewhere: by the
    same connection it would come back.
    """
    try:
        await current(bool(first.version or first.initial_versions))
    except TealError as error:
        if isinstance(context, Context):
            context.leave()
        raise as_status(error) from error


def asks_sts(given: str) -> bool:
    return is_proof(given.removeprefix(SCHEME))


def declared(node: base_pb2.Node) -> str:
    """The task that an Envoy says to be of."""
    return str(node.metadata.fields["tealmesh"].struct_value.fields["task"].string_value)


def version_of(node: base_pb2.Node) -> str:
    """Envoy's version in a node, such as ``1.36.2``, with what its builder adds to it; empty where
    it tells none. https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/base.proto
    """
    if not node.HasField("user_agent_build_version"):
        return str(node.user_agent_version)[:_LONGEST_VERSION]
    number = node.user_agent_build_version.version
    return f"{number.major_number}.{number.minor_number}.{number.patch}"


def token_of(node: base_pb2.Node) -> str:
    """The token in a node's metadata, in the form of the header."""
    token = node.metadata.fields["tealmesh"].struct_value.fields["token"].string_value
    return f"{SCHEME}{token}" if token else ""
