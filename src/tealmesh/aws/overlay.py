"""A service of moto's of which some operations are ours, and the others are checked first.

Only for the query protocol, as Elastic Load Balancing speaks it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from botocore import xform_name

from tealmesh.aws.gateway import Fallback
from tealmesh.aws.signing import identify
from tealmesh.aws.wire import query
from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.aws.wire.validation import validate
from tealmesh.model.errors import AwsError, TealError
from tealmesh.model.identity.caller import Caller

log = logging.getLogger(__name__)

_READS = ("Describe", "Estimate", "Get", "List", "Validate")


class Api(Protocol):
    """What an overlay calls besides the operations that are ours, which are methods named as in
    `aws.gateway`.
    """

    async def check(self, caller: Caller, operation: str, request: Any) -> None:
        """Raise AwsError for what moto must not be asked."""
        ...

    async def changed(self, caller: Caller) -> None:
        """Called after moto has carried out an operation that may have changed something."""
        ...


class Overlay:
    """Answers for one service by ``api`` and for everything else by ``rest``."""

    def __init__(self, model: Model, api: Api, rest: Fallback) -> None:
        self._model = model
        self._api = api
        self._rest = rest

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        """Answer ``request``; never raises for what the caller did wrong."""
        operation = None
        if service == self._model.signing_name:
            operation = query.find_operation(self._model, request)
        if operation is None:
            return await self._rest.answer(request, service, request_id)
        own = getattr(self._api, xform_name(operation), None)
        if own is None and operation.startswith(_READS):
            return await self._rest.answer(request, service, request_id)
        caller = identify(request, (), request_id).caller
        try:
            params = query.read_params(self._model, operation, request)
            validate(self._model, operation, params)
            if own is not None:
                return await self._by_ours(own, operation, caller, params)
            await self._api.check(caller, operation, params)
            response = await self._rest.answer(request, service, request_id)
            if response.status < 400:
                await self._api.changed(caller)
            return response
        except AwsError as error:
            return query.serialize_error(error, request_id, self._model)
        except TealError as error:
            log.error("%s failed: %s (request %s)", operation, error, request_id)
            return _fault(str(error), request_id)
        except Exception:
            log.exception("%s failed (request %s)", operation, request_id)
            text = f"{operation} failed inside Tealmesh; its log has the reason at {request_id}"
            return _fault(text, request_id)

    async def _by_ours(
        self,
        own: Callable[[Caller, Any], Awaitable[Mapping[str, Any]]],
        operation: str,
        caller: Caller,
        params: Any,
    ) -> Response:
        output = await own(caller, params)
        return query.serialize(self._model, operation, output, caller.request_id)


def _fault(text: str, request_id: str) -> Response:
    return query.serialize_error(AwsError("InternalFailure", text, status=500), request_id)
