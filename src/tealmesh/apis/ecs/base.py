"""What the operations of ECS share: the store, errors, lookups by name or ARN, and pages.

A cluster, service, task or task definition may be named by its short name or its ARN. Error texts
are those of ECS. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from tealmesh.apis.ecs.answers import NextPage
from tealmesh.apis.ecs.requests import PageRequest
from tealmesh.apis.paging import Pager
from tealmesh.model.arn import Arn, last_part
from tealmesh.model.clock import Clock, NewId
from tealmesh.model.ecs.bodies import ServiceBody, TaskBody, TaskDefinitionBody
from tealmesh.model.ecs.clusters import CapacityProviderBody, ClusterBody
from tealmesh.model.ecs.names import NAME, revision_key
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Document, Reader, Store, Transaction, tables

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import FailureTypeDef

T = TypeVar("T")
Shown = TypeVar("Shown", ClusterBody, CapacityProviderBody, ServiceBody, TaskBody)

DEFAULT_CLUSTER = "default"


class EcsBase:
    """What every group of operations works with."""

    def __init__(self, store: Store, account: str, clock: Clock, new_id: NewId) -> None:
        self._store = store
        self._account = account
        self._clock = clock
        self._new_id = new_id

    async def _write(self, caller: Caller, operation: str, change: Callable[[Transaction], T]) -> T:
        return await self._store.write(caller.actor, f"ecs:{operation}", change)

    def _arn(self, caller: Caller, resource: str) -> str:
        return str(Arn("ecs", caller.region, self._account, resource))

    def _full_arn(self, caller: Caller, kind: str, text: str) -> str:
        """The ARN of a resource of this ``kind`` that may have been named by its ARN already."""
        return text if text.startswith("arn:") else self._arn(caller, f"{kind}/{text}")

    def _missing(self, caller: Caller, kind: str, text: str) -> FailureTypeDef:
        """The failure of a Describe operation for a resource that does not exist."""
        return {"arn": self._full_arn(caller, kind, text), "reason": "MISSING"}

    def _principal(self) -> str:
        """Who registers and creates resources. There are no users here: the account does."""
        return f"arn:aws:iam::{self._account}:root"


def invalid(message: str) -> AwsError:
    """InvalidParameterException, which most of ECS's own checks raise."""
    return AwsError("InvalidParameterException", message)


def client_error(message: str) -> AwsError:
    """ClientException, which ECS raises about task definitions."""
    return AwsError("ClientException", message)


def length(sent: object) -> int:
    """The bytes of what was sent as compact JSON, by which ECS limits it."""
    return len(json.dumps(sent, separators=(",", ":"), ensure_ascii=False).encode())


def check_name(member: str, name: str) -> None:
    """Raise InvalidParameterException unless ``name`` is letters, numbers, ``_`` and ``-``."""
    if not NAME.fullmatch(name):
        raise invalid(
            f"{member} = {name[:300]!r}: must be 1 to 255 letters (uppercase and lowercase),"
            " numbers, underscores, and hyphens."
        )


def distinct(member: str, names: Sequence[str], most: int) -> list[str]:
    """The different names in a Describe request. Raises InvalidParameterException if there are
    none, or more than ``most``.
    """
    if not names:
        raise invalid(f"{member.capitalize()} cannot be empty.")
    if len(names) > most:
        raise invalid(f"{member}: {len(names)} named: at most {most} are allowed")
    return list(dict.fromkeys(names))


def refuse_members(request: Mapping[str, object], reasons: Mapping[str, str]) -> None:
    """Raise InvalidParameterException for a member that has no meaning on one machine, rather
    than ignore it.
    """
    for member, reason in reasons.items():
        if request.get(member):
            raise invalid(f"{member}: not supported by Tealmesh: {reason}")


def cluster_name(text: str | None) -> str:
    """The short name in a cluster's name or ARN; ``default`` if none is given."""
    if not text:
        return DEFAULT_CLUSTER
    return text.rpartition(":cluster/")[2] if text.startswith("arn:") else text


def find_cluster(reader: Reader, text: str | None) -> Document[ClusterBody]:
    """An active cluster by name or ARN. Raises ClusterNotFoundException."""
    document = any_cluster(reader, text)
    if document is None:
        raise AwsError("ClusterNotFoundException", "Cluster not found.")
    if document.body["status"] != "ACTIVE":
        raise AwsError("ClusterNotFoundException", "The referenced cluster was inactive.")
    return document


