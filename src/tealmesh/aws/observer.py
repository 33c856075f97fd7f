"""Tells who calls moto's operations that concern us, after they have succeeded. Nobody is told of
our own calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from tealmesh.aws.gateway import Fallback
from tealmesh.aws.moto.journal import operation
from tealmesh.aws.signing import identify
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.identity.caller import OURSELVES

Told = Callable[[str], Awaitable[None]]
"""Called with the region, before the caller is answered."""


class Observer:
    """Passes everything on to ``rest``."""

    def __init__(
        self, service: str, operations: Collection[str], told: Told, rest: Fallback
    ) -> None:
        """``service``: the signing name."""
        self._service = service
        self._operations = operations
        self._told = told
        self._rest = rest

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        """Answer ``request`` as ``rest`` does."""
        response = await self._rest.answer(request, service, request_id)
        if service == self._service and response.status < 400:
            identity = identify(request, (), request_id)
            if identity.access_key != OURSELVES and operation(request) in self._operations:
                await self._told(identity.caller.region)
        return response
