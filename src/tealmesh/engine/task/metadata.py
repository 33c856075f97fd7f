"""What a task may ask about itself: the task metadata endpoint, version 4, and its role's
credentials. Served on the control plane's own port, below ``/_teal/``.

A container is told by ECS_CONTAINER_METADATA_URI_V4 and, for credentials, by
AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, which means the address 169.254.170.2; a process, whose
machine does not have that address, by AWS_CONTAINER_CREDENTIALS_FULL_URI and a token.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tealmesh.engine.runtimes.process.usage import Usage
from tealmesh.engine.runtimes.task_urls import CREDENTIALS, METADATA, authorization
from tealmesh.model.clock import Clock
from tealmesh.model.ecs.names import family_and_revision, service_of, task_id
from tealmesh.store import tables
from tealmesh.store.store import Store

_RENEW = 300.0
"""Seconds before their end when credentials are no longer handed out."""

Body = dict[str, Any]


class Metadata:
    """Answers tasks. ``usage``: what a container, by its handle, has used, None where that cannot
    be said; ``sts``: makes a boto3 client of STS; ``secret``: see `authorization`.
    """

    def __init__(
        self,
        store: Store,
        secret: str,
        clock: Clock,
        usage: Callable[[Mapping[str, Any]], Usage | None],
        sts: Callable[[], Any],
    ) -> None:
        self._store = store
        self._secret = secret
        self._clock = clock
        self._usage = usage
        self._sts = sts
        self._credentials: dict[str, Body] = {}

    def routes(self) -> list[Route]:
        """The pages, for the gateway."""
        pages = {
            "": self._container,
            "/task": self._task,
            "/taskWithTags": self._task_with_tags,
            "/stats": self._stats,
            "/task/stats": self._task_stats,
        }
        found = [Route(f"{METADATA}/{{container}}{end}", page) for end, page in pages.items()]
        paths = (f"{CREDENTIALS}/{{task}}", f"{CREDENTIALS}/{{task}}/{{token}}")
        return [*found, *(Route(path, self._role) for path in paths)]

    async def _container(self, request: Request) -> JSONResponse:
        return self._answer(request, container_metadata)

    async def _task(self, request: Request) -> JSONResponse:
        return self._answer(request, lambda task, _: task_metadata(task))

    async def _task_with_tags(self, request: Request) -> JSONResponse:
        def tagged(task: Mapping[str, Any], _: int) -> Body:
            tags = {tag["key"]: tag["value"] for tag in task.get("tags", [])}
            return task_metadata(task) | {"TaskTags": tags}

        return self._answer(request, tagged)

    async def _stats(self, request: Request) -> JSONResponse:
        return self._answer(request, self._measured)

    async def _task_stats(self, request: Request) -> JSONResponse:
        def all_of(task: Mapping[str, Any], _: int) -> Body:
            found = enumerate(task["containers"])
            return {c["runtimeId"]: self._measured(task, index) for index, c in found}

        return self._answer(request, all_of)

    def _measured(self, task: Mapping[str, Any], index: int) -> Body | None:
        shown = task["containers"][index]
        handle = task.get("teal", {}).get("handles", {}).get(shown["name"])
        used = self._usage(handle) if handle else None
        if used is None or shown["lastStatus"] == "STOPPED":
            return None
        return stats(shown, used, self._clock())

    def _answer(
        self, request: Request, show: Callable[[Mapping[str, Any], int], Body | None]
    ) -> JSONResponse:
        identity, _, index = request.path_params["container"].rpartition("-")
        task = self._find(identity)
        containers = task.get("containers", []) if task is not None else []
        if task is None or not index.isdecimal() or int(index) >= len(containers):
            return _refusal(404, "NotFound", "there is no such container")
        return JSONResponse(show(task, int(index)))

    def _find(self, identity: str) -> Mapping[str, Any] | None:
        for document in self._store.view.list(tables.TASKS):
            if task_id(document.body) == identity:
                return document.body
        return None

    async def _role(self, request: Request) -> JSONResponse:
        """Credentials of the task's role, by STS AssumeRole."""
        identity = request.path_params["task"]
        given = request.path_params.get("token") or request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), authorization(self._secret, identity).encode()):
            return _refusal(401, "AccessDenied", "the token is not this task's")
        task = self._find(identity)
        role = task.get("teal", {}).get("role") if task is not None else None
        if task is None or not role or task["lastStatus"] == "STOPPED":
            return _refusal(404, "NotFound", "the task has no role, or has stopped")
        known = self._credentials.get(identity)
        if known is None or _seconds(known["Expiration"]) - self._clock() < _RENEW:
            try:
                known = await asyncio.to_thread(self._assume, role, identity)
            except Exception as error:  # noqa: BLE001 - boto3 has no common class; told to the task
                return _refusal(502, "AssumeRoleFailed", f"{role} cannot be assumed: {error}")
            self._credentials[identity] = known
        return JSONResponse(known, headers={"cache-control": "no-store"})

    def _assume(self, role: str, session: str) -> Body:
        answer = self._sts().assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
        return {
            "RoleArn": role,
            "AccessKeyId": answer["AccessKeyId"],
            "SecretAccessKey": answer["SecretAccessKey"],
            "Token": answer["SessionToken"],
            "Expiration": _time(answer["Expiration"].timestamp()),
        }


