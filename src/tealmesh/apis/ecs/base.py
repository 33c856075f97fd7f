"""What every part of the ECS API shares: the store, and how resources are named and found.

A cluster, service, task or task definition may be named shortly or by its ARN. Error texts are
those of ECS. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tealmesh.apis.paging import Pager
from tealmesh.model.arn import Arn, last_part
from tealmesh.model.caller import Caller
from tealmesh.model.clock import Clock, NewId
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Store, Transaction, View, tables

T = TypeVar("T")
Request = Mapping[str, Any]
Answer = dict[str, Any]
Body = dict[str, Any]
Reader = View | Transaction

DEFAULT_CLUSTER = "default"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


class EcsBase:
    """Holds what the operations need; see `tealmesh.services.ecs.Ecs`."""

    def __init__(self, store: Store, account: str, clock: Clock, new_id: NewId) -> None:
        self._store = store
        self._account = account
        self._clock = clock
        self._new_id = new_id

    async def _write(self, caller: Caller, operation: str, change: Callable[[Transaction], T]) -> T:
        return await self._store.write(caller.access_key, f"ecs:{operation}", change)

    def _arn(self, caller: Caller, resource: str) -> str:
        return str(Arn("ecs", caller.region, self._account, resource))

    def _principal(self, caller: Caller) -> str:
        """Who registered or created something: the account, for there are no users here."""
        return f"arn:aws:iam::{self._account}:root"


def invalid(message: str) -> AwsError:
    """InvalidParameterException: what most of ECS's own checks answer."""
    return AwsError("InvalidParameterException", message)


def client_error(message: str) -> AwsError:
    """ClientException: what ECS answers about task definitions."""
    return AwsError("ClientException", message)


def check_name(member: str, name: str) -> None:
    """Raise InvalidParameterException unless ``name`` is letters, numbers, ``_`` and ``-``."""
    if not _NAME.fullmatch(name):
        raise invalid(
            f"{member} = {name[:300]!r}: must be 1 to 255 letters (uppercase and lowercase),"
            " numbers, underscores, and hyphens."
        )


def refuse_members(request: Request, reasons: Mapping[str, str]) -> None:
    """Raise InvalidParameterException for members that mean nothing on one machine: better than
    to take and ignore them.
    """
    for member, reason in reasons.items():
        if request.get(member):
            raise invalid(f"{member}: not supported by Tealmesh: {reason}")


def cluster_name(text: str | None) -> str:
    """The short name in a cluster's name or ARN; ``default`` where none is given."""
    if not text:
        return DEFAULT_CLUSTER
    return text.rpartition(":cluster/")[2] if text.startswith("arn:") else text


def find_cluster(reader: Reader, text: str | None) -> Document:
    """An active cluster. Raises ClusterNotFoundException."""
    document = any_cluster(reader, text)
    if document is None:
        raise AwsError("ClusterNotFoundException", "Cluster not found.")
    if document.body["status"] != "ACTIVE":
        raise AwsError("ClusterNotFoundException", "The referenced cluster was inactive.")
    return document


def any_cluster(reader: Reader, text: str | None) -> Document | None:
    """The cluster of that name or ARN, be it inactive; None where there is none."""
    document = reader.get(tables.CLUSTERS, cluster_name(text))
    if document is not None and text and text.startswith("arn:"):
        return document if document.body["clusterArn"] == text else None
    return document


def service_name(text: str) -> str:
    """The short name in a service's name or ARN (with the cluster in it or, as before 2018,
    without).
    """
    return last_part(text) if text.startswith("arn:") else text


def any_service(reader: Reader, cluster: str, text: str) -> Document | None:
    """The service of that name or ARN in a cluster, be it inactive."""
    document = reader.get(tables.ECS_SERVICES, cluster, service_name(text))
    if document is None or not text.startswith("arn:"):
        return document
    known = str(document.body["serviceArn"])
    return document if text in (known, known.replace(f"service/{cluster}/", "service/")) else None


def find_service(reader: Reader, cluster: str, text: str) -> Document:
    """A service, be it inactive. Raises ServiceNotFoundException."""
    document = any_service(reader, cluster, text)
    if document is None:
        raise AwsError("ServiceNotFoundException", "Service not found.")
    return document


def find_task(reader: Reader, cluster: str, text: str) -> Document | None:
    """The task of that id or ARN in a cluster."""
    identity = last_part(text) if text.startswith("arn:") else text
    document = reader.get(tables.TASKS, cluster, identity)
    if document is None or not text.startswith("arn:"):
        return document
    known = str(document.body["taskArn"])
    return document if text in (known, known.replace(f"task/{cluster}/", "task/")) else None


def find_definition(reader: Reader, text: str) -> Document | None:
    """The task definition of ``FAMILY`` (its newest active revision), ``FAMILY:REVISION`` or an
    ARN.
    """
    named = text.rpartition("task-definition/")[2] if text.startswith("arn:") else text
    family, colon, revision = named.partition(":")
    if not colon:
        active = [
            d for d in reader.list(tables.TASK_DEFINITIONS, family) if d.body["status"] == "ACTIVE"
        ]
        document = active[-1] if active else None
    elif revision.isdecimal() and revision.isascii():
        document = reader.get(tables.TASK_DEFINITIONS, family, f"{int(revision):06d}")
    else:
        return None
    if document is not None and text.startswith("arn:") and colon:
        return document if document.body["taskDefinitionArn"] == text else None
    return document


def usable_definition(reader: Reader, text: str) -> Body:
    """A task definition to start tasks from. Raises ClientException."""
    document = find_definition(reader, text)
    if document is None:
        raise client_error("TaskDefinition not found.")
    if document.body["status"] != "ACTIVE":
        raise client_error("TaskDefinition is inactive")
    return dict(document.body)


def shown(body: Mapping[str, Any], include: Sequence[str]) -> Body:
    """A resource as Describe shows it: tags only where they are asked for."""
    return {k: v for k, v in body.items() if k != "tags" or "TAGS" in include}


def paged(
    operation: str,
    member: str,
    found: Mapping[str, Any],
    request: Request,
    *scope: str | None,
    descending: bool = False,
) -> Answer:
    """One page of ``found`` (sort key -> what is listed) as a List operation answers it."""
    pager = Pager("InvalidParameterException", (operation, *(part or "" for part in scope)))
    keys, token = pager.page(
        list(found), request.get("maxResults"), request.get("nextToken"), descending=descending
    )
    answer: Answer = {member: [found[key] for key in keys]}
    return answer | ({"nextToken": token} if token else {})
