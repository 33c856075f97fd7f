"""The gRPC service of traces: whose spans are taken, and what its senders are told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from tealmesh.model.identity.envoys import Identity, Owner, token
from tealmesh.model.identity.keys import Keys, owned_key
from tealmesh.store import Store
from tealmesh.traces import proto
from tealmesh.traces.collector import OWNER, TraceServicer
from tealmesh.traces.ring import Traces
from tests.support.planes.admitting import admission
from tests.traces.telling import NOW, TRACE, exported

OWNERS = "the-owner's"
NODE = "mesh/shop/virtualNode/web"


async def export(directory: Path, request: Any, token: str) -> tuple[Traces, Any]:
    """Send it to a server of its own; what is kept, and the answer."""
    store, traces = Store.open(directory / "state.db"), Traces()
    keys = Keys.of("master", OWNERS)
    servicer = TraceServicer(traces, admission(store, keys), lambda: NOW)
    server = grpc.aio.server()
    servicer.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(
                proto.METHOD,
                request_serializer=proto.ExportTraceServiceRequest.SerializeToString,
                response_deserializer=proto.ExportTraceServiceResponse.FromString,
            )
            metadata = (("authorization", f"Bearer {token}"),) if token else ()
            return traces, await call(request, metadata=metadata)
    finally:
        await server.stop(0)
        store.close()


def test_the_owner_s_programs_may_send_by_any_name(tmp_path: Path) -> None:
    request = exported("shop", {}, {"trace_id": b"1"})
    traces, answer = asyncio.run(export(tmp_path, request, OWNERS))
    assert answer.partial_success.rejected_spans == 1
    assert "trace id" in answer.partial_success.error_message
    found = traces.get(TRACE)
    assert found is not None
    assert [(span.service, span.resource, span.sender) for span in found.spans] == [
        ("shop", "", OWNER)
    ]


def test_an_envoy_of_a_node_is_that_node_and_no_other(tmp_path: Path) -> None:
    given = token(Identity(Owner.USER, "", NODE), owned_key(OWNERS))
    (tmp_path / "1").mkdir()
    traces, _ = asyncio.run(export(tmp_path / "1", exported(NODE), given))
    found = traces.get(TRACE)
    assert found is not None
    assert [(span.service, span.resource) for span in found.spans] == [("shop/web", NODE)]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        asyncio.run(export(tmp_path, exported("mesh/shop/virtualNode/pay"), given))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("given", ["", "wrong", "teal1.e30.e30"])
def test_nobody_else_is_taken_anything(tmp_path: Path, given: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        asyncio.run(export(tmp_path, exported(NODE), given))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