def _refusal(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"code": code, "message": message}, status)


def container_metadata(task: Mapping[str, Any], index: int) -> Body:
    """One container as the endpoint shows it."""
    shown = task["containers"][index]
    definitions = task.get("teal", {}).get("definition", {}).get("containerDefinitions", [])
    defined: Mapping[str, Any] = next((d for d in definitions if d["name"] == shown["name"]), {})
    family, revision = family_and_revision(task["taskDefinitionArn"])
    logs = defined.get("logConfiguration") or {}
    limits = {"CPU": int(shown.get("cpu", 0))}
    if "memory" in shown:
        limits["Memory"] = int(shown["memory"])
    found: Body = {
        "DockerId": shown.get("runtimeId", ""),
        "Name": shown["name"],
        "DockerName": shown["name"],
        "Image": shown["image"],
        "ImageID": shown.get("imageDigest", ""),
        "Labels": {
            "com.amazonaws.ecs.cluster": task["clusterArn"],
            "com.amazonaws.ecs.container-name": shown["name"],
            "com.amazonaws.ecs.task-arn": task["taskArn"],
            "com.amazonaws.ecs.task-definition-family": family,
            "com.amazonaws.ecs.task-definition-version": revision,
            **(defined.get("dockerLabels") or {}),
        },
        "DesiredStatus": task["desiredStatus"],
        "KnownStatus": shown["lastStatus"],
        "Limits": limits,
        "CreatedAt": _time(task["createdAt"]),
        "Type": "NORMAL",
        "ContainerARN": shown["containerArn"],
        "Networks": [_network(task)],
    }
    if "startedAt" in task:
        found["StartedAt"] = _time(task["startedAt"])
    if "exitCode" in shown:
        found["ExitCode"] = shown["exitCode"]
    if defined.get("healthCheck"):
        found["Health"] = {"status": shown.get("healthStatus", "UNKNOWN")}
    if logs:
        found |= {"LogDriver": logs["logDriver"], "LogOptions": logs.get("options") or {}}
    return found


def task_metadata(task: Mapping[str, Any]) -> Body:
    """A task as the endpoint shows it."""
    family, revision = family_and_revision(task["taskDefinitionArn"])
    found: Body = {
        "Cluster": task["clusterArn"],
        "TaskARN": task["taskArn"],
        "Family": family,
        "Revision": revision,
        "DesiredStatus": task["desiredStatus"],
        "KnownStatus": task["lastStatus"],
        "AvailabilityZone": task.get("availabilityZone", ""),
        "LaunchType": task.get("launchType", ""),
        "PullStartedAt": _time(task["createdAt"]),
        "PullStoppedAt": _time(task["createdAt"]),
        "Containers": [container_metadata(task, i) for i in range(len(task["containers"]))],
    }
    limits = {}
    if "cpu" in task:
        limits["CPU"] = int(task["cpu"]) / 1024
    if "memory" in task:
        limits["Memory"] = int(task["memory"])
    if limits:
        found["Limits"] = limits
    service = service_of(task)
    return found | ({"ServiceName": service} if service else {})


def stats(container: Mapping[str, Any], used: Usage, now: float) -> Body:
    """Usage in the form of Docker's statistics, of which only what is known is given
    (https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerStats).
    """
    return {
        "read": _time(now),
        "name": container["name"],
        "id": container["runtimeId"],
        "num_procs": used.processes,
        "pids_stats": {"current": used.processes},
        "cpu_stats": {
            "cpu_usage": {"total_usage": used.cpu_nanoseconds},
            "online_cpus": used.cpus,
        },
        "memory_stats": {"usage": used.memory_bytes},
    }


def _network(task: Mapping[str, Any]) -> Body:
    attachment = (task.get("attachments") or [{}])[0]
    details = {d["name"]: d["value"] for d in attachment.get("details", [])}
    return {
        "NetworkMode": "awsvpc",
        "IPv4Addresses": [details.get("privateIPv4Address", "")],
        "AttachmentIndex": 0,
        "MACAddress": details.get("macAddress", ""),
        "PrivateDNSName": details.get("privateDnsName", ""),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
