"""One call of an operation that is ours: from an HTTP request by the model to its HTTP response."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from botocore import xform_name

from tealmesh.apis.ecs.refused import reason
from tealmesh.aws.wire import codec
from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.aws.wire.validation import validate
from tealmesh.model.ecs import reasons
from tealmesh.model.errors import AwsError, DatabaseAway, TealError
from tealmesh.model.identity import answering
from tealmesh.model.identity.caller import Caller

log = logging.getLogger(__name__)

# Operations are found by name, so nobody can know which structure each takes and returns:
# requests are validated against the model, and outputs are checked against it when written.
Operation = Callable[[Caller, dict[str, Any]], Awaitable[dict[str, Any]]]


Permit = Callable[[Caller, str, Mapping[str, object]], Awaitable[None]]
"""Raises AwsError if the caller may not call an operation, by its name, with these parameters."""


Beside = Callable[[Response, object], Response]
"""The response with more beside it, from what was answered: an output, or an error's message."""


def nothing(response: Response, _answered: object) -> Response:
    """For callers to whom the model's members are all."""
    return response


async def all_may(caller: Caller, name: str, params: Mapping[str, object]) -> None:
    """For what has been permitted before."""


async def call(
    model: Model,
    api: object,
    request: Request,
    caller: Caller,
    permit: Permit = all_may,
    beside: Beside = nothing,
) -> Response:
    """Answer ``request`` by the method of ``api`` that is named as its operation. Never raises."""
    request_id = caller.request_id
    name = "an operation"
    cbor = codec.speaks_cbor(model, request)
    try:
        name, labels = codec.find_operation(model, request)
        if (answered := answering.current.get()) is not None:
            answered.operation = name
        operation = _method(model, api, name)
        params = codec.read_params(model, name, labels, request)
        await permit(caller, name, params)
        validate(model, name, params)
        output = await operation(caller, params)
        return beside(codec.serialize(model, name, output, request_id, cbor=cbor), output)
    except AwsError as error:
        if error.code == "AccessDenied":
            error = AwsError("AccessDeniedException", error.message)
        done = codec.serialize_error(model, error, request_id, cbor=cbor)
        return beside(done, error.message)
    except DatabaseAway as error:
        log.warning("%s %s refused: %s (request %s)", model.service, name, error, request_id)
        refused = AwsError(model.unavailable_code, str(error), status=503)
        done = codec.serialize_error(model, refused, request_id, cbor=cbor)
        return beside(done, reasons.told(str(error)))
    except TealError as error:
        log.error("%s %s failed: %s (request %s)", model.service, name, error, request_id)
        text = str(error)
    except Exception:
        log.exception("%s %s failed (request %s)", model.service, name, request_id)
        text = f"{name} failed inside Tealmesh; its log has the reason at request {request_id}"
    fault = AwsError(model.fault_code, text, status=500)
    return codec.serialize_error(model, fault, request_id, cbor=cbor)


def _method(model: Model, api: object, name: str) -> Operation:
    method = getattr(api, xform_name(name), None)
    if method is None:
        # 400 and a code that no SDK retries: a retry would fail in the same way.
        why = reason(model.service, name)
        text = f"Tealmesh does not implement {model.service} {name}"
        raise AwsError("UnknownOperationException", f"{text}: {why}" if why else text)
    operation: Operation = method
    return operation