def any_cluster(reader: Reader, text: str | None) -> Document[ClusterBody] | None:
    """A cluster by name or ARN, even an inactive one, or None."""
    document = reader.get(tables.CLUSTERS, cluster_name(text))
    if document is not None and text and text.startswith("arn:"):
        return document if document.body["clusterArn"] == text else None
    return document


def provider_name(text: str) -> str:
    """The short name in a provider's name or ARN."""
    return last_part(text) if text.startswith("arn:") else text


def any_provider(reader: Reader, text: str) -> Document[CapacityProviderBody] | None:
    """A provider of an Auto Scaling group by name or ARN, or None if none is active."""
    document = reader.get(tables.CAPACITY_PROVIDERS, provider_name(text))
    if document is None or document.body["status"] != "ACTIVE":
        return None
    return document if text in provider_names(document.body) else None


def provider_names(body: CapacityProviderBody) -> tuple[str, str]:
    """What a provider may be named by."""
    return body["name"], body["capacityProviderArn"]


def any_service(reader: Reader, cluster: str, text: str) -> Document[ServiceBody] | None:
    """A cluster's service by name or ARN (also the old form without the cluster), even an
    inactive one, or None.
    """
    document = reader.get(tables.ECS_SERVICES, cluster, _short(text))
    if document is None or not text.startswith("arn:"):
        return document
    arn = document.body["serviceArn"]
    return document if text in (arn, arn.replace(f"service/{cluster}/", "service/")) else None


def find_service(reader: Reader, cluster: str, text: str) -> Document[ServiceBody]:
    """As `any_service`. Raises ServiceNotFoundException instead of returning None."""
    document = any_service(reader, cluster, text)
    if document is None:
        raise AwsError("ServiceNotFoundException", "Service not found.")
    return document


def find_task(reader: Reader, cluster: str, text: str) -> Document[TaskBody] | None:
    """A cluster's task by id or ARN (also the old form without the cluster), or None."""
    document = reader.get(tables.TASKS, cluster, _short(text))
    if document is None or not text.startswith("arn:"):
        return document
    arn = document.body["taskArn"]
    return document if text in (arn, arn.replace(f"task/{cluster}/", "task/")) else None


def _short(text: str) -> str:
    return last_part(text) if text.startswith("arn:") else text


def find_definition(reader: Reader, text: str) -> Document[TaskDefinitionBody] | None:
    """A task definition by ``FAMILY:REVISION``, by ARN, or by ``FAMILY`` (its newest active
    revision); None if there is none.
    """
    named = text.rpartition("task-definition/")[2] if text.startswith("arn:") else text
    family, colon, revision = named.partition(":")
    if not colon:
        revisions = reader.list(tables.TASK_DEFINITIONS, family)
        active = [d for d in revisions if d.body["status"] == "ACTIVE"]
        return active[-1] if active else None
    if not (revision.isdecimal() and revision.isascii()):
        return None
    document = reader.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
    if document is not None and text.startswith("arn:"):
        return document if document.body["taskDefinitionArn"] == text else None
    return document


def usable_definition(reader: Reader, text: str) -> TaskDefinitionBody:
    """An active task definition, to start tasks from. Raises ClientException."""
    document = find_definition(reader, text)
    if document is None:
        raise client_error("TaskDefinition not found.")
    if document.body["status"] != "ACTIVE":
        raise client_error("TaskDefinition is inactive")
    return document.body


def shown(body: Shown, include: Sequence[str]) -> Shown:
    """A copy of a resource as Describe operations show it: with tags only if asked for."""
    copy = body.copy()
    if "TAGS" not in include:
        copy.pop("tags", None)
    return copy


def page(
    operation: str,
    listed: Mapping[str, T],
    request: PageRequest,
    *scope: str | None,
    descending: bool = False,
) -> tuple[list[T], NextPage]:
    """One page of ``listed``, which is keyed by what it is sorted by.

    ``scope`` are the filters of the list. Raises InvalidParameterException for a bad token or
    limit.
    """
    pager = Pager("InvalidParameterException", (operation, *(part or "" for part in scope)))
    items, token = pager.items(
        listed, request.get("maxResults"), request.get("nextToken"), descending=descending
    )
    return items, {"nextToken": token} if token else {}
