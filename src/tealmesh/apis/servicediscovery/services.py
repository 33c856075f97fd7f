"""Services of Cloud Map and their attributes.

https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-services.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tealmesh.apis.requests import digest
from tealmesh.apis.servicediscovery import answers, base
from tealmesh.apis.servicediscovery.base import DiscoveryBase
from tealmesh.model.cloudmap import DiscoveryServiceBody, DiscoveryServiceWire, NamespaceBody
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Document, Reader, Transaction, instances, tables

if TYPE_CHECKING:
    from types_boto3_servicediscovery.type_defs import (
        CreateServiceRequestTypeDef,
        DeleteServiceAttributesRequestTypeDef,
        DeleteServiceRequestTypeDef,
        DnsConfigOutputTypeDef,
        DnsRecordTypeDef,
        GetServiceAttributesRequestTypeDef,
        GetServiceRequestTypeDef,
        ListServicesRequestTypeDef,
        ServiceChangeTypeDef,
        UpdateServiceAttributesRequestTypeDef,
        UpdateServiceRequestTypeDef,
    )

MAX_ATTRIBUTES = 30
"""Attributes of one service."""

_FILTERS = {"NAMESPACE_ID": ("EQ",), "RESOURCE_OWNER": ("EQ",)}


class DiscoveryServices(DiscoveryBase):
    """The operations on services."""

    async def create_service(
        self, caller: Caller, request: CreateServiceRequestTypeDef
    ) -> answers.GetService:
        """Create a service in a namespace. The same request again gets the same answer.

        Raises NamespaceNotFound, ServiceAlreadyExists and InvalidInput.
        """
        identity, now = self._fresh_id("srv"), self._clock()

        def change(tx: Transaction) -> answers.GetService:
            dns = request.get("DnsConfig")
            asked = request.get("NamespaceId") or (dns.get("NamespaceId") if dns else None)
            if not asked:
                raise base.invalid("NamespaceId: the id of the service's namespace is needed")
            namespace = base.find_namespace(tx, asked).body
            present = _repeated(tx, namespace["id"], request)
            if present is not None:
                return {"Service": _describe(tx, present)}
            wire = self._new_wire(caller, identity, now, namespace, request)
            body: DiscoveryServiceBody = {
                "id": identity,
                "name": request["Name"],
                "namespaceId": namespace["id"],
                "wire": wire,
                "attributes": {},
                "tags": base.tagged([], request.get("Tags", ()), wire["Arn"]),
                "request": digest(request),
            }
            return {"Service": _describe(tx, tx.put(tables.SD_SERVICES, identity, body=body))}

        return await self._write(caller, "CreateService", change)

    def _new_wire(
        self,
        caller: Caller,
        identity: str,
        now: float,
        namespace: NamespaceBody,
        request: CreateServiceRequestTypeDef,
    ) -> DiscoveryServiceWire:
        kind = namespace["wire"]["Type"]
        _check_health_checks(
            kind,
            route_53="HealthCheckConfig" in request,
            custom="HealthCheckCustomConfig" in request,
        )
        wire: DiscoveryServiceWire = {
            "Id": identity,
            "Arn": self._arn(caller, f"service/{identity}"),
            "ResourceOwner": self._account,
            "Name": request["Name"],
            "NamespaceId": namespace["id"],
            "Type": "HTTP",
            "CreatedByAccount": self._account,
            "CreateDate": now,
        }
        if "Description" in request:
            wire["Description"] = request["Description"]
        if "HealthCheckConfig" in request:
            wire["HealthCheckConfig"] = request["HealthCheckConfig"]
        if "HealthCheckCustomConfig" in request:
            wire["HealthCheckCustomConfig"] = request["HealthCheckCustomConfig"]
        if "CreatorRequestId" in request:
            wire["CreatorRequestId"] = request["CreatorRequestId"]
        config = _dns_config(namespace, request)
        if config is None:
            return wire
        return {**wire, "Type": "DNS_HTTP", "DnsConfig": config}

    async def get_service(
        self, caller: Caller, request: GetServiceRequestTypeDef
    ) -> answers.GetService:
        """Describe one service."""
        view = self._store.view
        return {"Service": _describe(view, base.find_service(view, request["Id"]))}

    async def list_services(
        self, caller: Caller, request: ListServicesRequestTypeDef
    ) -> answers.ListServices:
        """List the services that pass all filters."""
        view, sent = self._store.view, request.get("Filters", ())
        filters = base.read_filters(sent, _FILTERS, ids=True)
        services = {
            document.key: _describe(view, document)
            for document in view.list(tables.SD_SERVICES)
            if base.pass_all(
                {"NAMESPACE_ID": document.body["namespaceId"], "RESOURCE_OWNER": "SELF"}, filters
            )
        }
        pager = base.pager("Services", filters=sent)
        page, token = pager.items(services, request.get("MaxResults"), request.get("NextToken"))
        return {"Services": page, "NextToken": token} if token else {"Services": page}

    async def update_service(
        self, caller: Caller, request: UpdateServiceRequestTypeDef
    ) -> answers.OperationStarted:
        """Change description, records and health check.

        As in Cloud Map, DNS records and a Route 53 health check that the request leaves out are
        deleted; a custom health check stays.
        """
        operation = self._operation("UPDATE_SERVICE")

        def change(tx: Transaction) -> answers.OperationStarted:
            document = base.find_service(tx, request["Id"])
            wire, sent = document.body["wire"].copy(), request["Service"]
            if "Description" in sent:
                wire["Description"] = sent["Description"]
            if wire["Type"] == "HTTP":
                if sent.get("DnsConfig") or sent.get("HealthCheckConfig"):
                    raise base.invalid(
                        f"The service {wire['Id']} has the type HTTP: only its description can be"
                        " changed."
                    )
            else:
                _change_dns(tx, wire, sent)
            body: DiscoveryServiceBody = {**document.body, "wire": wire}
            tx.replace(document, body)
            return operation.succeed(tx, SERVICE=wire["Id"])

        return await self._write(caller, "UpdateService", change)

    async def delete_service(
        self, caller: Caller, request: DeleteServiceRequestTypeDef
    ) -> answers.Empty:
        """Delete a service. Raises ResourceInUse while it has instances."""

        def change(tx: Transaction) -> answers.Empty:
            identity = base.find_service(tx, request["Id"]).body["id"]
            count = len(tx.list(tables.INSTANCES, identity))
            if count:
                raise AwsError(
                    "ResourceInUse",
                    f"Service contains registered instances ({count}); delete the instances"
                    " before deleting the service",
                )
            tx.delete(tables.SD_SERVICES, identity)
            instances.forget(tx, identity)
            return {}

        return await self._write(caller, "DeleteService", change)

    async def get_service_attributes(
        self, caller: Caller, request: GetServiceAttributesRequestTypeDef
    ) -> answers.GetServiceAttributes:
        """Return the attributes of a service."""
        body = base.find_service(self._store.view, request["ServiceId"]).body
        return {
            "ServiceAttributes": {
                "ServiceArn": body["wire"]["Arn"],
                "ResourceOwner": self._account,
                "Attributes": body["attributes"],
            }
        }

    async def update_service_attributes(
        self, caller: Caller, request: UpdateServiceAttributesRequestTypeDef
    ) -> answers.Empty:
        """Set attributes. Raises ServiceAttributesLimitExceededException."""

        def change(tx: Transaction) -> answers.Empty:
            document = base.find_service(tx, request["ServiceId"])
            attributes = {**document.body["attributes"], **request["Attributes"]}
            if len(attributes) > MAX_ATTRIBUTES:
                raise AwsError(
                    "ServiceAttributesLimitExceededException",
                    f"The service would have {len(attributes)} attributes: at most"
                    f" {MAX_ATTRIBUTES} are allowed.",
                )
            body: DiscoveryServiceBody = {**document.body, "attributes": attributes}
            tx.replace(document, body)
            return {}

        return await self._write(caller, "UpdateServiceAttributes", change)

    async def delete_service_attributes(
        self, caller: Caller, request: DeleteServiceAttributesRequestTypeDef
    ) -> answers.Empty:
        """Remove attributes; those that are not set are no error."""

        def change(tx: Transaction) -> answers.Empty:
            document = base.find_service(tx, request["ServiceId"])
            kept = {
                name: value
                for name, value in document.body["attributes"].items()
                if name not in request["Attributes"]
            }
            body: DiscoveryServiceBody = {**document.body, "attributes": kept}
            tx.replace(document, body)
            return {}

        return await self._write(caller, "DeleteServiceAttributes", change)


def _dns_config(
    namespace: NamespaceBody, request: CreateServiceRequestTypeDef
) -> DnsConfigOutputTypeDef | None:
    """The DNS records of a new service; None if it has none. Raises InvalidInput."""
    dns = request.get("DnsConfig")
    if dns is None:
        return None
    if namespace["wire"]["Type"] == "HTTP" or request.get("Type") == "HTTP":
        raise base.invalid("DnsConfig: a service of type HTTP has no DNS records")
    policy = dns.get("RoutingPolicy", "MULTIVALUE")
    check_records(dns["DnsRecords"], policy)
    return {
        "NamespaceId": namespace["id"],
        "RoutingPolicy": policy,
        "DnsRecords": list(dns["DnsRecords"]),
    }


def _repeated(
    tx: Transaction, namespace: str, request: CreateServiceRequestTypeDef
) -> Document[DiscoveryServiceBody] | None:
    """The service that the very same request created before; None if the name is free.

    Raises ServiceAlreadyExists, also for a name that differs in case only: DNS ignores case.
    """
    for document in base.services_of(tx, namespace):
        if document.body["name"].lower() != request["Name"].lower():
            continue
        if request.get("CreatorRequestId") and document.body["request"] == digest(request):
            return document
        wire = document.body["wire"]
        raise AwsError(
            "ServiceAlreadyExists",
            f"A service with the name {request['Name']} already exists in the namespace:"
            f" {wire['Id']}.",
            ServiceId=wire["Id"],
            ServiceArn=wire["Arn"],
            CreatorRequestId=wire.get("CreatorRequestId"),
        )
    return None


def _check_health_checks(namespace_type: str, *, route_53: bool, custom: bool) -> None:
    """Raise InvalidInput unless a service can have these health checks."""
    if not route_53:
        return
    if custom:
        raise base.invalid("HealthCheckConfig and HealthCheckCustomConfig must not both be given")
    if namespace_type != "DNS_PUBLIC":
        raise base.invalid(
            f"HealthCheckConfig: Route 53 health checks are for public DNS namespaces, not for"
            f" {namespace_type}: use HealthCheckCustomConfig"
        )


def check_records(records: Sequence[DnsRecordTypeDef], policy: str) -> None:
    """Raise InvalidInput unless a service can have these DNS records.

    https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsRecord.html
    """
    types = [record["Type"] for record in records]
    if len(set(types)) != len(types):
        raise base.invalid(f"DnsRecords: each type once, not {', '.join(types)}")
    if "CNAME" in types and len(types) > 1:
        raise base.invalid("DnsRecords: a CNAME record allows no other record beside it")
    if "CNAME" in types and policy != "WEIGHTED":
        raise base.invalid("DnsRecords: a CNAME record needs RoutingPolicy WEIGHTED")


def _change_dns(tx: Transaction, wire: DiscoveryServiceWire, sent: ServiceChangeTypeDef) -> None:
    _check_health_checks(
        base.find_namespace(tx, wire["NamespaceId"]).body["wire"]["Type"],
        route_53="HealthCheckConfig" in sent,
        custom="HealthCheckCustomConfig" in wire,
    )
    dns = sent.get("DnsConfig")
    records = list(dns.get("DnsRecords", ())) if dns else []
    check_records(records, wire["DnsConfig"].get("RoutingPolicy", "MULTIVALUE"))
    wire["DnsConfig"] = {**wire["DnsConfig"], "DnsRecords": records}
    if check := sent.get("HealthCheckConfig"):
        wire["HealthCheckConfig"] = check
    else:
        wire.pop("HealthCheckConfig", None)


def _describe(reader: Reader, document: Document[DiscoveryServiceBody]) -> answers.Service:
    count = len(reader.list(tables.INSTANCES, document.body["id"]))
    return {**document.body["wire"], "InstanceCount": count}
