"""Calls of boto3 clients from asyncio, and what their errors mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from tealmesh.model.errors import DriverError, NoSuchResource
from tealmesh.rollout.system import MeshObject, covers

MakeClient = Callable[[str], Any]
"""boto3 client of a service (``appmesh``) at the endpoint that a driver works on."""

_THROTTLED = {"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}


class Aws:
    """The clients of one endpoint. They block, so their calls run in threads of their own: the
    endpoint may be this very process, and must not wait for a thread that waits for it.
    """

    def __init__(self, make_client: MakeClient) -> None:
        self._make_client = make_client
        self._clients: dict[str, Any] = {}
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="driver")

    async def call(self, service: str, operation: str, /, **request: Any) -> dict[str, Any]:
        """The operation's answer. Raises DriverError; `NoSuchResource` when AWS says so."""
        work = partial(self._call, service, operation, request)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def list(self, service: str, operation: str, member: str, /, **request: Any) -> list[Any]:
        """The members of all pages of a listing."""
        found: list[Any] = []
        token: dict[str, str] = {}
        name = "NextToken" if service == "servicediscovery" else "nextToken"
        while True:
            page = await self.call(service, operation, **request, **token)
            found += page[member]
            if not page.get(name):
                return found
            token = {name: page[name]}

    async def ensure(self, wanted: MeshObject) -> str:
        """Create the App Mesh resource, or update it where it differs; what was done, empty for
        nothing.
        """
        label = f"{wanted.noun.replace('_', ' ')} {list(wanted.names.values())[-1]}"
        head, *tail = wanted.noun.split("_")
        payload = head + "".join(word.capitalize() for word in tail)
        spec = dict(wanted.spec)
        try:
            answer = await self.call("appmesh", f"describe_{wanted.noun}", **wanted.names)
        except NoSuchResource:
            await self.call("appmesh", f"create_{wanted.noun}", **wanted.names, spec=spec)
            return f"created {label}"
        if covers(answer[payload].get("spec", {}), spec):
            return ""
        await self.call("appmesh", f"update_{wanted.noun}", **wanted.names, spec=spec)
        return f"changed {label}"

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _call(self, service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        try:
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            answer: dict[str, Any] = getattr(self._clients[service], operation)(**request)
        except ClientError as error:
            raise _refused(operation, error.response) from error
        except BotoCoreError as error:
            retryable = not isinstance(error, ParamValidationError)
            raise DriverError(f"{operation}: {error}", retryable=retryable) from error
        return answer


def _refused(operation: str, response: Any) -> DriverError:
    code = response.get("Error", {}).get("Code", "")
    message = response.get("Error", {}).get("Message") or code
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    if code.endswith(("NotFoundException", "NotFound")):
        return NoSuchResource(f"{operation}: {message}")
    return DriverError(f"{operation}: {message}", retryable=status >= 500 or code in _THROTTLED)
