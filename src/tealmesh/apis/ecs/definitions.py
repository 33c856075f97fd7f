"""Task definitions: families and their revisions.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definitions.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.answers import (
    DefinitionAnswer,
    DefinitionArnsAnswer,
    DefinitionsAnswer,
    FamiliesAnswer,
)
from tealmesh.apis.ecs.base import EcsBase
from tealmesh.apis.ecs.definition_rules import fargate_problems, problems
from tealmesh.apis.ecs.requests import RegisterTaskDefinitionRequest
from tealmesh.apis.ecs.tagging import tagged
from tealmesh.model.arn import last_part
from tealmesh.model.ecs.bodies import DefinitionSpec, TaskDefinitionBody
from tealmesh.model.ecs.clusters import FamilyBody
from tealmesh.model.ecs.members import narrowed
from tealmesh.model.ecs.names import revision_key
from tealmesh.model.identity.caller import OURSELVES, Caller
from tealmesh.store import Document, Reader, Transaction, tables

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        DeleteTaskDefinitionsRequestTypeDef,
        DeregisterTaskDefinitionRequestTypeDef,
        DescribeTaskDefinitionRequestTypeDef,
        ListTaskDefinitionFamiliesRequestTypeDef,
        ListTaskDefinitionsRequestTypeDef,
        PortMappingTypeDef,
    )

    from tealmesh.model.ecs.bodies import ContainerDefinition

REFUSED_MEMBERS = {"trustedExecutionConfiguration": "there are no Managed Instances here"}
"""Members of RegisterTaskDefinition -> why they are refused."""
MAX_BYTES = 65_536
"""The longest definition, and the words in which ECS refuses a longer one:
https://github.com/awsdocs/amazon-ecs-developer-guide/pull/149
"""
MAX_DELETED = 10
"""Revisions in one DeleteTaskDefinitions."""

_ABSENT = "The specified task definition does not exist."
_STILL_ACTIVE = (
    "The specified task definition is still in ACTIVE status."
    " Please deregister the target and try again."
)
_UNITS = {"cpu": ("vcpu", 1024), "memory": ("gb", 1024)}


class Definitions(EcsBase):
    """The operations on task definitions."""

    async def register_task_definition(
        self, caller: Caller, request: RegisterTaskDefinitionRequest
    ) -> DefinitionAnswer:
        """Register the next revision of a family. Raises ClientException for what ECS refuses.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
        """
        now = self._clock()

        def change(tx: Transaction) -> DefinitionAnswer:
            base.refuse_members(request, REFUSED_MEMBERS)
            if (length := base.length(request)) > MAX_BYTES:
                raise base.client_error(
                    f"Actual length: '{length}'. Max allowed length is '{MAX_BYTES}' bytes."
                )
            spec = filled(request)
            problem = next(problems(spec), None)
            if problem is not None:
                raise base.client_error(problem)
            _delete_unused(tx)
            family = spec["family"]
            revision = _next_revision(tx, family)
            body: TaskDefinitionBody = {
                "family": family,
                "containerDefinitions": spec["containerDefinitions"],
                "taskDefinitionArn": self._arn(caller, f"task-definition/{family}:{revision}"),
                "revision": revision,
                "status": "ACTIVE",
                "requiresAttributes": [],
                "compatibilities": compatibilities(spec),
                "registeredAt": now,
                "registeredBy": self._registrant(caller, tx, spec),
                "tags": tagged([], request.get("tags", [])),
            }
            body = {**body, **spec}
            tx.put(tables.TASK_DEFINITIONS, family, revision_key(revision), body=body)
            return {"taskDefinition": body, "tags": body["tags"]}

        return await self._write(caller, "RegisterTaskDefinition", change)

    def _registrant(self, caller: Caller, tx: Reader, spec: DefinitionSpec) -> str:
        """Who registers: the ARN of one whose IAM policies decide, for others the account. A copy
        that we make ourselves, for another side, is trusted no more than what it may be a copy of.
        """
        principal, account = caller.principal, self._principal()
        if principal is not None and principal.access == "role":
            return principal.name
        users = {(c["name"], c["user"]) for c in spec["containerDefinitions"] if c.get("user")}
        if not users or principal is None or principal.name != OURSELVES:
            return account
        for document in tx.list(tables.TASK_DEFINITIONS):
            who = document.body.get("registeredBy", account)
            containers = document.body["containerDefinitions"]
            if who != account and any((c["name"], c.get("user")) in users for c in containers):
                return who
        return account

    async def describe_task_definition(
        self, caller: Caller, request: DescribeTaskDefinitionRequestTypeDef
    ) -> DefinitionAnswer:
        """Describe one revision; of a family, its newest active one.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html
        """
        definition = _described(self._store.view, request["taskDefinition"]).body
        answer: DefinitionAnswer = {"taskDefinition": definition}
        if "TAGS" in request.get("include", ()):
            answer["tags"] = definition["tags"]
        return answer

    async def deregister_task_definition(
        self, caller: Caller, request: DeregisterTaskDefinitionRequestTypeDef
    ) -> DefinitionAnswer:
        """Make a revision inactive: its tasks keep running, but only services that already use it
        may start new ones.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html
        """
        now, text = self._clock(), request["taskDefinition"]

        def change(tx: Transaction) -> DefinitionAnswer:
            _check_has_revision(text)
            document = _described(tx, text)
            if document.body["status"] != "ACTIVE":
                raise base.client_error("The specified task definition is inactive.")
            body = document.body.copy()
            body["status"], body["deregisteredAt"] = "INACTIVE", now
            tx.replace(document, body)
            return {"taskDefinition": body}

        return await self._write(caller, "DeregisterTaskDefinition", change)

    async def delete_task_definitions(
        self, caller: Caller, request: DeleteTaskDefinitionsRequestTypeDef
    ) -> DefinitionsAnswer:
        """Delete inactive revisions; those in use are deleted once they no longer are.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html
        """
        now, names = self._clock(), request["taskDefinitions"]

        def change(tx: Transaction) -> DefinitionsAnswer:
            if not 1 <= len(names) <= MAX_DELETED:
                raise base.invalid(
                    f"taskDefinitions: {len(names)} named: must be 1 to {MAX_DELETED}"
                )
            answer: DefinitionsAnswer = {"taskDefinitions": [], "failures": []}
            for text in dict.fromkeys(names):
                _check_has_revision(text)
                document = base.find_definition(tx, text)
                if document is None:
                    arn = self._full_arn(caller, "task-definition", text)
                    answer["failures"].append({"arn": arn, "reason": _ABSENT})
                elif document.body["status"] == "ACTIVE":
                    arn = document.body["taskDefinitionArn"]
                    answer["failures"].append({"arn": arn, "reason": _STILL_ACTIVE})
                else:
                    answer["taskDefinitions"].append(_deleted(tx, document, now))
            _delete_unused(tx)
            return answer

        return await self._write(caller, "DeleteTaskDefinitions", change)

    async def list_task_definitions(
        self, caller: Caller, request: ListTaskDefinitionsRequestTypeDef
    ) -> DefinitionArnsAnswer:
        """List the ARNs of the revisions of one family or of all, sorted by family and number.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html
        """
        family, status = request.get("familyPrefix"), request.get("status", "ACTIVE")
        sort = request.get("sort")
        prefix = (family,) if family else ()
        arns = {
            document.key: document.body["taskDefinitionArn"]
            for document in self._store.view.list(tables.TASK_DEFINITIONS, *prefix)
            if document.body["status"] == status
        }
        scope = (family, status, sort)
        listed, following = base.page(
            "ListTaskDefinitions", arns, request, *scope, descending=sort == "DESC"
        )
        return {"taskDefinitionArns": listed, **following}

    async def list_task_definition_families(
        self, caller: Caller, request: ListTaskDefinitionFamiliesRequestTypeDef
    ) -> FamiliesAnswer:
        """List the families whose names begin with a prefix: those with active revisions, those
        without, or all.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitionFamilies.html
        """
        prefix, status = request.get("familyPrefix", ""), request.get("status", "ALL")
        active: dict[str, bool] = {}
        for document in self._store.view.list(tables.TASK_DEFINITIONS):
            family = document.body["family"]
            active[family] = active.get(family, False) or document.body["status"] == "ACTIVE"
        families = {
            family: family
            for family, is_active in active.items()
            if family.startswith(prefix) and (status == "ALL" or is_active == (status == "ACTIVE"))
        }
        listed, following = base.page(
            "ListTaskDefinitionFamilies", families, request, prefix, status
        )
        return {"families": listed, **following}


def filled(request: RegisterTaskDefinitionRequest) -> DefinitionSpec:
    """The definition as ECS stores it: what was sent, with the defaults filled in.

    Raises ClientException for a size that cannot be read.
    """
    fargate = "FARGATE" in request.get("requiresCompatibilities", [])
    mode = request.get("networkMode") or ("awsvpc" if fargate else "bridge")
    spec = narrowed(DefinitionSpec, request)
    spec["networkMode"] = mode
    spec["volumes"] = list(request.get("volumes", []))
    spec["placementConstraints"] = list(request.get("placementConstraints", []))
    spec["containerDefinitions"] = [_container(c, mode) for c in request["containerDefinitions"]]
    # An empty size counts as absent.
    cpu, memory = spec.pop("cpu", ""), spec.pop("memory", "")
    if cpu:
        spec["cpu"] = _task_size("cpu", cpu)
    if memory:
        spec["memory"] = _task_size("memory", memory)
    if "proxyConfiguration" in spec:
        spec["proxyConfiguration"] = {"type": "APPMESH", **spec["proxyConfiguration"]}
    return spec


def compatibilities(spec: DefinitionSpec) -> list[str]:
    """The launch types that the definition is compatible with."""
    launch_types = ["EC2"] if spec["networkMode"] == "awsvpc" else ["EXTERNAL", "EC2"]
    if next(fargate_problems(spec), None) is None:
        launch_types.append("FARGATE")
    return launch_types


def _container(sent: ContainerDefinition, mode: str) -> ContainerDefinition:
    container: ContainerDefinition = {
        "cpu": 0,
        "essential": True,
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
        **sent,
        "portMappings": [_port_mapping(m, mode) for m in sent.get("portMappings") or []],
    }
    if sent.get("healthCheck"):
        container["healthCheck"] = {
            "interval": 30,
            "timeout": 5,
            "retries": 3,
            **sent["healthCheck"],
        }
    return container


def _port_mapping(sent: PortMappingTypeDef, mode: str) -> PortMappingTypeDef:
    if "containerPort" not in sent:
        return sent.copy()
    same = mode in ("awsvpc", "host") and not sent.get("hostPort")
    host_port = sent["containerPort"] if same else sent.get("hostPort", 0)
    return {"protocol": "tcp", **sent, "hostPort": host_port}


def _task_size(member: str, text: str) -> str:
    """CPU units or MiB in digits, from ``512``, ``.5 vCPU`` or ``1 GB``."""
    unit, factor = _UNITS[member]
    match = re.fullmatch(r"(\d*\.?\d+)\s*([a-z]*)", text.strip().lower())
    if match and not match[2] and match[1].isdecimal():
        return str(int(match[1]))
    if match and match[2] == unit and (float(match[1]) * factor).is_integer():
        return str(int(float(match[1]) * factor))
    example = "512 or .5 vCPU" if member == "cpu" else "1024 or 1 GB"
    raise base.client_error(f"Invalid '{member}' setting for task: {text!r}: write {example}.")


def _described(reader: Reader, text: str) -> Document[TaskDefinitionBody]:
    document = base.find_definition(reader, text)
    if document is None:
        raise base.client_error("Unable to describe task definition.")
    return document


def _check_has_revision(text: str) -> None:
    if not re.search(r":\d+$", last_part(text)):
        raise base.invalid(
            f"taskDefinition = {text[:300]!r}: must be FAMILY:REVISION or an ARN with a revision"
        )


def _next_revision(tx: Transaction, family: str) -> int:
    """Draw the number of a family's next revision. No number is used twice."""
    newest = tx.get(tables.FAMILIES, family)
    body: FamilyBody = {"revision": newest.body["revision"] + 1 if newest is not None else 1}
    tx.put(tables.FAMILIES, family, body=body)
    return body["revision"]


def _deleted(
    tx: Transaction, document: Document[TaskDefinitionBody], now: float
) -> TaskDefinitionBody:
    body = document.body.copy()
    body["status"] = "DELETE_IN_PROGRESS"
    body.setdefault("deleteRequestedAt", now)
    return tx.replace(document, body).body


def _delete_unused(tx: Transaction) -> None:
    """Remove the deleted revisions that no service and no task uses any longer."""
    deleted = [
        document
        for document in tx.list(tables.TASK_DEFINITIONS)
        if document.body["status"] == "DELETE_IN_PROGRESS"
    ]
    if not deleted:
        return
    used = {
        deployment["taskDefinition"]
        for service in tx.list(tables.ECS_SERVICES)
        for deployment in service.body["deployments"]
    } | {
        task.body["taskDefinitionArn"]
        for task in tx.list(tables.TASKS)
        if task.body["lastStatus"] != "STOPPED"
    }
    for document in deleted:
        if document.body["taskDefinitionArn"] not in used:
            revision = revision_key(document.body["revision"])
            tx.delete(tables.TASK_DEFINITIONS, document.body["family"], revision)
