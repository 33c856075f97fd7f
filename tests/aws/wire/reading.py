"""Reading a request in one step."""

from __future__ import annotations

from typing import Any

from tealmesh.aws.wire import codec
from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.codec import Request


def parse(model: Model, request: Request) -> tuple[str, dict[str, Any]]:
    """The operation's name and its parameters."""
    operation, labels = codec.find_operation(model, request)
    return operation, codec.read_params(model, operation, labels, request)
