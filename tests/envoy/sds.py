"""A local secret service on a Unix socket, as SPIRE's agent is one: what APPMESH_SDS_SOCKET_PATH
names.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from envoy.service.discovery.v3 import discovery_pb2

from tealmesh.envoy.resources import ResourceType
from tests.support.certificates import Authority, Leaf

_SERVICE = "envoy.service.secret.v3.SecretDiscoveryService"


@dataclass
class SecretService:
    """Secrets by name; every `put` reaches those who asked for the name. ``asked`` are all names
    that were ever asked for.
    """

    path: Path
    asked: set[str] = field(default_factory=set)
    _secrets: dict[str, Any] = field(default_factory=dict)
    _changed: dict[asyncio.Event, None] = field(default_factory=dict)

    def put_certificate(self, name: str, leaf: Leaf) -> None:
        made = secret_pb2.Secret(name=name)
        made.tls_certificate.certificate_chain.inline_string = leaf.chain
        made.tls_certificate.private_key.inline_string = leaf.key
        self._put(made)

    def put_trust(self, name: str, authority: Authority) -> None:
        made = secret_pb2.Secret(name=name)
        made.validation_context.trusted_ca.inline_string = authority.pem
        self._put(made)

    def _put(self, made: Any) -> None:
        self._secrets[made.name] = made
        for event in self._changed:
            event.set()

    async def stream(self, requests: AsyncIterator[Any], context: Any) -> None:
        """One stream: Envoy opens one for each secret."""
        changed = asyncio.Event()
        self._changed[changed] = None
        names: set[str] = set()
        reader = asyncio.create_task(self._read(requests, names, changed))
        sent: dict[str, bytes] = {}
        try:
            while True:
                await changed.wait()
                changed.clear()
                known = {name: self._secrets[name] for name in names if name in self._secrets}
                fresh = {name: made.SerializeToString() for name, made in known.items()}
                if fresh and fresh != sent:
                    sent = fresh
                    response = discovery_pb2.DiscoveryResponse(
                        type_url=ResourceType.SECRET, nonce="n"
                    )
                    response.version_info = str(len(self._secrets))
                    for made in known.values():
                        response.resources.add().Pack(made)
                    await context.write(response)
        finally:
            reader.cancel()
            del self._changed[changed]

    async def _read(
        self, requests: AsyncIterator[Any], names: set[str], changed: asyncio.Event
    ) -> None:
        async for request in requests:
            names.update(request.resource_names)
            self.asked.update(request.resource_names)
            changed.set()


@contextlib.asynccontextmanager
async def secret_service(directory: Path) -> AsyncIterator[SecretService]:
    """A secret service at ``directory/sds.sock``."""
    service = SecretService(directory / "sds.sock")
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        service.stream,
        request_deserializer=discovery_pb2.DiscoveryRequest.FromString,
        response_serializer=discovery_pb2.DiscoveryResponse.SerializeToString,
    )
    handlers = grpc.method_handlers_generic_handler(_SERVICE, {"StreamSecrets": handler})
    server.add_generic_rpc_handlers((handlers,))
    server.add_insecure_port(f"unix:{service.path}")
    await server.start()
    try:
        yield service
    finally:
        await server.stop(None)
