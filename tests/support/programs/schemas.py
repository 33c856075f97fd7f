"""A relay between Terraform and a provider that is running: every message goes on as it is, and of
the provider's schemas those of our services, and those that files of this repository name.

Terraform reads the schemas of all resources in each command, and in each ``run`` of
`terraform test`; the AWS provider has some thousand. That takes most of a short command's time.

https://github.com/hashicorp/terraform/blob/main/docs/plugin-protocol/tfplugin5.proto
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tests.support.machine import REPOSITORY

OURS = ("aws_appmesh_", "aws_ecs_", "aws_service_discovery_")
SCHEMAS = "/tfplugin5.Provider/GetSchema"
_STREAMS = ("/plugin.GRPCBroker/", "/plugin.GRPCStdio/")
"""Of go-plugin, which each use of a provider holds open."""
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_CALLS = 64
"""At once."""


@contextmanager
def relaying(address: str, place: Path) -> Iterator[str]:
    """Relay to the provider at a Unix socket; yields the address of another one, in ``place``."""
    with (
        grpc.insecure_channel(
            f"unix:{address}", options=[*_OPTIONS, ("grpc.default_authority", "localhost")]
        ) as channel,
        ThreadPoolExecutor(_CALLS) as threads,
    ):
        server = grpc.server(threads, handlers=[_Relay(channel)], options=_OPTIONS)
        server.add_insecure_port(f"unix:{place / 'relay'}")
        server.start()
        try:
            yield str(place / "relay")
        finally:
            server.stop(None).wait()


class _Relay(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._schemas = b""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = details.method
        if method.startswith(_STREAMS):
            return None  # unimplemented: for calls of the provider's own, which it makes none of
        if method == SCHEMAS:
            return grpc.unary_unary_rpc_method_handler(self._of_those_named)
        return grpc.unary_unary_rpc_method_handler(_call(self._channel.unary_unary(method)))

    def _of_those_named(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        if not self._schemas:
            self._schemas = named_only(_call(self._channel.unary_unary(SCHEMAS))(request, context))
        return self._schemas


def _call(there: Any) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def call(request: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            answer: bytes = there(request)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())
        return answer

    return call


def named_only(response: bytes) -> bytes:
    """A `GetProviderSchema.Response` with the resources and data sources of `OURS`, and of those
    that are named.
    """
    schemas = _response()()
    schemas.ParseFromString(response)
    for entries in (schemas.resource_schemas, schemas.data_source_schemas):
        kept = [one for one in entries if one.key in named() or one.key.startswith(OURS)]
        del entries[:]
        entries.extend(kept)
    answer: bytes = schemas.SerializeToString()
    return answer


@cache
def named() -> frozenset[str]:
    """Everything in files of this repository that may be the name of a resource of AWS."""
    found: set[str] = set()
    for folder in ("examples", "src/tealmesh/migration", "terraform", "tests"):
        for path in (REPOSITORY / folder).rglob("*"):
            if path.suffix in (".tf", ".hcl", ".py", ".tpl", ".tfstate") and path.is_file():
                found |= set(re.findall(r"\baws_\w+", path.read_text(errors="replace")))
    return frozenset(found)


@cache
def _response() -> Any:
    """The message as far as it is looked at: a schema is some bytes."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="schemas.proto", package="t", syntax="proto3")
    entry = file.message_type.add(name="Entry")
    entry.field.add(name="key", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=field.TYPE_BYTES, label=field.LABEL_OPTIONAL)
    response = file.message_type.add(name="Response")
    for name, number in (("resource_schemas", 2), ("data_source_schemas", 3)):
        response.field.add(
            name=name,
            number=number,
            type=field.TYPE_MESSAGE,
            type_name=".t.Entry",
            label=field.LABEL_REPEATED,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Response"))
