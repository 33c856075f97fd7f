"""Namespaces, operations and tags of Cloud Map.

The hosted zone of a DNS namespace is computed (`hosted_zones`): Route 53 shows it as long as the
namespace exists.
https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-namespaces.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from tealmesh.apis.requests import digest
from tealmesh.apis.servicediscovery import answers, base
from tealmesh.apis.servicediscovery.base import DiscoveryBase
from tealmesh.model.cloudmap import DiscoveryServiceBody, NamespaceBody, NamespaceWire, TagBody
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Document, Reader, Transaction, tables

if TYPE_CHECKING:
    from types_boto3_servicediscovery.type_defs import (
        CreateHttpNamespaceRequestTypeDef,
        CreatePrivateDnsNamespaceRequestTypeDef,
        CreatePublicDnsNamespaceRequestTypeDef,
        DeleteNamespaceRequestTypeDef,
        DnsPropertiesTypeDef,
        GetNamespaceRequestTypeDef,
        GetOperationRequestTypeDef,
        ListNamespacesRequestTypeDef,
        ListOperationsRequestTypeDef,
        ListTagsForResourceRequestTypeDef,
        NamespacePropertiesTypeDef,
        SOATypeDef,
        TagResourceRequestTypeDef,
        UntagResourceRequestTypeDef,
        UpdateHttpNamespaceRequestTypeDef,
        UpdatePrivateDnsNamespaceRequestTypeDef,
        UpdatePublicDnsNamespaceRequestTypeDef,
    )

    CreateNamespace = (
        CreateHttpNamespaceRequestTypeDef
        | CreatePrivateDnsNamespaceRequestTypeDef
        | CreatePublicDnsNamespaceRequestTypeDef
    )
    CreateDnsNamespace = (
        CreatePrivateDnsNamespaceRequestTypeDef | CreatePublicDnsNamespaceRequestTypeDef
    )
    UpdateDnsNamespace = (
        UpdatePrivateDnsNamespaceRequestTypeDef | UpdatePublicDnsNamespaceRequestTypeDef
    )

SOA_TTL_SECONDS = 15
"""The TTL of a zone's SOA record unless the request sets one: Cloud Map's own."""

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
    """The operations on namespaces, on operations themselves, and on tags."""

    async def create_http_namespace(
        self, caller: Caller, request: CreateHttpNamespaceRequestTypeDef
    ) -> answers.OperationStarted:
        """Create a namespace whose instances are found only by DiscoverInstances."""
        return await self._create(caller, "CreateHttpNamespace", "HTTP", request)

    async def create_private_dns_namespace(
        self, caller: Caller, request: CreatePrivateDnsNamespaceRequestTypeDef
    ) -> answers.OperationStarted:
        """Create a namespace whose instances are also found by DNS within a VPC."""
        ttl, vpc = _soa_ttl(request), request["Vpc"]
        name = "CreatePrivateDnsNamespace"
        return await self._create(caller, name, "DNS_PRIVATE", request, ttl, vpc)

    async def create_public_dns_namespace(
        self, caller: Caller, request: CreatePublicDnsNamespaceRequestTypeDef
    ) -> answers.OperationStarted:
        """Create a namespace whose instances are also found by public DNS."""
        ttl = _soa_ttl(request)
        return await self._create(caller, "CreatePublicDnsNamespace", "DNS_PUBLIC", request, ttl)

    async def _create(
        self,
        caller: Caller,
        name: str,
        kind: str,
        request: CreateNamespace,
        soa_ttl: int = SOA_TTL_SECONDS,
        vpc: str = "",
    ) -> answers.OperationStarted:
        operation = self._operation("CREATE_NAMESPACE")
        identity, zone = self._fresh_id("ns"), f"Z{self._new_id()[:20].upper()}"
        properties: NamespacePropertiesTypeDef = {"HttpProperties": {"HttpName": request["Name"]}}
        if kind != "HTTP":
            properties["DnsProperties"] = {"HostedZoneId": zone, "SOA": {"TTL": soa_ttl}}
        wire: NamespaceWire = {
            "Id": identity,
            "Arn": self._arn(caller, f"namespace/{identity}"),
            "ResourceOwner": self._account,
            "Name": request["Name"],
            "Type": kind,
            "Properties": properties,
            "CreateDate": self._clock(),
        }
        if "Description" in request:
            wire["Description"] = request["Description"]
        if "CreatorRequestId" in request:
            wire["CreatorRequestId"] = request["CreatorRequestId"]

        def change(tx: Transaction) -> answers.OperationStarted:
            repeated = _repeated(tx, name, request)
            if repeated:
                return {"OperationId": repeated}
            body: NamespaceBody = {
                "id": identity,
                "name": request["Name"],
                "vpc": vpc,
                "wire": wire,
                "tags": base.tagged([], request.get("Tags", ()), wire["Arn"]),
                "request": {"kind": name, "digest": digest(request), "operation": operation.id},
            }
            tx.put(tables.NAMESPACES, identity, body=body)
            return operation.succeed(tx, NAMESPACE=identity)

        return await self._write(caller, name, change)

    async def get_namespace(
        self, caller: Caller, request: GetNamespaceRequestTypeDef
    ) -> answers.GetNamespace:
        """Describe one namespace."""
        view = self._store.view
        return {"Namespace": _describe(view, base.find_namespace(view, request["Id"]))}

    async def list_namespaces(
        self, caller: Caller, request: ListNamespacesRequestTypeDef
    ) -> answers.ListNamespaces:
        """List the namespaces that pass all filters."""
        view, sent = self._store.view, request.get("Filters", ())
        filters = base.read_filters(sent, _NAMESPACE_FILTERS)
        namespaces = {
            document.key: _describe(view, document)
            for document in view.list(tables.NAMESPACES)
            if base.pass_all(_filter_values(document.body), filters)
        }
        pager = base.pager("Namespaces", filters=sent)
        page, token = pager.items(namespaces, request.get("MaxResults"), request.get("NextToken"))
        return {"Namespaces": page, "NextToken": token} if token else {"Namespaces": page}

    async def update_http_namespace(
        self, caller: Caller, request: UpdateHttpNamespaceRequestTypeDef
    ) -> answers.OperationStarted:
        """Change the description."""
        description = request["Namespace"].get("Description")
        return await self._update(caller, "UpdateHttpNamespace", "HTTP", request["Id"], description)

    async def update_private_dns_namespace(
        self, caller: Caller, request: UpdatePrivateDnsNamespaceRequestTypeDef
    ) -> answers.OperationStarted:
        """Change the description and the zone's SOA record."""
        return await self._update_dns(caller, "UpdatePrivateDnsNamespace", "DNS_PRIVATE", request)

    async def update_public_dns_namespace(
        self, caller: Caller, request: UpdatePublicDnsNamespaceRequestTypeDef
    ) -> answers.OperationStarted:
        """Change the description and the zone's SOA record."""
        return await self._update_dns(caller, "UpdatePublicDnsNamespace", "DNS_PUBLIC", request)

    async def _update_dns(
        self, caller: Caller, name: str, kind: str, request: UpdateDnsNamespace
    ) -> answers.OperationStarted:
        sent = request["Namespace"]
        properties = sent.get("Properties")
        ttl = properties["DnsProperties"]["SOA"]["TTL"] if properties else None
        return await self._update(caller, name, kind, request["Id"], sent.get("Description"), ttl)

    async def _update(
        self,
        caller: Caller,
        name: str,
        kind: str,
        identity: str,
        description: str | None,
        soa_ttl: int | None = None,
    ) -> answers.OperationStarted:
        operation = self._operation("UPDATE_NAMESPACE")

        def change(tx: Transaction) -> answers.OperationStarted:
            document = base.find_namespace(tx, identity)
            wire = document.body["wire"].copy()
            if wire["Type"] != kind:
                raise base.invalid(
                    f"The namespace {wire['Id']} has the type {wire['Type']}:"
                    f" {name} changes {kind} namespaces only."
                )
            if description is not None:
                wire["Description"] = description
            if soa_ttl is not None:
                dns: DnsPropertiesTypeDef = {
                    **wire["Properties"]["DnsProperties"],
                    "SOA": {"TTL": soa_ttl},
                }
                wire["Properties"] = {**wire["Properties"], "DnsProperties": dns}
            body: NamespaceBody = {**document.body, "wire": wire}
            tx.replace(document, body)
            return operation.succeed(tx, NAMESPACE=wire["Id"])

        return await self._write(caller, name, change)

    async def delete_namespace(
        self, caller: Caller, request: DeleteNamespaceRequestTypeDef
    ) -> answers.OperationStarted:
        """Delete an empty namespace. Raises ResourceInUse while it has services."""
        operation = self._operation("DELETE_NAMESPACE")

        def change(tx: Transaction) -> answers.OperationStarted:
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

    async def get_operation(
        self, caller: Caller, request: GetOperationRequestTypeDef
    ) -> answers.GetOperation:
        """Describe one operation. Raises OperationNotFound."""
        identity = request["OperationId"]
        document = self._store.view.get(tables.SD_OPERATIONS, identity)
        if document is None or request.get("OwnerAccount", self._account) != self._account:
            raise AwsError("OperationNotFound", f"The operation {identity} can't be found.")
        return {"Operation": document.body["wire"]}

    async def list_operations(
        self, caller: Caller, request: ListOperationsRequestTypeDef
    ) -> answers.ListOperations:
        """List the operations that pass all filters."""
        sent = request.get("Filters", ())
        filters = base.read_filters(sent, _OPERATION_FILTERS)
        operations: dict[str, answers.OperationSummary] = {}
        for document in self._store.view.list(tables.SD_OPERATIONS):
            wire = document.body["wire"]
            values = {
                "NAMESPACE_ID": wire["Targets"].get("NAMESPACE", ""),
                "SERVICE_ID": wire["Targets"].get("SERVICE", ""),
                "STATUS": wire["Status"],
                "TYPE": wire["Type"],
                "UPDATE_DATE": str(wire["UpdateDate"]),
            }
            if base.pass_all(values, filters):
                operations[document.key] = {"Id": wire["Id"], "Status": wire["Status"]}
        pager = base.pager("Operations", filters=sent)
        page, token = pager.items(operations, request.get("MaxResults"), request.get("NextToken"))
        return {"Operations": page, "NextToken": token} if token else {"Operations": page}

    async def tag_resource(
        self, caller: Caller, request: TagResourceRequestTypeDef
    ) -> answers.Empty:
        """Set tags on a namespace or a service."""
        arn = request["ResourceARN"]
        return await self._retag(
            caller, "TagResource", arn, lambda tags: base.tagged(tags, request["Tags"], arn)
        )

    async def untag_resource(
        self, caller: Caller, request: UntagResourceRequestTypeDef
    ) -> answers.Empty:
        """Remove tags by key; keys that are not set are no error."""
        removed = set(request["TagKeys"])
        return await self._retag(
            caller,
            "UntagResource",
            request["ResourceARN"],
            lambda tags: [tag for tag in tags if tag["Key"] not in removed],
        )

    async def _retag(
        self,
        caller: Caller,
        name: str,
        arn: str,
        retagged: Callable[[list[TagBody]], list[TagBody]],
    ) -> answers.Empty:
        def change(tx: Transaction) -> None:
            namespace, service = _by_arn(tx, arn)
            if namespace is not None:
                tags = retagged(namespace.body["tags"])
                if tags != namespace.body["tags"]:
                    body: NamespaceBody = {**namespace.body, "tags": tags}
                    tx.replace(namespace, body)
            if service is not None:
                tags = retagged(service.body["tags"])
                if tags != service.body["tags"]:
                    changed: DiscoveryServiceBody = {**service.body, "tags": tags}
                    tx.replace(service, changed)

        await self._write(caller, name, change)
        return {}

    async def list_tags_for_resource(
        self, caller: Caller, request: ListTagsForResourceRequestTypeDef
    ) -> answers.ListTags:
        """List the tags of a namespace or a service."""
        documents = _by_arn(self._store.view, request["ResourceARN"])
        return {"Tags": [tag for d in documents if d is not None for tag in d.body["tags"]]}


