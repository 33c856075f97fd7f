"""Task definitions: families and their revisions.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definitions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.base import Answer, Body, EcsBase, Reader, Request
from tealmesh.apis.ecs.definition_rules import fargate_problems, problems
from tealmesh.apis.ecs.tagging import tagged
from tealmesh.model.arn import last_part
from tealmesh.model.caller import Caller
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Transaction, tables

_AS_SENT = (
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "requiresCompatibilities",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
)
_HEALTH_CHECK = {"interval": 30, "timeout": 5, "retries": 3}
_UNITS = {"cpu": ("vcpu", 1024), "memory": ("gb", 1024)}


class Definitions(EcsBase):
    """The operations of task definitions."""

    async def register_task_definition(self, caller: Caller, request: Request) -> Answer:
        """Register the next revision of a family. Raises ClientException for what ECS refuses."""
        now = self._clock()

        def change(tx: Transaction) -> Answer:
            body = filled(request)
            problem = next(problems(body), None)
            if problem is not None:
                raise base.client_error(problem)
            _sweep(tx)
            family = body["family"]
            newest = tx.get(tables.FAMILIES, family)
            revision = newest.body["revision"] + 1 if newest is not None else 1
            tx.put(tables.FAMILIES, family, body={"revision": revision})
            body |= {
                "taskDefinitionArn": self._arn(caller, f"task-definition/{family}:{revision}"),
                "revision": revision,
                "status": "ACTIVE",
                "requiresAttributes": [],
                "compatibilities": compatibilities(body),
                "registeredAt": now,
                "registeredBy": self._principal(caller),
                "tags": tagged([], request.get("tags", ())),
            }
            tx.put(tables.TASK_DEFINITIONS, family, f"{revision:06d}", body=body)
            return {"taskDefinition": body, "tags": body["tags"]}

        return await self._write(caller, "RegisterTaskDefinition", change)

    async def describe_task_definition(self, caller: Caller, request: Request) -> Answer:
        """One task definition; the newest active one of a family without a revision."""
        document = _found(self._store.view, request["taskDefinition"])
        answer: Answer = {"taskDefinition": document.body}
        if "TAGS" in request.get("include", ()):
            answer["tags"] = document.body["tags"]
        return answer

    async def deregister_task_definition(self, caller: Caller, request: Request) -> Answer:
        """Make a revision inactive: what runs from it goes on, nothing new is started from it
        but by services that use it already.
        """
        now, text = self._clock(), request["taskDefinition"]

        def change(tx: Transaction) -> Answer:
            _check_has_revision(text)
            document = _found(tx, text)
            if document.body["status"] != "ACTIVE":
                raise base.client_error("The specified task definition is inactive.")
            body = {**document.body, "status": "INACTIVE", "deregisteredAt": now}
            return {"taskDefinition": tx.replace(document, body).body}

        return await self._write(caller, "DeregisterTaskDefinition", change)

    async def delete_task_definitions(self, caller: Caller, request: Request) -> Answer:
        """Delete inactive revisions; those still in use go when they no longer are."""
        now, wanted = self._clock(), request["taskDefinitions"]

        def change(tx: Transaction) -> Answer:
            if not 1 <= len(wanted) <= 10:
                raise base.invalid(f"taskDefinitions: {len(wanted)} are named: must be 1 to 10")
            found: list[Body] = []
            failures: list[dict[str, str]] = []
            for text in dict.fromkeys(wanted):
                _check_has_revision(text)
                document = base.find_definition(tx, text)
                if document is None:
                    failures.append(
                        {
                            "arn": self._definition_arn(caller, text),
                            "reason": "The specified task definition does not exist.",
                        }
                    )
                elif document.body["status"] == "ACTIVE":
                    failures.append(
                        {
                            "arn": document.body["taskDefinitionArn"],
                            "reason": "The specified task definition is still in ACTIVE status."
                            " Please deregister the target and try again.",
                        }
                    )
                else:
                    requested = document.body.get("deleteRequestedAt", now)
                    body = {
                        **document.body,
                        "status": "DELETE_IN_PROGRESS",
                        "deleteRequestedAt": requested,
                    }
                    found.append(dict(tx.replace(document, body).body))
            _sweep(tx)
            return {"taskDefinitions": found, "failures": failures}

        return await self._write(caller, "DeleteTaskDefinitions", change)

    async def list_task_definitions(self, caller: Caller, request: Request) -> Answer:
        """The ARNs of the revisions of one family or of all, in the order of their numbers."""
        family, status = request.get("familyPrefix"), request.get("status", "ACTIVE")
        scope = (family,) if family else ()
        found = {
            document.key: document.body["taskDefinitionArn"]
            for document in self._store.view.list(tables.TASK_DEFINITIONS, *scope)
            if document.body["status"] == status
        }
        descending = request.get("sort") == "DESC"
        return base.paged(
            "ListTaskDefinitions",
            "taskDefinitionArns",
            found,
            request,
            family,
            status,
            request.get("sort"),
            descending=descending,
        )

    async def list_task_definition_families(self, caller: Caller, request: Request) -> Answer:
        """The families whose names begin with a prefix: with active revisions, without, or all."""
        prefix, status = request.get("familyPrefix", ""), request.get("status", "ALL")
        active: dict[str, bool] = {}
        for document in self._store.view.list(tables.TASK_DEFINITIONS):
            family = document.body["family"]
            live = document.body["status"] == "ACTIVE"
            active[family] = active.get(family, False) or live
        found = {
            family: family
            for family, live in active.items()
            if family.startswith(prefix) and (status == "ALL" or live == (status == "ACTIVE"))
        }
        return base.paged("ListTaskDefinitionFamilies", "families", found, request, prefix, status)

    def _definition_arn(self, caller: Caller, text: str) -> str:
        return text if text.startswith("arn:") else self._arn(caller, f"task-definition/{text}")


def filled(request: Request) -> Body:
    """The definition as ECS keeps it: what was sent, and what ECS fills in."""
    body: Body = {member: request[member] for member in _AS_SENT if member in request}
    fargate = "FARGATE" in request.get("requiresCompatibilities", ())
    mode = request.get("networkMode") or ("awsvpc" if fargate else "bridge")
    body["networkMode"] = mode
    for member in ("cpu", "memory"):
        if request.get(member):
            body[member] = _task_size(member, request[member])
    body["volumes"] = list(request.get("volumes", ()))
    body["placementConstraints"] = list(request.get("placementConstraints", ()))
    if "proxyConfiguration" in body:
        body["proxyConfiguration"] = {"type": "APPMESH", **body["proxyConfiguration"]}
    body["containerDefinitions"] = [_container(c, mode) for c in request["containerDefinitions"]]
    return body


def compatibilities(body: Mapping[str, Any]) -> list[str]:
    """Where the definition can run."""
    found = ["EC2"] if body["networkMode"] == "awsvpc" else ["EXTERNAL", "EC2"]
    if next(fargate_problems(body), None) is None:
        found.append("FARGATE")
    return found


def _container(sent: Mapping[str, Any], mode: str) -> Body:
    container: Body = {
        "cpu": 0,
        "essential": True,
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
        **sent,
        "portMappings": [_mapping(m, mode) for m in sent.get("portMappings") or ()],
    }
    if sent.get("healthCheck"):
        container["healthCheck"] = {**_HEALTH_CHECK, **sent["healthCheck"]}
    return container


def _mapping(sent: Mapping[str, Any], mode: str) -> Body:
    if "containerPort" not in sent:
        return dict(sent)
    same = mode in ("awsvpc", "host") and not sent.get("hostPort")
    host = sent["containerPort"] if same else sent.get("hostPort", 0)
    return {"protocol": "tcp", **sent, "hostPort": host}


def _task_size(member: str, text: str) -> str:
    """CPU units or MiB as ECS keeps them, from ``512``, ``.5 vCPU`` or ``1 GB``."""
    unit, factor = _UNITS[member]
    match = re.fullmatch(r"(\d*\.?\d+)\s*([a-z]*)", text.strip().lower())
    if match and not match[2] and match[1].isdecimal():
        return str(int(match[1]))
    if match and match[2] == unit and (float(match[1]) * factor).is_integer():
        return str(int(float(match[1]) * factor))
    example = "512 or .5 vCPU" if member == "cpu" else "1024 or 1 GB"
    raise base.client_error(f"Invalid '{member}' setting for task: {text!r}: write {example}.")


def _found(reader: Reader, text: str) -> Document:
    document = base.find_definition(reader, text)
    if document is None:
        raise base.client_error("Unable to describe task definition.")
    return document


def _check_has_revision(text: str) -> None:
    if not re.search(r":\d+$", last_part(text)):
        raise AwsError(
            "InvalidParameterException",
            f"taskDefinition = {text[:300]!r}: must be FAMILY:REVISION or an ARN with a revision",
        )


def _sweep(tx: Transaction) -> None:
    """Forget the deleted revisions that neither a service nor a task uses any more."""
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
            revision = f"{document.body['revision']:06d}"
            tx.delete(tables.TASK_DEFINITIONS, document.body["family"], revision)
