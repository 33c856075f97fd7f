"""Services of Cloud Map and their attributes.

https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-services.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tealmesh.apis.requests import digest
from tealmesh.apis.servicediscovery import base
from tealmesh.apis.servicediscovery.base import Answer, Body, DiscoveryBase, Reader, Request
from tealmesh.model.arn import last_part
from tealmesh.model.caller import Caller
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Transaction, tables

_ROUTE_53 = "HealthCheckConfig"
_CUSTOM = "HealthCheckCustomConfig"

MAX_ATTRIBUTES = 30
"""Attributes of one service."""

_AS_SENT = ("Description", "HealthCheckConfig", "HealthCheckCustomConfig", "CreatorRequestId")
_FILTERS = {"NAMESPACE_ID": ("EQ",), "RESOURCE_OWNER": ("EQ",)}


class DiscoveryServices(DiscoveryBase):
    """The operations of services."""

    async def create_service(self, caller: Caller, request: Request) -> Answer:
        """Create a service in a namespace; the same request again is answered as before.

        Raises NamespaceNotFound, ServiceAlreadyExists and InvalidInput.
        """
        identity, now = self._fresh("srv"), self._clock()

        def change(tx: Transaction) -> Answer:
            asked = request.get("NamespaceId") or (request.get("DnsConfig") or {}).get(
                "NamespaceId"
            )
            if not asked:
                raise base.invalid("NamespaceId: the id of the service's namespace is needed")
            namespace = base.find_namespace(tx, asked).body
            present = _present(tx, namespace["id"], request)
            if present is not None:
                return {"Service": _shown(tx, present)}
            wire = self._service_wire(caller, identity, namespace, request) | {"CreateDate": now}
            body = {
                "id": identity,
                "name": request["Name"],
                "namespaceId": namespace["id"],
                "wire": wire,
                "attributes": {},
                "tags": base.tagged([], request.get("Tags", ()), wire["Arn"]),
                "request": digest(request),
            }
            return {"Service": _shown(tx, tx.put(tables.SD_SERVICES, identity, body=body))}

        return await self._write(caller, "CreateService", change)

    def _service_wire(
        self, caller: Caller, identity: str, namespace: Mapping[str, Any], request: Request
    ) -> Body:
        kind = namespace["wire"]["Type"]
        _check_health(kind, request)
        wire = {
            "Id": identity,
            "Arn": self._arn(caller, f"service/{identity}"),
            "ResourceOwner": self._account,
            "Name": request["Name"],
            "NamespaceId": namespace["id"],
            "Type": "HTTP",
            "CreatedByAccount": self._account,
            **{member: request[member] for member in _AS_SENT if member in request},
        }
        dns = request.get("DnsConfig")
        if dns is None:
            return wire
        if kind == "HTTP" or request.get("Type") == "HTTP":
            raise base.invalid("DnsConfig: a service of type HTTP has no DNS records")
        policy = dns.get("RoutingPolicy", "MULTIVALUE")
        check_records(dns["DnsRecords"], policy)
        return wire | {
            "Type": "DNS_HTTP",
            "DnsConfig": {
                "NamespaceId": namespace["id"],
                "RoutingPolicy": policy,
                "DnsRecords": dns["DnsRecords"],
            },
        }

    async def get_service(self, caller: Caller, request: Request) -> Answer:
        """One service."""
        view = self._store.view
        return {"Service": _shown(view, base.find_service(view, request["Id"]))}

    async def list_services(self, caller: Caller, request: Request) -> Answer:
        """The services that pass all filters."""
        view = self._store.view
        filters = [
            {**f, "Values": [last_part(value) for value in f["Values"]]}
            for f in base.checked(request.get("Filters", ()), _FILTERS)
        ]
        found = {
            document.key: _shown(view, document)
            for document in view.list(tables.SD_SERVICES)
            if base.matches(
                {"NAMESPACE_ID": document.body["namespaceId"], "RESOURCE_OWNER": "SELF"}, filters
            )
        }
        return base.paged("Services", found, request)

    async def update_service(self, caller: Caller, request: Request) -> Answer:
        """Change description, records and health check.

        Records and a Route 53 health check that the request leaves out are deleted, as Cloud Map
        does; a custom health check stays.
        """
        operation = self._operation("UPDATE_SERVICE")

        def change(tx: Transaction) -> Answer:
            document = base.find_service(tx, request["Id"])
            wire, sent = dict(document.body["wire"]), request["Service"]
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
            tx.replace(document, {**document.body, "wire": wire})
            return operation.succeed(tx, SERVICE=wire["Id"])

        return await self._write(caller, "UpdateService", change)

    async def delete_service(self, caller: Caller, request: Request) -> Answer:
        """Delete a service. Raises ResourceInUse while it has instances."""

        def change(tx: Transaction) -> Answer:
            identity = base.find_service(tx, request["Id"]).body["id"]
            count = len(tx.list(tables.INSTANCES, identity))
            if count:
                raise AwsError(
                    "ResourceInUse",
                    f"Service contains registered instances ({count}); delete the instances"
                    " before deleting the service",
                )
            tx.delete(tables.SD_SERVICES, identity)
            return {}

        return await self._write(caller, "DeleteService", change)

    async def get_service_attributes(self, caller: Caller, request: Request) -> Answer:
        """The attributes of a service."""
        body = base.find_service(self._store.view, request["ServiceId"]).body
        return {
            "ServiceAttributes": {
                "ServiceArn": body["wire"]["Arn"],
                "ResourceOwner": self._account,
                "Attributes": body["attributes"],
            }
        }

    async def update_service_attributes(self, caller: Caller, request: Request) -> Answer:
        """Set attributes. Raises ServiceAttributesLimitExceededException."""

        def change(tx: Transaction) -> Answer:
            document = base.find_service(tx, request["ServiceId"])
            attributes = {**document.body["attributes"], **request["Attributes"]}
            if len(attributes) > MAX_ATTRIBUTES:
                raise AwsError(
                    "ServiceAttributesLimitExceededException",
                    f"The service would have {len(attributes)} attributes: at most"
                    f" {MAX_ATTRIBUTES} are allowed.",
                )
            tx.replace(document, {**document.body, "attributes": attributes})
            return {}

        return await self._write(caller, "UpdateServiceAttributes", change)

    async def delete_service_attributes(self, caller: Caller, request: Request) -> Answer:
        """Remove attributes; those that are not set are no error."""

        def change(tx: Transaction) -> Answer:
            document = base.find_service(tx, request["ServiceId"])
            kept = {
                name: value
                for name, value in document.body["attributes"].items()
                if name not in request["Attributes"]
            }
            tx.replace(document, {**document.body, "attributes": kept})
            return {}

        return await self._write(caller, "DeleteServiceAttributes", change)


def _present(tx: Transaction, namespace: str, request: Request) -> Document | None:
    """The service that this very request has made before; None where the name is free.

    Raises ServiceAlreadyExists. DNS names differ by more than case.
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


