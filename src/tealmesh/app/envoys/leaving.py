"""The gRPC service by which the agent of a task's Envoy announces that its task leaves.

ECS tells containers to stop, and nobody else: a control plane that looks at ECS and Cloud Map hears
of it a second later, and nobody waits for it. So the task says it itself, before its application
has to stop, and is answered when no Envoy sends it new requests any more (`model.leaving`).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import grpc

from tealmesh.engine.state import Phase, TaskState
from tealmesh.model.arn import task_of
from tealmesh.model.convergence import Convergence
from tealmesh.model.errors import DatabaseAway, EnvoyUnknown, TealError
from tealmesh.model.identity.envoys import Admit, shown
from tealmesh.model.leaving import HELLO, LEAVE, SERVICE, Leave, Left, ServerId, leave_of
from tealmesh.store import Reader, Store, Transaction, instances, tables
from tealmesh.store.views import Document
from tealmesh.xds.streams.conversation import Refused, as_status
from tealmesh.xds.streams.limits import Limits, source_of

if TYPE_CHECKING:
    from tealmesh.model.cloudmap import DiscoveredBody

ACTOR = "envoys"
_SHOWN = 5
"""Envoys that an answer names."""

B = TypeVar("B")
Converge = Callable[[str, int, float], Awaitable[Convergence]]
"""``(mesh, revision, seconds)``, as `xds.streams.cache.AdsCache.wait_converged`."""


class LeavingServicer:
    """Both methods. Answers UNAUTHENTICATED and PERMISSION_DENIED as ADS does, UNAVAILABLE while
    nothing can be written.
    """

    def __init__(self, store: Store, admit: Admit, converge: Converge, server_id: str) -> None:
        """``server_id``: for whom Envoys make proofs of their roles."""
        self._store = store
        self._admit = admit
        self._converge = converge
        self._server_id = server_id
        self._limits = Limits()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register both methods."""
        methods = {HELLO: self._hello, LEAVE: self._leave}
        handlers = {name: grpc.unary_unary_rpc_method_handler(f) for name, f in methods.items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))

    async def _hello(self, _: bytes, context: grpc.aio.ServicerContext) -> bytes:
        answer: ServerId = {"serverId": self._server_id}
        return json.dumps(answer).encode()

    async def _leave(self, message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            with self._limits.unknown(source_of(context.peer())):
                request = leave_of(message)
                name = await self._name(request, context)
            return json.dumps(await self._left(name, request)).encode()
        except Refused as refused:
            await context.abort(refused.code, refused.message)
        except DatabaseAway as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except TealError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        raise AssertionError("abort raises")

    async def _name(self, request: Leave, context: grpc.aio.ServicerContext) -> str:
        """The task whose Envoy asks."""
        given = shown(context.invocation_metadata() or (), context.auth_context())
        try:
            if not self._admit.known(given):
                raise EnvoyUnknown("the token of this Envoy is missing or wrong")
            return await self._admit.identify(given, request["node"], request["task"])
        except TealError as error:
            raise as_status(error) from error

    async def _left(self, task: str, request: Leave) -> Left:
        """Mark the instances of a task as draining, and wait for those who send to them."""
        instance = _task_id(task)

        def change(tx: Transaction) -> None:
            for own in _of(tx.list(tables.INSTANCES), instance):
                instances.put(tx, {**own.body, "draining": True})
            for found in _of(tx.list(tables.DISCOVERED), instance):
                seen: DiscoveredBody = {**found.body, "draining": True}
                if "gone" not in found.body and seen != found.body:
                    tx.replace(found, seen)

        if _undrained(self._store.view, instance):
            await self._store.write(ACTOR, "TaskLeaves", change)
        view = self._store.view
        marked = [one.revision for one in _of(view.list(tables.INSTANCES), instance)]
        marked += [one.revision for one in _of(view.list(tables.DISCOVERED), instance)]
        if not marked:
            gone = _drained(view, task)
            return {"instances": 0, "acknowledged": True, "gone": gone, "waiting": []}
        mesh = request["node"].rpartition(":")[2].split("/")[1].partition("@")[0]
        done = await self._converge(mesh, max(marked), request["wait"])
        waiting = list(done.waiting)[:_SHOWN]
        return {
            "instances": len(marked),
            "acknowledged": done.converged,
            "gone": done.converged,
            "waiting": waiting,
        }


def _drained(reader: Reader, task: str) -> bool:
    """Whether our own engine has drained the task, and is stopping it."""
    place = task_of(task)
    document = reader.get(tables.TASKS, *place) if place else None
    if document is None:
        return False
    return TaskState.of(document.body).phase in (Phase.DEREGISTER, Phase.HALT, Phase.STOPPED)


def _task_id(name: str) -> str:
    """The id of the task with this ARN; empty for what is no task. Others choose their names."""
    place = task_of(name)
    return place[1] if place else ""


def _of(documents: list[Document[B]], instance: str) -> list[Document[B]]:
    """Those of one instance, whose id is the last part of their keys. ECS gives an instance the id
    of its task.
    """
    end = f"/{instance}"
    return [one for one in documents if instance and one.key.endswith(end)]


def _undrained(reader: Reader, instance: str) -> bool:
    own = any(not one.body.get("draining") for one in _of(reader.list(tables.INSTANCES), instance))
    return own or any(
        "gone" not in one.body and not one.body.get("draining")
        for one in _of(reader.list(tables.DISCOVERED), instance)
    )
