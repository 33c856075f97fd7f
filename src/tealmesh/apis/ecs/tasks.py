"""Tasks: run, stop, describe, list. The engine does the running and the stopping.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs import service_rules as rules
from tealmesh.apis.ecs.base import Answer, Body, EcsBase, Request
from tealmesh.apis.ecs.tagging import Tags, tagged
from tealmesh.model.caller import Caller
from tealmesh.model.ecs.names import family_and_revision
from tealmesh.model.ecs.task import TaskRequest, managed_tags, new_task, pick_provider
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Transaction, tables

MAX_COUNT = 10
"""Tasks in one RunTask."""

_REFUSED = {"volumeConfigurations": "there are no EBS volumes here"}
_REFUSED_OVERRIDES = {
    "inferenceAcceleratorOverrides": "there are no accelerators here",
    "ephemeralStorage": "the disk of this machine is shared",
}


class Tasks(EcsBase):
    """The operations of tasks."""

    async def run_task(self, caller: Caller, request: Request) -> Answer:
        """Ask for 1 to 10 tasks; the engine starts them.

        An earlier request with the same ``clientToken`` is answered with its tasks, another
        request with that token is ConflictException.
        """
        now = self._clock()
        ids = [self._new_id() for _ in range(MAX_COUNT)]

        def change(tx: Transaction) -> Answer:
            cluster = base.find_cluster(tx, request.get("cluster")).body
            earlier = _repeated(tx, cluster["clusterName"], request)
            if earlier:
                return {"tasks": earlier, "failures": []}
            count = request.get("count", 1)
            if not 1 <= count <= MAX_COUNT:
                raise base.invalid(f"Count should be between 1 and {MAX_COUNT}.")
            planned = _Planned(tx, cluster, request, now)
            tasks = []
            for identity in ids[:count]:
                arn = self._arn(caller, f"task/{cluster['clusterName']}/{identity}")
                body = planned.task(arn)
                tx.put(tables.TASKS, cluster["clusterName"], identity, body=body)
                tasks.append(body)
            return {"tasks": tasks, "failures": []}

        return await self._write(caller, "RunTask", change)

    async def stop_task(self, caller: Caller, request: Request) -> Answer:
        """Ask for a task to be stopped; one that has stopped is answered as it is."""
        now = self._clock()

        def change(tx: Transaction) -> Answer:
            cluster = base.find_cluster(tx, request.get("cluster")).body["clusterName"]
            document = base.find_task(tx, cluster, request["task"])
            if document is None:
                raise base.invalid("The referenced task was not found.")
            if document.body["desiredStatus"] == "STOPPED":
                return {"task": document.body}
            body = {
                **document.body,
                "desiredStatus": "STOPPED",
                "stopCode": "UserInitiated",
                "stoppedReason": request.get("reason") or "Task stopped by user",
                "stoppingAt": now,
                "version": document.body.get("version", 0) + 1,
            }
            return {"task": tx.replace(document, body).body}

        return await self._write(caller, "StopTask", change)

    async def describe_tasks(self, caller: Caller, request: Request) -> Answer:
        """Tasks by id or ARN; 100 at most."""
        view, wanted = self._store.view, request["tasks"]
        if not wanted:
            raise base.invalid("Tasks cannot be empty.")
        if len(wanted) > 100:
            raise base.invalid(f"tasks: {len(wanted)} are named: at most 100 are allowed")
        cluster = base.find_cluster(view, request.get("cluster")).body["clusterName"]
        found: list[Body] = []
        failures = []
        for text in dict.fromkeys(wanted):
            document = base.find_task(view, cluster, text)
            if document is None:
                named = self._arn(caller, f"task/{cluster}/{text}")
                arn = text if text.startswith("arn:") else named
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(base.shown(document.body, request.get("include", ())))
        return {"tasks": found, "failures": failures}

    async def list_tasks(self, caller: Caller, request: Request) -> Answer:
        """The ARNs of a cluster's tasks that fit every filter; by default those wanted RUNNING."""
        view = self._store.view
        cluster = base.find_cluster(view, request.get("cluster")).body["clusterName"]
        service = request.get("serviceName")
        if service is not None:
            service = base.find_service(view, cluster, service).body["serviceName"]
        filters = {**request, "serviceName": service}
        found = {
            document.key: document.body["taskArn"]
            for document in view.list(tables.TASKS, cluster)
            if _fits(document.body, filters)
        }
        scope = [filters.get(member) for member in _FILTERS]
        return base.paged("ListTasks", "taskArns", found, request, cluster, *scope)


_FILTERS = (
    "serviceName",
    "family",
    "startedBy",
    "desiredStatus",
    "launchType",
    "containerInstance",
    "daemonName",
)


