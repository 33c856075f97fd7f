"""The task metadata endpoint, version 4, and the endpoint for the credentials of a task's role.
Both are served on the control plane's own port, below ``/_teal/``.

Containers are pointed here by ECS_CONTAINER_METADATA_URI_V4 and, for credentials, by
AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, which SDKs resolve against 169.254.170.2. Processes cannot
reach that address on this machine: they get AWS_CONTAINER_CREDENTIALS_FULL_URI and a token.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypedDict, Unpack

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tealmesh.engine.former import former_task
from tealmesh.engine.runtimes.base import Handle, Usage
from tealmesh.engine.runtimes.task_urls import CREDENTIALS, METADATA, authorization
from tealmesh.engine.state import TaskState
from tealmesh.engine.task import metadata_answers as answers
from tealmesh.model.clock import Clock
from tealmesh.model.ecs.names import task_id
from tealmesh.model.identity.issued import TaskKeys
from tealmesh.model.identity.keys import Keys
from tealmesh.store import tables
from tealmesh.store.store import Store

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskBody

_MIN_LIFETIME_SECONDS = 300.0
"""Credentials are replaced when they expire sooner than this."""


class Credentials(TypedDict):
    """A role's credentials, as SDKs expect them."""

    RoleArn: str
    AccessKeyId: str
    SecretAccessKey: str
    Token: str
    Expiration: str


class StsCredentials(TypedDict):
    """Credentials, as STS answers them."""

    AccessKeyId: str
    SecretAccessKey: str
    SessionToken: str
    Expiration: datetime


class AssumeRoleRequest(TypedDict):
    """AssumeRole's parameters."""

    RoleArn: str
    RoleSessionName: str


class AssumedRoleUser(TypedDict):
    """Who somebody is that assumed a role."""

    AssumedRoleId: str
    """The role's unique id and the session, with a colon between."""


class AssumeRoleAnswer(TypedDict):
    """The members of AssumeRole's answer that are used here."""

    Credentials: StsCredentials
    AssumedRoleUser: AssumedRoleUser


class StsClient(Protocol):
    """The operation of boto3's ``sts`` client that is used here."""

    def assume_role(self, **request: Unpack[AssumeRoleRequest]) -> AssumeRoleAnswer: ...


_Answer = (
    answers.ContainerMetadata
    | answers.TaskMetadata
    | answers.Stats
    | dict[str, answers.Stats | None]
    | None
)


