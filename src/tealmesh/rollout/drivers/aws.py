"""Calls of boto3 clients from asyncio, and what their errors mean."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tealmesh.model.errors import (
    ChangedMeanwhile,
    DriverError,
    LeaseLost,
    NoSuchOperation,
    NoSuchResource,
    NotYet,
)
from tealmesh.model.plane import leases
from tealmesh.model.rollout import fencing
from tealmesh.rollout.drivers.resources import MeshObject, covers

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from types_boto3_appmesh.client import AppMeshClient
    from types_boto3_ecs.client import ECSClient
    from types_boto3_ecs.type_defs import ServiceTypeDef, TagTypeDef
    from types_boto3_servicediscovery.client import ServiceDiscoveryClient

    from tealmesh.model.appmesh import RouteSpec
    from tealmesh.model.wire import GetConvergenceOutput, RouteShift, ShiftWeightsOutput

MakeClient = Callable[[str], Any]
"""The boto3 client of a service (``appmesh``) at the endpoint that a driver works on. boto3 makes
its clients at run time, so only their use says which type they have."""

R = TypeVar("R")

_THROTTLED = {"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}


class TealmeshClient(Protocol):
    """The boto3 client of our own API, as far as it is used here."""

    def get_convergence(self, *, mesh: str) -> GetConvergenceOutput: ...
    def shift_weights(self, *, mesh: str, routes: list[RouteShift]) -> ShiftWeightsOutput: ...


class Aws:
    """The clients of one endpoint.

    boto3 blocks, so each call runs in a thread, and the threads are our own: the endpoint may be
    this very process, whose default threads must stay free to answer.

    Each method runs ``call`` on the client of one service and returns its result. It raises
    DriverError, or `NoSuchResource` when AWS reports the resource as not found.
    """

    def __init__(self, make_client: MakeClient) -> None:
        self._make_client = make_client
        self._clients: dict[str, Any] = {}
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="driver")

    async def appmesh(self, call: Callable[[AppMeshClient], R]) -> R:
        return await self._run("appmesh", call)

    async def ecs(self, call: Callable[[ECSClient], R]) -> R:
        return await self._run("ecs", call)

    async def cloud_map(self, call: Callable[[ServiceDiscoveryClient], R]) -> R:
        return await self._run("servicediscovery", call)

    async def cloudwatch(self, call: Callable[[Any], R]) -> R:
        return await self._run("cloudwatch", call)

    async def update_route(
        self, mesh: str, router: str, route: str, spec: RouteSpec, version: int
    ) -> None:
        """Update a route of this version. `NotYet` if it has another one by now; AWS itself, which
        does not know the condition, would update it all the same.
        """

        def update(client: AppMeshClient) -> None:
            client.meta.events.register(
                "before-call.app-mesh.UpdateRoute", _add_condition, unique_id="teal-if-match"
            )
            _condition.version = version
            try:
                client.update_route(
                    meshName=mesh, virtualRouterName=router, routeName=route, spec=spec
                )
            finally:
                _condition.version = None

        try:
            await self.appmesh(update)
        except ChangedMeanwhile as changed:
            raise NotYet("the route, which somebody else has just changed") from changed

    async def shift_weights(self, mesh: str, routes: list[RouteShift]) -> None:
        """Give routes of these versions other targets in one revision. `NotYet` if one has another
        version by now, `NoSuchOperation` where routes can only be changed one after the other.
        """
        try:
            await self.tealmesh(lambda client: client.shift_weights(mesh=mesh, routes=routes))
        except ChangedMeanwhile as changed:
            raise NotYet("the routes, which somebody else has just changed") from changed

    async def tealmesh(self, call: Callable[[TealmeshClient], R]) -> R:
        return await self._run("tealmesh", call)

    async def ensure(self, wanted: MeshObject[Any]) -> str:
        """Create the App Mesh resource, or update it where it differs. Returns what was done,
        empty for nothing.
        """
        return await self._run("appmesh", partial(_ensure, wanted=wanted))

    async def ecs_service(self, cluster: str, name: str) -> ServiceTypeDef | None:
        """An ECS service with its tags; None if there is none. A deleted one is shown for a while:
        see its ``status``.
        """
        if not name:
            return None
        try:
            answer = await self.ecs(
                lambda client: client.describe_services(
                    cluster=cluster, services=[name], include=["TAGS"]
                )
            )
        except NoSuchResource:
            return None
        return answer["services"][0] if answer["services"] else None

    async def tag(self, service: ServiceTypeDef, tags: Mapping[str, str]) -> None:
        """Set those tags of an ECS service, shown with its tags, that differ."""
        present = {tag.get("key"): tag.get("value") for tag in service.get("tags", [])}
        missing: list[TagTypeDef] = [
            {"key": key, "value": value} for key, value in tags.items() if present.get(key) != value
        ]
        arn = service["serviceArn"]
        if missing:
            await self.ecs(lambda client: client.tag_resource(resourceArn=arn, tags=missing))

    def close(self) -> None:
        """Stop the threads without waiting for calls under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, service: str, call: Callable[[Any], R]) -> R:
        # What is asked for in a deployment's context is sent with its fencing token.
        work = partial(contextvars.copy_context().run, self._call, service, call)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _call(self, service: str, call: Callable[[Any], R]) -> R:
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        try:
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            return call(self._clients[service])
        except LeaseLost as error:
            raise DriverError(str(error), retryable=True) from error
        except ClientError as error:
            raise _driver_error(error) from error
        except BotoCoreError as error:
            retryable = not isinstance(error, ParamValidationError)
            raise DriverError(f"{service}: {error}", retryable=retryable) from error


