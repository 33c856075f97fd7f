"""What every part of the Cloud Map API shares: the store, lookups by id or ARN, operations, tags.

Documents hold the wire shape under ``wire`` (PascalCase) beside ``id`` and ``name``; see
docs/design/001. https://docs.aws.amazon.com/cloud-map/latest/api/API_Operations.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tealmesh.apis.paging import Pager
from tealmesh.apis.requests import merged_tags
from tealmesh.model.arn import Arn, last_part
from tealmesh.model.caller import Caller
from tealmesh.model.clock import Clock, NewId
from tealmesh.model.cloudmap import TagBody
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Store, Transaction, View, tables

if TYPE_CHECKING:
    from types_boto3_servicediscovery.type_defs import TagTypeDef

T = TypeVar("T")
Request = Mapping[str, Any]
Answer = dict[str, Any]
Body = dict[str, Any]
Reader = View | Transaction

OPERATION_LIFETIME = 30 * 86400.0
"""Seconds for which operations are remembered: 30 days, as Cloud Map does."""

_SWEEP_EVERY = 3600.0
_DATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


class DiscoveryBase:
    """Holds what the operations need; see `tealmesh.apis.servicediscovery.api`."""

    def __init__(self, store: Store, account: str, clock: Clock, new_id: NewId) -> None:
        self._store = store
        self._account = account
        self._clock = clock
        self._new_id = new_id
        self._sweep_at = 0.0

    async def _write(self, caller: Caller, operation: str, change: Callable[[Transaction], T]) -> T:
        now = self._clock()
        due = now >= self._sweep_at
        if due:
            self._sweep_at = now + _SWEEP_EVERY

        def whole(tx: Transaction) -> T:
            if due:
                _forget_operations(tx, now - OPERATION_LIFETIME)
            return change(tx)

        return await self._store.write(caller.access_key, f"servicediscovery:{operation}", whole)

    def _arn(self, caller: Caller, resource: str) -> str:
        return str(Arn("servicediscovery", caller.region, self._account, resource))

    def _fresh(self, prefix: str) -> str:
        """An id as Cloud Map's: ``ns-`` or ``srv-`` and 16 letters and digits."""
        return f"{prefix}-{self._new_id()[:16]}"

    def _operation(self, kind: str) -> Operation:
        """An operation in the making. Take it before the change: ids are not drawn inside."""
        return Operation(
            f"{self._new_id()}-{self._new_id()[:8]}", kind, self._clock(), self._account
        )


class Operation:
    """What Cloud Map calls an operation. Ours are complete, with the status SUCCESS, when they
    are answered: they are written in the transaction of the change itself.
    """

    def __init__(self, identity: str, kind: str, now: float, account: str) -> None:
        self.id = identity
        self._wire = {
            "Id": identity,
            "OwnerAccount": account,
            "Type": kind,
            "Status": "SUCCESS",
            "CreateDate": now,
            "UpdateDate": now,
        }

    def succeed(self, tx: Transaction, **targets: str) -> Answer:
        """Record the operation on ``targets`` (``NAMESPACE="ns-…"``) and answer its id."""
        body = {"id": self.id, "wire": {**self._wire, "Targets": targets}}
        tx.put(tables.SD_OPERATIONS, self.id, body=body)
        return {"OperationId": self.id}


def invalid(message: str) -> AwsError:
    """InvalidInput: what most of Cloud Map's own checks answer."""
    return AwsError("InvalidInput", message)


def find_namespace(reader: Reader, text: str) -> Document:
    """The namespace of an id or ARN. Raises NamespaceNotFound."""
    document = reader.get(tables.NAMESPACES, last_part(text))
    if document is None or (text.startswith("arn:") and document.body["wire"]["Arn"] != text):
        raise AwsError("NamespaceNotFound", f"The namespace {text} can't be found.")
    return document


def find_service(reader: Reader, text: str) -> Document:
    """The service of an id or ARN. Raises ServiceNotFound."""
    document = reader.get(tables.SD_SERVICES, last_part(text))
    if document is None or (text.startswith("arn:") and document.body["wire"]["Arn"] != text):
        raise AwsError("ServiceNotFound", f"The service {text} can't be found.")
    return document


def services_of(reader: Reader, namespace: str) -> list[Document]:
    """The services of a namespace."""
    found = reader.list(tables.SD_SERVICES)
    return [document for document in found if document.body["namespaceId"] == namespace]


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


def checked(
    filters: Sequence[Mapping[str, Any]], conditions: Mapping[str, Sequence[str]]
) -> Sequence[Mapping[str, Any]]:
    """``filters``, once each has a condition that it knows and as many values as that takes.

    ``conditions``: by filter name. Raises InvalidInput.
    """
    for wanted in filters:
        name, condition, values = wanted["Name"], wanted.get("Condition", "EQ"), wanted["Values"]
        if condition not in conditions[name]:
            allowed = " or ".join(conditions[name])
            raise invalid(f"Filters: condition {condition} of {name}: must be {allowed}")
        if condition == "BETWEEN":
            if len(values) != 2 or not all(_DATE.fullmatch(value) for value in values):
                raise invalid(
                    f"Filters: {name} BETWEEN needs a start and an end in seconds since 1970,"
                    f" not {values}"
                )
        elif condition != "IN" and len(values) != 1:
            raise invalid(f"Filters: {name} {condition} needs one value, not {values}")
    return filters


def matches(values: Mapping[str, str], filters: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what has these ``values`` by filter name passes all (checked) ``filters``."""
    return all(_passes(values[wanted["Name"]], wanted) for wanted in filters)


def _passes(value: str, wanted: Mapping[str, Any]) -> bool:
    operands = wanted["Values"]
    match wanted.get("Condition", "EQ"):
        case "IN":
            return value in operands
        case "BETWEEN":
            return float(operands[0]) <= float(value) <= float(operands[1])
        case "BEGINS_WITH":
            return value.startswith(operands[0])
        case _:
            return bool(value == operands[0])


def paged(member: str, found: Mapping[str, Any], request: Request, *scope: str) -> Answer:
    """One page of ``found`` (sort key -> what is listed) as a List operation answers it."""
    filters = json.dumps(request.get("Filters", []), sort_keys=True)
    pager = Pager("InvalidInput", (member, filters, *scope), member="NextToken")
    keys, token = pager.page(list(found), request.get("MaxResults"), request.get("NextToken"))
    answer: Answer = {member: [found[key] for key in keys]}
    return answer | ({"NextToken": token} if token else {})


def _forget_operations(tx: Transaction, before: float) -> None:
    for document in tx.list(tables.SD_OPERATIONS):
        if document.body["wire"]["UpdateDate"] < before:
            tx.delete(tables.SD_OPERATIONS, document.body["id"])
