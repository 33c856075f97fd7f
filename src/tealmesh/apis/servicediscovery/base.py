"""What every part of the Cloud Map API shares: the store, lookups by id or ARN, operations, tags,
filters and pages.

Documents hold what the API returns under ``wire`` (PascalCase) beside ``id`` and ``name``
(`model.cloudmap`). https://docs.aws.amazon.com/cloud-map/latest/api/API_Operations.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tealmesh.apis.paging import Pager
from tealmesh.apis.requests import merged_tags
from tealmesh.apis.servicediscovery import answers
from tealmesh.model.arn import Arn, last_part
from tealmesh.model.clock import Clock, NewId
from tealmesh.model.cloudmap import (
    DiscoveryServiceBody,
    NamespaceBody,
    OperationBody,
    OperationWire,
    TagBody,
)
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Document, Reader, Store, Transaction, tables

if TYPE_CHECKING:
    from types_boto3_servicediscovery.type_defs import (
        NamespaceFilterTypeDef,
        OperationFilterTypeDef,
        ServiceFilterTypeDef,
        TagTypeDef,
    )

    SentFilters = Sequence[NamespaceFilterTypeDef | OperationFilterTypeDef | ServiceFilterTypeDef]

T = TypeVar("T")

OPERATION_LIFETIME_SECONDS = 30 * 86400.0
"""Operations are kept for 30 days, as in Cloud Map."""

_SWEEP_SECONDS = 3600.0
"""The time between two removals of expired operations."""

_EPOCH_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


class DiscoveryBase:
    """Holds what the operations need; see `tealmesh.apis.servicediscovery.api`."""

    def __init__(self, store: Store, account: str, clock: Clock, new_id: NewId) -> None:
        self._store = store
        self._account = account
        self._clock = clock
        self._new_id = new_id
        self._sweep_at = 0.0

    async def _write(self, caller: Caller, operation: str, change: Callable[[Transaction], T]) -> T:
        now = self._store.now().at
        due = now >= self._sweep_at
        if due:
            self._sweep_at = now + _SWEEP_SECONDS

        def sweep_and_change(tx: Transaction) -> T:
            if due:
                _remove_operations(tx)
            return change(tx)

        name = f"servicediscovery:{operation}"
        return await self._store.write(caller.actor, name, sweep_and_change)

    def _arn(self, caller: Caller, resource: str) -> str:
        return str(Arn("servicediscovery", caller.region, self._account, resource))

    def _fresh_id(self, prefix: str) -> str:
        """An id in Cloud Map's form: ``ns-`` or ``srv-`` and 16 letters and digits."""
        return f"{prefix}-{self._new_id()[:16]}"

    def _operation(self, kind: str) -> Operation:
        """A new operation. Call this before the change: a change draws no ids and no time."""
        identity = f"{self._new_id()}-{self._new_id()[:8]}"
        return Operation(identity, kind, self._clock(), self._account)


@dataclass(frozen=True)
class Operation:
    """What Cloud Map calls an operation. Ours is written in the transaction of the change itself,
    so it is complete, with the status SUCCESS, when it is answered.
    """

    id: str
    kind: str
    at: float
    account: str

    def succeed(self, tx: Transaction, **targets: str) -> answers.OperationStarted:
        """Record the operation on ``targets`` (``NAMESPACE="ns-…"``) and answer its id."""
        wire: OperationWire = {
            "Id": self.id,
            "OwnerAccount": self.account,
            "Type": self.kind,
            "Status": "SUCCESS",
            "CreateDate": self.at,
            "UpdateDate": self.at,
            "Targets": targets,
        }
        body: OperationBody = {"id": self.id, "wire": wire, "since": tx.moment.stored()}
        tx.put(tables.SD_OPERATIONS, self.id, body=body)
        return {"OperationId": self.id}


def invalid(message: str) -> AwsError:
    """InvalidInput: the answer of most of Cloud Map's own checks."""
    return AwsError("InvalidInput", message)


