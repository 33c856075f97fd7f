"""Namespaces, operations and tags of Cloud Map.

A private or public DNS namespace gets a made-up hosted zone id: no zone is made in Route 53,
whose answers would not be the instances anyway.
https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-namespaces.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tealmesh.apis.requests import digest
from tealmesh.apis.servicediscovery import base
from tealmesh.apis.servicediscovery.base import Answer, Body, DiscoveryBase, Reader, Request
from tealmesh.model.caller import Caller
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Transaction, tables

_SOA_TTL = 15
"""Seconds; Cloud Map's own."""

_NAMESPACE_FILTERS = {
    "TYPE": ("EQ", "BEGINS_WITH"),
    "NAME": ("EQ", "BEGINS_WITH"),
    "HTTP_NAME": ("EQ", "BEGINS_WITH"),
    "RESOURCE_OWNER": ("EQ",),
}
_OPERATION_FILTERS = {
    "NAMESPACE_ID": ("EQ",),
    "SERVICE_ID": ("EQ",),
    "STATUS": ("EQ", "IN"),
    "TYPE": ("EQ", "IN"),
    "UPDATE_DATE": ("BETWEEN",),
}


class Namespaces(DiscoveryBase):
    """The operations of namespaces, of operations themselves, and of tags."""

    async def create_http_namespace(self, caller: Caller, request: Request) -> Answer:
        """A namespace whose instances are found by DiscoverInstances only."""
        return await self._create(caller, "CreateHttpNamespace", "HTTP", request)

    async def create_private_dns_namespace(self, caller: Caller, request: Request) -> Answer:
        """A namespace whose instances are also found by DNS within a VPC."""
        return await self._create(caller, "CreatePrivateDnsNamespace", "DNS_PRIVATE", request)

    async def create_public_dns_namespace(self, caller: Caller, request: Request) -> Answer:
        """A namespace whose instances are also found by public DNS."""
        return await self._create(caller, "CreatePublicDnsNamespace", "DNS_PUBLIC", request)

    async def _create(self, caller: Caller, name: str, kind: str, request: Request) -> Answer:
        operation = self._operation("CREATE_NAMESPACE")
        identity, zone = self._fresh("ns"), f"Z{self._new_id()[:20].upper()}"
        now = self._clock()

        def change(tx: Transaction) -> Answer:
            repeated = _repeated(tx, name, request)
            if repeated:
                return {"OperationId": repeated}
            sent = {"kind": name, "digest": digest(request), "operation": operation.id}
            wire = self._namespace_wire(caller, identity, kind, request, zone) | {"CreateDate": now}
            body = {
                "id": identity,
                "name": request["Name"],
                "vpc": request.get("Vpc", ""),
                "wire": wire,
                "tags": base.tagged([], request.get("Tags", ()), wire["Arn"]),
                "request": sent,
            }
            tx.put(tables.NAMESPACES, identity, body=body)
            return operation.succeed(tx, NAMESPACE=identity)

        return await self._write(caller, name, change)

    def _namespace_wire(
        self, caller: Caller, identity: str, kind: str, request: Request, zone: str
    ) -> Body:
        properties: Body = {"HttpProperties": {"HttpName": request["Name"]}}
        if kind != "HTTP":
            sent = (request.get("Properties") or {}).get("DnsProperties") or {}
            soa = sent.get("SOA") or {"TTL": _SOA_TTL}
            properties["DnsProperties"] = {"HostedZoneId": zone, "SOA": soa}
        wire = {
            "Id": identity,
            "Arn": self._arn(caller, f"namespace/{identity}"),
            "ResourceOwner": self._account,
            "Name": request["Name"],
            "Type": kind,
            "Properties": properties,
        }
        optional = ("Description", "CreatorRequestId")
        return wire | {member: request[member] for member in optional if member in request}

    async def get_namespace(self, caller: Caller, request: Request) -> Answer:
        """One namespace."""
        view = self._store.view
        return {"Namespace": _shown(view, base.find_namespace(view, request["Id"]))}

    async def list_namespaces(self, caller: Caller, request: Request) -> Answer:
        """The namespaces that pass all filters."""
        view = self._store.view
        filters = base.checked(request.get("Filters", ()), _NAMESPACE_FILTERS)
        found = {
            document.key: _shown(view, document)
            for document in view.list(tables.NAMESPACES)
            if base.matches(_filtered_by(document.body), filters)
        }
        return base.paged("Namespaces", found, request)

    async def update_http_namespace(self, caller: Caller, request: Request) -> Answer:
        """Change the description."""
        return await self._update(caller, "UpdateHttpNamespace", "HTTP", request)

    async def update_private_dns_namespace(self, caller: Caller, request: Request) -> Answer:
        """Change the description and the zone's SOA record."""
        return await self._update(caller, "UpdatePrivateDnsNamespace", "DNS_PRIVATE", request)

    async def update_public_dns_namespace(self, caller: Caller, request: Request) -> Answer:
        """Change the description and the zone's SOA record."""
        return await self._update(caller, "UpdatePublicDnsNamespace", "DNS_PUBLIC", request)

    async def _update(self, caller: Caller, name: str, kind: str, request: Request) -> Answer:
        operation = self._operation("UPDATE_NAMESPACE")

        def change(tx: Transaction) -> Answer:
            document = base.find_namespace(tx, request["Id"])
            wire = dict(document.body["wire"])
            if wire["Type"] != kind:
                raise base.invalid(
                    f"The namespace {wire['Id']} has the type {wire['Type']}:"
                    f" {name} changes {kind} namespaces only."
                )
            sent = request["Namespace"]
            if "Description" in sent:
                wire["Description"] = sent["Description"]
            if sent.get("Properties"):
                soa = sent["Properties"]["DnsProperties"]["SOA"]
                dns = {**wire["Properties"]["DnsProperties"], "SOA": soa}
                wire["Properties"] = {**wire["Properties"], "DnsProperties": dns}
            tx.replace(document, {**document.body, "wire": wire})
            return operation.succeed(tx, NAMESPACE=wire["Id"])

        return await self._write(caller, name, change)

    async def delete_namespace(self, caller: Caller, request: Request) -> Answer:
        """Delete an empty namespace. Raises ResourceInUse while it has services."""
        operation = self._operation("DELETE_NAMESPACE")

        def change(tx: Transaction) -> Answer:
            identity = base.find_namespace(tx, request["Id"]).body["id"]
            services = base.services_of(tx, identity)
            if services:
                names = ", ".join(sorted(s.body["name"] for s in services)[:5])
                raise AwsError(
                    "ResourceInUse",
                    f"The namespace {identity} has {len(services)} services ({names}): delete"
                    " them before the namespace.",
                )
            tx.delete(tables.NAMESPACES, identity)
            return operation.succeed(tx, NAMESPACE=identity)

        return await self._write(caller, "DeleteNamespace", change)

    async def get_operation(self, caller: Caller, request: Request) -> Answer:
        """One operation. Raises OperationNotFound."""
        identity = request["OperationId"]
        document = self._store.view.get(tables.SD_OPERATIONS, identity)
        if document is None or request.get("OwnerAccount", self._account) != self._account:
            raise AwsError("OperationNotFound", f"The operation {identity} can't be found.")
        return {"Operation": document.body["wire"]}

    async def list_operations(self, caller: Caller, request: Request) -> Answer:
        """The operations that pass all filters."""
        filters = base.checked(request.get("Filters", ()), _OPERATION_FILTERS)
        found = {}
        for document in self._store.view.list(tables.SD_OPERATIONS):
            wire = document.body["wire"]
            values = {
                "NAMESPACE_ID": wire["Targets"].get("NAMESPACE", ""),
                "SERVICE_ID": wire["Targets"].get("SERVICE", ""),
                "STATUS": wire["Status"],
                "TYPE": wire["Type"],
                "UPDATE_DATE": str(wire["UpdateDate"]),
            }
            if base.matches(values, filters):
                found[document.key] = {"Id": wire["Id"], "Status": wire["Status"]}
        return base.paged("Operations", found, request)

    async def tag_resource(self, caller: Caller, request: Request) -> Answer:
        """Set tags on a namespace or a service."""

        def change(tx: Transaction) -> None:
            arn = request["ResourceARN"]
            document = _by_arn(tx, arn)
            tags = base.tagged(document.body["tags"], request["Tags"], arn)
            if tags != document.body["tags"]:
                tx.replace(document, {**document.body, "tags": tags})

        await self._write(caller, "TagResource", change)
        return {}

    async def untag_resource(self, caller: Caller, request: Request) -> Answer:
        """Remove tags by key; keys that are not set are no error."""

        def change(tx: Transaction) -> None:
            document, gone = _by_arn(tx, request["ResourceARN"]), set(request["TagKeys"])
            tags = [tag for tag in document.body["tags"] if tag["Key"] not in gone]
            if tags != document.body["tags"]:
                tx.replace(document, {**document.body, "tags": tags})

        await self._write(caller, "UntagResource", change)
        return {}

    async def list_tags_for_resource(self, caller: Caller, request: Request) -> Answer:
        """The tags of one namespace or service."""
        return {"Tags": _by_arn(self._store.view, request["ResourceARN"]).body["tags"]}