def _fits(task: Mapping[str, Any], filters: Mapping[str, Any]) -> bool:
    if filters.get("containerInstance") or filters.get("daemonName"):
        return False  # there are none of these on this machine
    service, family = filters.get("serviceName"), filters.get("family")
    own_family = family_and_revision(task["taskDefinitionArn"])[0]
    return (
        task["desiredStatus"] == filters.get("desiredStatus", "RUNNING")
        and (service is None or task.get("group") == f"service:{service}")
        and (family is None or own_family == family)
        and filters.get("startedBy") in (None, task.get("startedBy"))
        and filters.get("launchType") in (None, task.get("launchType"))
    )


class _Planned:
    """What all tasks of one RunTask have in common, checked."""

    def __init__(
        self, tx: Transaction, cluster: Mapping[str, Any], request: Request, now: float
    ) -> None:
        base.refuse_members(request, _REFUSED)
        self._cluster, self._request, self._now = cluster, request, now
        self._definition = base.usable_definition(tx, request["taskDefinition"])
        launched = rules.launch(cluster, request)
        rules.check_compatible(self._definition, launched)
        rules.check_placement(request, launched)
        network = rules.network(self._definition, request.get("networkConfiguration"))
        self._network = network.get("networkConfiguration")
        self._strategy = launched.get("capacityProviderStrategy")
        self._counts: Counter[str] = Counter()
        self._placed = {
            "launchType": "FARGATE" if rules.on_fargate(launched) else "EC2",
            **rules.platform(launched, request.get("platformVersion")),
        }
        if "platformVersion" in self._placed:
            version = self._placed["platformVersion"]
            self._placed["platformVersion"] = rules.resolved_platform(version)
        self._overrides = _overrides(self._definition, request.get("overrides") or {})
        self._group, self._started_by = _origin(self._definition, request)
        self._tags = self._all_tags()

    def task(self, arn: str) -> Body:
        """The document of the next task."""
        placed = dict(self._placed)
        if self._strategy:
            chosen = pick_provider(self._strategy, self._counts)
            self._counts[chosen] += 1
            placed["capacityProviderName"] = chosen
        body = new_task(
            TaskRequest(
                arn=arn,
                cluster_arn=self._cluster["clusterArn"],
                definition_arn=self._definition["taskDefinitionArn"],
                definition=self._definition,
                group=self._group,
                now=self._now,
                placed=placed,
                network=self._network,
                started_by=self._started_by,
                overrides=self._overrides,
                tags=self._tags,
                execute_command=self._request.get("enableExecuteCommand", False),
            )
        )
        token = self._request.get("clientToken", "")
        return body | {"teal": {"token": token, "request": _digest(self._request)}}

    def _all_tags(self) -> Tags:
        request = self._request
        tags = tagged([], request.get("tags", ()))
        if request.get("propagateTags") == "TASK_DEFINITION":
            tags = tagged(self._definition["tags"], tags)
        if request.get("enableECSManagedTags"):
            tags += managed_tags(self._cluster["clusterName"])
        return tags


def _origin(definition: Mapping[str, Any], request: Request) -> tuple[str, str]:
    """``group`` and ``startedBy``, checked."""
    group = request.get("group") or f"family:{definition['family']}"
    started_by = request.get("startedBy", "")
    if group.startswith("service:") or started_by.startswith("ecs-svc/"):
        raise base.invalid(
            "group must not begin with 'service:' nor startedBy with 'ecs-svc/': these are for"
            " the tasks of services"
        )
    if len(started_by) > 128:
        raise base.invalid("startedBy must have at most 128 characters.")
    return group, started_by


def _overrides(definition: Mapping[str, Any], sent: Mapping[str, Any]) -> Body:
    base.refuse_members(sent, _REFUSED_OVERRIDES)
    names = {container["name"] for container in definition["containerDefinitions"]}
    containers = list(sent.get("containerOverrides", ()))
    for override in containers:
        if override.get("name") not in names:
            raise base.invalid(
                f"Override for container named {override.get('name')} is not a container in the"
                " TaskDefinition."
            )
    return {**sent, "containerOverrides": containers}


def _repeated(tx: Transaction, cluster: str, request: Request) -> list[Mapping[str, Any]]:
    """The tasks of an earlier request with the same client token."""
    token = request.get("clientToken")
    if not token:
        return []
    found: list[Document] = [
        document
        for document in tx.list(tables.TASKS, cluster)
        if document.body["teal"].get("token") == token
    ]
    if any(document.body["teal"]["request"] != _digest(request) for document in found):
        raise AwsError(
            "ConflictException",
            f"clientToken {token} was used for an earlier RunTask with other parameters.",
        )
    return [document.body for document in found]


def _digest(request: Request) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
