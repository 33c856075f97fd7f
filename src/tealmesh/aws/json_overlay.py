"""A service of which some requests are ours, by what they are about, and the others moto's.

For the JSON protocols: Application Auto Scaling is ours for services of ECS, and moto's for all
else. An operation on ours that is not implemented is refused by name.
"""

from __future__ import annotations

from typing import Any, Protocol

from tealmesh.aws.calls import call
from tealmesh.aws.gateway import Fallback
from tealmesh.aws.signing import identify
from tealmesh.aws.wire import codec
from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.errors import AwsError


class Api(Protocol):
    """What an overlay calls besides the operations, which are methods named as in `aws.calls`."""

    def is_ours(self, operation: str, request: Any) -> bool:
        """Whether a request, not yet validated, is about something of ours."""
        ...


class JsonOverlay:
    """Answers for one service by ``api``, as far as it is ours, and for everything else by
    ``rest``.
    """

    def __init__(self, model: Model, api: Api, rest: Fallback) -> None:
        self._model = model
        self._api = api
        self._rest = rest

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        """Answer ``request``; never raises for what the caller did wrong."""
        if service != self._model.signing_name or not self._is_ours(request):
            return await self._rest.answer(request, service, request_id)
        caller = identify(request, (), request_id).caller
        return await call(self._model, self._api, request, caller)

    def _is_ours(self, request: Request) -> bool:
        try:
            name, labels = codec.find_operation(self._model, request)
            params = codec.read_params(self._model, name, labels, request)
        except AwsError:
            return True  # it is refused in the same way whatever it is about
        return self._api.is_ours(name, params)
