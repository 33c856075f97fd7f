"""Tasks: run, stop, describe and list. The engine starts and stops them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs import service_rules as rules
from tealmesh.apis.ecs.answers import TaskAnswer, TaskArnsAnswer, TasksAnswer
from tealmesh.apis.ecs.base import EcsBase
from tealmesh.apis.ecs.definition_rules import unusable_variable
from tealmesh.apis.ecs.requests import RunTaskRequest
from tealmesh.apis.ecs.tagging import tagged
from tealmesh.apis.requests import digest
from tealmesh.model.ecs.bodies import Launch, Placement, TaskBody, TaskDefinitionBody
from tealmesh.model.ecs.clusters import ClusterBody
from tealmesh.model.ecs.limits import DESCRIBED_TASKS
from tealmesh.model.ecs.names import family_and_revision, task_id
from tealmesh.model.ecs.origin import Origin
from tealmesh.model.ecs.task import TaskRequest, managed_tags, new_task, pick_provider
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Transaction, tables

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        DescribeTasksRequestTypeDef,
        ListTasksRequestTypeDef,
        StopTaskRequestTypeDef,
        TagTypeDef,
        TaskOverrideOutputTypeDef,
    )

MAX_COUNT = 10
"""Tasks in one RunTask."""

MAX_OVERRIDES_BYTES = 8192
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html"""

REFUSED = {
    "volumeConfigurations": "there are no EBS volumes here",
    "referenceId": "Amazon ECS alone uses it",
}
"""Members of RunTask -> why they are refused."""
_WITHOUT_EFFECT = ("placementConstraints", "placementStrategy")
"""Members of RunTask that its tasks do not show."""


class Tasks(EcsBase):
    """The operations on tasks."""

    async def run_task(self, caller: Caller, request: RunTaskRequest) -> TasksAnswer:
        """Request 1 to 10 tasks, which the engine starts. A repeated request with the same
        ``clientToken`` returns the tasks of the first.

        Raises ConflictException if the token was used with other parameters.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
        """
        now = self._clock()
        ids = [self._new_id() for _ in range(MAX_COUNT)]

        def change(tx: Transaction) -> TasksAnswer:
            cluster = base.find_cluster(tx, request.get("cluster")).body
            name = cluster["clusterName"]
            earlier = _repeated(tx, name, request)
            if earlier:
                return {"tasks": earlier, "failures": []}
            count = request.get("count", 1)
            if not 1 <= count <= MAX_COUNT:
                raise base.invalid(f"Count should be between 1 and {MAX_COUNT}.")
            arns = [self._arn(caller, f"task/{name}/{identity}") for identity in ids[:count]]
            tasks = _new_tasks(tx, cluster, request, arns, now)
            for task in tasks:
                tx.put(tables.TASKS, name, task_id(task), body=task)
            return {"tasks": tasks, "failures": []}

        return await self._write(caller, "RunTask", change)

    async def stop_task(self, caller: Caller, request: StopTaskRequestTypeDef) -> TaskAnswer:
        """Request that a task be stopped. A task that is stopping already is returned unchanged.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
        """
        now = self._clock()

        def change(tx: Transaction) -> TaskAnswer:
            cluster = base.find_cluster(tx, request.get("cluster")).body["clusterName"]
            document = base.find_task(tx, cluster, request["task"])
            if document is None:
                raise base.invalid("The referenced task was not found.")
            if document.body["desiredStatus"] == "STOPPED":
                return {"task": document.body}
            body: TaskBody = {
                **document.body,
                "desiredStatus": "STOPPED",
                "stopCode": "UserInitiated",
                "stoppedReason": request.get("reason") or "Task stopped by user",
                "stoppingAt": now,
                "version": document.body.get("version", 0) + 1,
            }
            return {"task": tx.replace(document, body).body}

        return await self._write(caller, "StopTask", change)

    async def describe_tasks(
        self, caller: Caller, request: DescribeTasksRequestTypeDef
    ) -> TasksAnswer:
        """Describe tasks by id or ARN.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
        """
        view = self._store.view
        names = base.distinct("tasks", request["tasks"], DESCRIBED_TASKS)
        cluster = base.find_cluster(view, request.get("cluster")).body["clusterName"]
        answer: TasksAnswer = {"tasks": [], "failures": []}
        for text in names:
            document = base.find_task(view, cluster, text)
            if document is None:
                answer["failures"].append(self._missing(caller, f"task/{cluster}", text))
            else:
                answer["tasks"].append(base.shown(document.body, request.get("include", ())))
        return answer

    async def list_tasks(self, caller: Caller, request: ListTasksRequestTypeDef) -> TaskArnsAnswer:
        """List the ARNs of a cluster's tasks that match every filter; without the filter
        ``desiredStatus`` only those that should be running.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
        """
        view = self._store.view
        cluster = base.find_cluster(view, request.get("cluster")).body["clusterName"]
        filters: ListTasksRequestTypeDef = {**request}
        if "serviceName" in filters:
            service = base.find_service(view, cluster, filters["serviceName"])
            filters["serviceName"] = service.body["serviceName"]
        arns = {
            document.key: document.body["taskArn"]
            for document in view.list(tables.TASKS, cluster)
            if matches(document.body, filters)
        }
        scope = (
            filters.get("serviceName"),
            filters.get("family"),
            filters.get("startedBy"),
            filters.get("desiredStatus"),
            filters.get("launchType"),
            filters.get("containerInstance"),
            filters.get("daemonName"),
        )
        listed, following = base.page("ListTasks", arns, request, cluster, *scope)
        return {"taskArns": listed, **following}