class Metadata:
    """Answers what tasks ask about themselves."""

    def __init__(
        self,
        store: Store,
        secrets: Keys,
        clock: Clock,
        usage: Callable[[Handle], Usage | None],
        sts: Callable[[], StsClient],
        keys: TaskKeys,
    ) -> None:
        """``usage`` measures a container, None if it cannot; ``sts`` makes a client; ``keys``
        issues what the front verifies.
        """
        self._store = store
        self._secrets = secrets
        self._clock = clock
        self._usage = usage
        self._sts = sts
        self._keys = keys
        self._credentials: dict[str, Credentials] = {}

    def routes(self) -> list[Route]:
        """The routes, to be served by the gateway."""
        pages = {
            "": self._container,
            "/task": self._task,
            "/taskWithTags": self._task_with_tags,
            "/stats": self._stats,
            "/task/stats": self._task_stats,
        }
        paths = (f"{CREDENTIALS}/{{task}}", f"{CREDENTIALS}/{{task}}/{{token}}")
        return [
            *(Route(f"{METADATA}/{{container}}{end}", page) for end, page in pages.items()),
            *(Route(path, self._role) for path in paths),
        ]

    async def _container(self, request: Request) -> JSONResponse:
        return self._answer(request, answers.container_metadata)

    async def _task(self, request: Request) -> JSONResponse:
        return self._answer(request, lambda task, _: answers.task_metadata(task))

    async def _task_with_tags(self, request: Request) -> JSONResponse:
        return self._answer(request, lambda task, _: answers.task_metadata_with_tags(task))

    async def _stats(self, request: Request) -> JSONResponse:
        return self._answer(request, self._measure)

    async def _task_stats(self, request: Request) -> JSONResponse:
        return self._answer(request, lambda task, _: self._measure_all(task))

    def _measure_all(self, task: TaskBody) -> dict[str, answers.Stats | None]:
        containers = enumerate(task["containers"])
        return {c["runtimeId"]: self._measure(task, index) for index, c in containers}

    def _measure(self, task: TaskBody, index: int) -> answers.Stats | None:
        container = task["containers"][index]
        handle = TaskState.of(task).handles.get(container["name"])
        used = self._usage(handle) if handle else None
        if used is None or container["lastStatus"] == "STOPPED":
            return None
        return answers.stats(container, used, self._clock())

    def _answer(
        self, request: Request, describe: Callable[[TaskBody, int], _Answer]
    ) -> JSONResponse:
        """Describe the container of the path TASK-INDEX, or its task."""
        identity, _, index = request.path_params["container"].rpartition("-")
        task = self._task_body(identity)
        containers = task.get("containers", []) if task is not None else []
        if task is None or not index.isdecimal() or int(index) >= len(containers):
            return _error(404, "NotFound", "there is no such container")
        return JSONResponse(describe(task, int(index)))

    def _task_body(self, identity: str) -> TaskBody | None:
        bodies = (document.body for document in self._store.view.list(tables.TASKS))
        return next((body for body in bodies if task_id(body) == identity), None)

    async def _role(self, request: Request) -> JSONResponse:
        """Credentials of the task's role, from STS AssumeRole."""
        identity = request.path_params["task"]
        given = request.path_params.get("token") or request.headers.get("authorization", "")
        task = self._task_body(identity)
        if not self._is_its(given, identity, task):
            return _error(401, "AccessDenied", "the token is not this task's")
        role = TaskState.of(task).role if task is not None else ""
        if task is None or not role or task["lastStatus"] == "STOPPED":
            return _error(404, "NotFound", "the task has no role, or has stopped")
        credentials = self._credentials.get(identity)
        if credentials is None or self._lifetime(credentials) < _MIN_LIFETIME_SECONDS:
            try:
                assumed = await asyncio.to_thread(self._assume, role, identity)
            except Exception as error:  # noqa: BLE001 - boto3's errors have no common class
                return _error(502, "AssumeRoleFailed", f"{role} cannot be assumed: {error}")
            self._credentials[identity] = credentials = assumed
        return JSONResponse(credentials, headers={"cache-control": "no-store"})

    def _is_its(self, given: str, identity: str, task: TaskBody | None) -> bool:
        """Whether the token is the task's: for one that an earlier version started, its token."""
        keys = [*self._secrets.credentials]
        if self._secrets.former and task is not None and former_task(TaskState.of(task)):
            keys.append(self._secrets.former.encode())
        tokens = [authorization(key, identity).encode() for key in keys]
        return any(hmac.compare_digest(given.encode(), token) for token in tokens)

    def _lifetime(self, credentials: Credentials) -> float:
        """Seconds until the credentials expire."""
        expiration = datetime.fromisoformat(credentials["Expiration"])
        return expiration.timestamp() - self._clock()

    def _assume(self, role: str, session: str) -> Credentials:
        """STS gives the key id, if it knows the role; the rest is ours, to be verified later."""
        assumed = self._sts().assume_role(RoleArn=role, RoleSessionName=session)
        answer = assumed["Credentials"]
        expires = answer["Expiration"].timestamp()
        unique_id = assumed["AssumedRoleUser"]["AssumedRoleId"].partition(":")[0]
        key = self._keys.issue(answer["AccessKeyId"], role, session, expires, unique_id)
        return {
            "RoleArn": role,
            "AccessKeyId": key.key_id,
            "SecretAccessKey": key.secret,
            "Token": key.token,
            "Expiration": answers.timestamp(expires),
        }


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"code": code, "message": message}, status)