def fenced(client: Any) -> Any:
    """A boto3 client whose calls carry the fencing token of the deployment that they are made for
    (`model.rollout.fencing`), and the lease under which they are made (`model.plane.leases`). No
    attempt begins that the lease may not outlast: AWS does not check it.
    """
    client.meta.events.register("before-call", _add_fence, unique_id="teal-fence")
    client.meta.events.register("before-send", _check_lease, unique_id="teal-lease")
    return client


def _add_fence(params: dict[str, Any], **_: object) -> None:
    if token := fencing.issued.get():
        params["headers"][fencing.HEADER] = token
    if (lease := leases.held.get()) is not None:
        params["headers"][leases.HEADER] = lease.token()


def _check_lease(**_: object) -> None:
    leases.require(leases.ATTEMPT_SECONDS)


_condition = threading.local()
"""The version that the route must have in the UpdateRoute call of this thread."""


def _add_condition(params: dict[str, Any], **_: object) -> None:
    """Add the header of our App Mesh API that makes an update conditional (design note 019)."""
    version = getattr(_condition, "version", None)
    if version is not None:
        params["headers"]["If-Match"] = f'"{version}"'


def _ensure(client: Any, wanted: MeshObject[Any]) -> str:
    """`Aws.ensure`, blocking. The seven nouns of App Mesh have the same three operations."""
    from botocore.exceptions import ClientError

    label = f"{wanted.noun.replace('_', ' ')} {list(wanted.names.values())[-1]}"
    head, *tail = wanted.noun.split("_")
    payload = head + "".join(word.capitalize() for word in tail)
    try:
        answer = getattr(client, f"describe_{wanted.noun}")(**wanted.names)
    except ClientError as error:
        if not isinstance(_driver_error(error), NoSuchResource):
            raise
        getattr(client, f"create_{wanted.noun}")(**wanted.names, spec=wanted.spec)
        return f"created {label}"
    if covers(answer[payload].get("spec", {}), wanted.spec):
        return ""
    getattr(client, f"update_{wanted.noun}")(**wanted.names, spec=wanted.spec)
    return f"changed {label}"


def _driver_error(error: ClientError) -> DriverError:
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message") or code
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    text = f"{error.operation_name}: {message}"
    if code.endswith(("NotFoundException", "NotFound")):
        return NoSuchResource(text)
    if code == "UnknownOperationException":
        return NoSuchOperation(text)
    if fencing.HEADER in message or leases.HEADER in message:
        return DriverError(text, retryable=True)
    conditional = "If-Match" in message or error.operation_name == "ShiftWeights"
    if code == "ConflictException" and conditional:
        return ChangedMeanwhile(text)
    return DriverError(text, retryable=status >= 500 or code in _THROTTLED)