def matches(task: TaskBody, filters: ListTasksRequestTypeDef) -> bool:
    """Whether a task matches the filters of ListTasks."""
    if filters.get("containerInstance") or filters.get("daemonName"):
        return False  # no task runs on one of these
    service, family = filters.get("serviceName"), filters.get("family")
    return (
        task["desiredStatus"] == filters.get("desiredStatus", "RUNNING")
        and (service is None or task.get("group") == f"service:{service}")
        and family in (None, family_and_revision(task["taskDefinitionArn"])[0])
        and filters.get("startedBy") in (None, task.get("startedBy"))
        and filters.get("launchType") in (None, task.get("launchType"))
    )


def _new_tasks(
    tx: Transaction,
    cluster: ClusterBody,
    request: RunTaskRequest,
    arns: Sequence[str],
    now: float,
) -> list[TaskBody]:
    """The documents of the requested tasks, one for each ARN. Raises AwsError for a bad request."""
    base.refuse_members(request, REFUSED)
    definition = base.usable_definition(tx, request["taskDefinition"])
    strategy = request.get("capacityProviderStrategy")
    launched = rules.launch(cluster, request.get("launchType"), strategy)
    rules.check_compatible(definition, launched)
    rules.check_placement(request, launched)
    network = rules.network(definition, request.get("networkConfiguration"))
    placements = _placements(launched, request.get("platformVersion"), len(arns))
    overrides = _overrides(definition, request.get("overrides") or {})
    group, started_by = _group_and_starter(definition, request)
    common = TaskRequest(
        arn="",
        cluster_arn=cluster["clusterArn"],
        definition_arn=definition["taskDefinitionArn"],
        definition=definition,
        group=group,
        now=now,
        placed={},
        network=network.get("networkConfiguration"),
        started_by=started_by,
        overrides=overrides,
        tags=_tags(cluster, definition, request),
        execute_command=request.get("enableExecuteCommand", False),
    )
    origin = Origin(request.get("clientToken", ""), digest(request))
    ignored = [member for member in _WITHOUT_EFFECT if request.get(member)]
    tasks = []
    for arn, placement in zip(arns, placements, strict=True):
        task = new_task(replace(common, arn=arn, placed=placement))
        origin.write(task)
        if ignored:
            task["teal"]["withoutEffect"] = ignored
        tasks.append(task)
    return tasks


def _placements(launched: Launch, version: str | None, count: int) -> list[Placement]:
    """Where each of ``count`` tasks runs, spread over the providers of the strategy."""
    common: Placement = {"launchType": "FARGATE" if rules.on_fargate(launched) else "EC2"}
    common = {**common, **rules.platform(launched, version)}
    if "platformVersion" in common:
        common["platformVersion"] = rules.resolved_platform(common["platformVersion"])
    strategy = launched.get("capacityProviderStrategy")
    if not strategy:
        return [common] * count
    placements: list[Placement] = []
    counts: Counter[str] = Counter()
    for _ in range(count):
        provider = pick_provider(strategy, counts)
        counts[provider] += 1
        placements.append({**common, "capacityProviderName": provider})
    return placements


def _tags(
    cluster: ClusterBody, definition: TaskDefinitionBody, request: RunTaskRequest
) -> list[TagTypeDef]:
    tags = tagged([], request.get("tags", []))
    if request.get("propagateTags") == "TASK_DEFINITION":
        tags = tagged(definition["tags"], tags)
    if request.get("enableECSManagedTags"):
        tags += managed_tags(cluster["clusterName"])
    return tags


def _group_and_starter(definition: TaskDefinitionBody, request: RunTaskRequest) -> tuple[str, str]:
    """``group`` and ``startedBy``. Raises InvalidParameterException."""
    group = request.get("group") or f"family:{definition['family']}"
    started_by = request.get("startedBy", "")
    if group.startswith("service:") or started_by.startswith("ecs-svc/"):
        raise base.invalid(
            "group must not begin with 'service:', nor startedBy with 'ecs-svc/': both are"
            " reserved for the tasks of services"
        )
    if len(started_by) > 128:
        raise base.invalid("startedBy must have at most 128 characters.")
    return group, started_by


def _overrides(
    definition: TaskDefinitionBody, sent: TaskOverrideOutputTypeDef
) -> TaskOverrideOutputTypeDef:
    names = {container["name"] for container in definition["containerDefinitions"]}
    containers = sent.get("containerOverrides", [])
    if base.length(sent) > MAX_OVERRIDES_BYTES:
        raise base.invalid(f"Container Overrides length must be at most {MAX_OVERRIDES_BYTES}")
    for override in containers:
        if override.get("name") not in names:
            raise base.invalid(
                f"Override for container named {override.get('name')} is not a container in the"
                " TaskDefinition."
            )
        if override.get("environmentFiles"):
            raise base.invalid(
                "containerOverrides.environmentFiles: not supported by Tealmesh: use environment"
            )
        if any("\0" in word for word in override.get("command", ())):
            raise base.invalid("containerOverrides.command must not have a NUL character.")
        for pair in override.get("environment", []):
            if problem := unusable_variable(pair.get("name", ""), pair.get("value", "")):
                raise base.invalid(f"containerOverrides.environment: {problem}.")
    return {**sent, "containerOverrides": containers}


def _repeated(tx: Transaction, cluster: str, request: RunTaskRequest) -> list[TaskBody]:
    """The tasks of an earlier request with the same client token. Raises ConflictException."""
    token = request.get("clientToken")
    if not token:
        return []
    origin = Origin(token, digest(request))
    tasks = [d.body for d in tx.list(tables.TASKS, cluster) if Origin.of(d.body).token == token]
    if any(Origin.of(task) != origin for task in tasks):
        raise AwsError(
            "ConflictException",
            f"clientToken {token} was used for an earlier RunTask with other parameters.",
        )
    return tasks