def _check_health(kind: str, request: Request) -> None:
    if _ROUTE_53 not in request:
        return
    if _CUSTOM in request:
        raise base.invalid("HealthCheckConfig and HealthCheckCustomConfig must not both be given")
    if kind != "DNS_PUBLIC":
        raise base.invalid(
            f"HealthCheckConfig: Route 53 health checks are for public DNS namespaces, not for"
            f" {kind}: use HealthCheckCustomConfig"
        )


def check_records(records: Sequence[Mapping[str, Any]], policy: str) -> None:
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


def _change_dns(tx: Transaction, wire: Body, sent: Mapping[str, Any]) -> None:
    kind = base.find_namespace(tx, wire["NamespaceId"]).body["wire"]["Type"]
    _check_health(kind, {m: w[m] for m, w in ((_ROUTE_53, sent), (_CUSTOM, wire)) if m in w})
    records = (sent.get("DnsConfig") or {}).get("DnsRecords", [])
    check_records(records, wire["DnsConfig"]["RoutingPolicy"])
    wire["DnsConfig"] = {**wire["DnsConfig"], "DnsRecords": records}
    wire.pop(_ROUTE_53, None)
    if sent.get(_ROUTE_53):
        wire[_ROUTE_53] = sent[_ROUTE_53]


def _shown(reader: Reader, document: Document) -> Body:
    count = len(reader.list(tables.INSTANCES, document.body["id"]))
    return {**document.body["wire"], "InstanceCount": count}