def _soa_ttl(request: CreateDnsNamespace) -> int:
    properties = request.get("Properties")
    return properties["DnsProperties"]["SOA"]["TTL"] if properties else SOA_TTL_SECONDS


def _repeated(tx: Transaction, name: str, request: CreateNamespace) -> str:
    """The id of the operation that answered the very same request before; empty if none did.

    Raises NamespaceAlreadyExists. Names are unique over all types: a virtual node refers to its
    namespace by name, which must not be ambiguous.
    """
    for document in tx.list(tables.NAMESPACES):
        if document.body["name"] != request["Name"]:
            continue
        origin = document.body["request"]
        same = origin["kind"] == name and origin["digest"] == digest(request)
        if same and request.get("CreatorRequestId"):
            return origin["operation"]
        wire = document.body["wire"]
        raise AwsError(
            "NamespaceAlreadyExists",
            f"A namespace with the name {request['Name']} already exists: {wire['Id']}.",
            NamespaceId=wire["Id"],
            CreatorRequestId=wire.get("CreatorRequestId"),
        )
    return ""


def _describe(reader: Reader, document: Document[NamespaceBody]) -> answers.Namespace:
    count = len(base.services_of(reader, document.body["id"]))
    wire = document.body["wire"]
    if wire["Type"] == "HTTP":
        # Cloud Map answers this for a namespace without a zone, though its model requires a TTL.
        # https://docs.aws.amazon.com/cloud-map/latest/api/API_GetNamespace.html
        no_zone = cast("SOATypeDef", {})
        wire = {**wire, "Properties": {**wire["Properties"], "DnsProperties": {"SOA": no_zone}}}
    return {**wire, "ServiceCount": count}


def _filter_values(body: NamespaceBody) -> dict[str, str]:
    return {
        "TYPE": body["wire"]["Type"],
        "NAME": body["name"],
        "HTTP_NAME": body["wire"]["Properties"]["HttpProperties"]["HttpName"],
        "RESOURCE_OWNER": "SELF",
    }


def _by_arn(
    reader: Reader, arn: str
) -> tuple[Document[NamespaceBody] | None, Document[DiscoveryServiceBody] | None]:
    """The namespace or the service of an ARN. Raises ResourceNotFoundException."""
    kind, _, identity = arn.rpartition(":")[2].partition("/")
    namespace = reader.get(tables.NAMESPACES, identity) if kind == "namespace" else None
    service = reader.get(tables.SD_SERVICES, identity) if kind == "service" else None
    for document in (namespace, service):
        if document is not None and document.body["wire"]["Arn"] == arn:
            return namespace, service
    raise AwsError("ResourceNotFoundException", f"The resource {arn} can't be found.")