def _repeated(tx: Transaction, name: str, request: Request) -> str:
    """The operation of the very same request, made before; empty where there was none.

    Raises NamespaceAlreadyExists. Names are unique over all types: a virtual node names its
    namespace, and it must be clear which one is meant.
    """
    for document in tx.list(tables.NAMESPACES):
        if document.body["name"] != request["Name"]:
            continue
        sent = document.body["request"]
        same = sent["kind"] == name and sent["digest"] == digest(request)
        if same and request.get("CreatorRequestId"):
            return str(sent["operation"])
        wire = document.body["wire"]
        raise AwsError(
            "NamespaceAlreadyExists",
            f"A namespace with the name {request['Name']} already exists: {wire['Id']}.",
            NamespaceId=wire["Id"],
            CreatorRequestId=wire.get("CreatorRequestId"),
        )
    return ""


def _shown(reader: Reader, document: Document) -> Body:
    count = len(base.services_of(reader, document.body["id"]))
    return {**document.body["wire"], "ServiceCount": count}


def _filtered_by(body: Mapping[str, Any]) -> dict[str, str]:
    return {
        "TYPE": body["wire"]["Type"],
        "NAME": body["name"],
        "HTTP_NAME": body["wire"]["Properties"]["HttpProperties"]["HttpName"],
        "RESOURCE_OWNER": "SELF",
    }


def _by_arn(reader: Reader, arn: str) -> Document:
    kind, _, identity = arn.rpartition(":")[2].partition("/")
    collection = {"namespace": tables.NAMESPACES, "service": tables.SD_SERVICES}.get(kind)
    document = reader.get(collection, identity) if collection else None
    if document is None or document.body["wire"]["Arn"] != arn:
        raise AwsError("ResourceNotFoundException", f"The resource {arn} can't be found.")
    return document