def find_namespace(reader: Reader, text: str) -> Document[NamespaceBody]:
    """The namespace of an id or ARN. Raises NamespaceNotFound."""
    document = reader.get(tables.NAMESPACES, last_part(text))
    if document is None or (text.startswith("arn:") and document.body["wire"]["Arn"] != text):
        raise AwsError("NamespaceNotFound", f"The namespace {text} can't be found.")
    return document


def find_service(reader: Reader, text: str) -> Document[DiscoveryServiceBody]:
    """The service of an id or ARN. Raises ServiceNotFound."""
    document = reader.get(tables.SD_SERVICES, last_part(text))
    if document is None or (text.startswith("arn:") and document.body["wire"]["Arn"] != text):
        raise AwsError("ServiceNotFound", f"The service {text} can't be found.")
    return document


def services_of(reader: Reader, namespace: str) -> list[Document[DiscoveryServiceBody]]:
    """The services of a namespace, given by its id."""
    return [d for d in reader.list(tables.SD_SERVICES) if d.body["namespaceId"] == namespace]


def tagged(present: Sequence[TagBody], added: Sequence[TagTypeDef], resource: str) -> list[TagBody]:
    """``present`` with ``added`` set; of a key given twice the last value counts. Raises
    InvalidInput and TooManyTagsException, which names the ``resource`` by its ARN.
    """
    merged = merged_tags(
        {tag["Key"]: tag["Value"] for tag in present},
        {tag["Key"]: tag["Value"] for tag in added}.items(),
        "Tags.Key",
        invalid,
        partial(AwsError, "TooManyTagsException", ResourceName=resource),
    )
    return [{"Key": key, "Value": value} for key, value in merged.items()]


@dataclass(frozen=True)
class Filter:
    """One filter of a List request: passes what has a fitting value of ``name``."""

    name: str
    condition: str
    """EQ, IN, BETWEEN or BEGINS_WITH."""
    values: tuple[str, ...]

    def passes(self, value: str) -> bool:
        match self.condition:
            case "IN":
                return value in self.values
            case "BETWEEN":
                return float(self.values[0]) <= float(value) <= float(self.values[1])
            case "BEGINS_WITH":
                return value.startswith(self.values[0])
            case _:
                return value == self.values[0]


def read_filters(
    sent: SentFilters, conditions: Mapping[str, Sequence[str]], *, ids: bool = False
) -> list[Filter]:
    """The filters of a request. ``conditions`` are the allowed ones by filter name; with ``ids``
    a value that is an ARN counts as the id at its end.

    Raises InvalidInput for a condition that the filter does not have, and for a wrong number of
    values.
    """
    filters = []
    for one in sent:
        name, condition, values = one["Name"], one.get("Condition", "EQ"), one["Values"]
        if condition not in conditions[name]:
            allowed = " or ".join(conditions[name])
            raise invalid(f"Filters: condition {condition} of {name}: must be {allowed}")
        if condition == "BETWEEN":
            if len(values) != 2 or not all(_EPOCH_SECONDS.fullmatch(value) for value in values):
                raise invalid(
                    f"Filters: {name} BETWEEN needs a start and an end in seconds since 1970,"
                    f" not {values}"
                )
        elif condition != "IN" and len(values) != 1:
            raise invalid(f"Filters: {name} {condition} needs one value, not {values}")
        read = tuple(last_part(value) for value in values) if ids else tuple(values)
        filters.append(Filter(name, condition, read))
    return filters


def pass_all(values: Mapping[str, str], filters: Sequence[Filter]) -> bool:
    """Whether something with these ``values`` by filter name passes all ``filters``."""
    return all(filter_.passes(values[filter_.name]) for filter_ in filters)


def pager(member: str, *scope: str, filters: SentFilters = ()) -> Pager:
    """The pages of a List operation that answers ``member``."""
    return Pager(
        "InvalidInput",
        (member, json.dumps(filters, sort_keys=True), *scope),
        member="NextToken",
        limit_member="MaxResults",
    )


def _remove_operations(tx: Transaction) -> None:
    for document in tx.list(tables.SD_OPERATIONS):
        if tx.moment.since(document.body.get("since")) > OPERATION_LIFETIME_SECONDS:
            tx.delete(tables.SD_OPERATIONS, document.body["id"])
