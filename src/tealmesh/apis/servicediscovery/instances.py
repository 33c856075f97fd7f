"""Instances of Cloud Map services, and finding them.

The engine registers tasks by writing the same documents; it marks a task's instance as draining
before it stops the task. Cloud Map knows no draining: such an instance is no longer discovered.
https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-instances.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tealmesh.apis.paging import Pager
from tealmesh.apis.servicediscovery import base
from tealmesh.apis.servicediscovery.base import Answer, Body, DiscoveryBase, Reader, Request
from tealmesh.model.caller import Caller
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Transaction, tables

_DISCOVERED = 100
"""Instances that DiscoverInstances answers when the caller sets no limit."""

_NEEDED = {
    "A": "AWS_INSTANCE_IPV4",
    "AAAA": "AWS_INSTANCE_IPV6",
    "CNAME": "AWS_INSTANCE_CNAME",
    "SRV": "AWS_INSTANCE_PORT",
}
"""DNS record type -> the attribute that an instance must have for it."""


class Instances(DiscoveryBase):
    """The operations of instances."""

    async def register_instance(self, caller: Caller, request: Request) -> Answer:
        """Register an instance, or replace the attributes of one."""
        operation = self._operation("REGISTER_INSTANCE")

        def change(tx: Transaction) -> Answer:
            service = base.find_service(tx, request["ServiceId"])
            attributes, identity = request["Attributes"], request["InstanceId"]
            _check_attributes(service.body["wire"], attributes)
            present = tx.get(tables.INSTANCES, service.body["id"], identity)
            kept = present.body.get("health", "HEALTHY") if present is not None else "HEALTHY"
            body = {
                "id": identity,
                "serviceId": service.body["id"],
                "attributes": attributes,
                "health": attributes.get("AWS_INIT_HEALTH_STATUS", kept),
                "draining": False,
                "creatorRequestId": request.get("CreatorRequestId", ""),
            }
            tx.put(tables.INSTANCES, service.body["id"], identity, body=body)
            return operation.succeed(tx, SERVICE=service.body["id"], INSTANCE=identity)

        return await self._write(caller, "RegisterInstance", change)

    async def deregister_instance(self, caller: Caller, request: Request) -> Answer:
        """Take an instance away. Raises InstanceNotFound."""
        operation = self._operation("DEREGISTER_INSTANCE")

        def change(tx: Transaction) -> Answer:
            service = base.find_service(tx, request["ServiceId"]).body["id"]
            _instance(tx, service, request["InstanceId"])
            tx.delete(tables.INSTANCES, service, request["InstanceId"])
            return operation.succeed(tx, SERVICE=service, INSTANCE=request["InstanceId"])

        return await self._write(caller, "DeregisterInstance", change)

    async def get_instance(self, caller: Caller, request: Request) -> Answer:
        """One instance."""
        view = self._store.view
        service = base.find_service(view, request["ServiceId"]).body["id"]
        found = _instance(view, service, request["InstanceId"])
        return {"ResourceOwner": self._account, "Instance": self._shown(found)}

    async def list_instances(self, caller: Caller, request: Request) -> Answer:
        """The instances of a service."""
        view = self._store.view
        service = base.find_service(view, request["ServiceId"]).body["id"]
        found = {d.body["id"]: self._shown(d) for d in view.list(tables.INSTANCES, service)}
        answer = base.paged("Instances", found, request, service)
        return {"ResourceOwner": self._account, **answer}

    async def get_instances_health_status(self, caller: Caller, request: Request) -> Answer:
        """Health by instance id: UNKNOWN for a service without a health check."""
        view = self._store.view
        service = base.find_service(view, request["ServiceId"]).body
        wanted = request.get("Instances")
        found = (
            view.list(tables.INSTANCES, service["id"])
            if wanted is None
            else [_instance(view, service["id"], identity) for identity in wanted]
        )
        status = {d.body["id"]: _health(service["wire"], d.body) for d in found}
        pager = Pager("InvalidInput", ("Health", service["id"]), member="NextToken")
        chosen, token = pager.page(
            list(status), request.get("MaxResults"), request.get("NextToken")
        )
        answer: Answer = {"Status": {identity: status[identity] for identity in chosen}}
        return answer | ({"NextToken": token} if token else {})

    async def update_instance_custom_health_status(
        self, caller: Caller, request: Request
    ) -> Answer:
        """Set an instance's health. Raises CustomHealthNotFound for a service without a custom
        health check.
        """

        def change(tx: Transaction) -> Answer:
            service = base.find_service(tx, request["ServiceId"]).body
            found = _instance(tx, service["id"], request["InstanceId"])
            if "HealthCheckCustomConfig" not in service["wire"]:
                raise AwsError(
                    "CustomHealthNotFound",
                    "The health check for the instance that is specified by ServiceId and"
                    " InstanceId isn't a custom health check.",
                )
            if found.body.get("health") != request["Status"]:
                tx.replace(found, {**found.body, "health": request["Status"]})
            return {}

        return await self._write(caller, "UpdateInstanceCustomHealthStatus", change)

    async def discover_instances(self, caller: Caller, request: Request) -> Answer:
        """The instances of a service by name: those that have all of ``QueryParameters``, and of
        these only those that have all of ``OptionalParameters``, should there be any.

        Without ``HealthStatus`` the healthy ones are answered, or all where none is healthy.
        """
        view = self._store.view
        service = self._named(view, request)
        found = [
            document.body
            for document in view.list(tables.INSTANCES, service["id"])
            if not document.body.get("draining")
        ]
        found = _having(found, request.get("QueryParameters", {}))
        found = _having(found, request.get("OptionalParameters", {})) or found
        found = _by_health(service["wire"], found, request.get("HealthStatus"))
        limit = request.get("MaxResults", _DISCOVERED)
        instances = [
            {
                "InstanceId": body["id"],
                "NamespaceName": request["NamespaceName"],
                "ServiceName": service["name"],
                "HealthStatus": _health(service["wire"], body),
                "Attributes": body["attributes"],
            }
            for body in found[:limit]
        ]
        revision = view.last_change(tables.INSTANCES, service["id"])
        return {"Instances": instances, "InstancesRevision": revision}

    async def discover_instances_revision(self, caller: Caller, request: Request) -> Answer:
        """A number that rises whenever an instance of the service changes: a store revision."""
        view = self._store.view
        service = self._named(view, request)
        return {"InstancesRevision": view.last_change(tables.INSTANCES, service["id"])}

    def _named(self, reader: Reader, request: Request) -> Mapping[str, Any]:
        namespace = request["NamespaceName"]
        owned = request.get("OwnerAccount", self._account) == self._account
        for document in reader.list(tables.NAMESPACES) if owned else ():
            if document.body["name"] != namespace:
                continue
            for service in base.services_of(reader, document.body["id"]):
                if service.body["name"] == request["ServiceName"]:
                    return service.body
            raise AwsError(
                "ServiceNotFound",
                f"The service {request['ServiceName']} can't be found in the namespace"
                f" {namespace}.",
            )
        raise AwsError("NamespaceNotFound", f"The namespace {namespace} can't be found.")

    def _shown(self, document: Document) -> Body:
        body = document.body
        shown = {
            "Id": body["id"],
            "Attributes": body["attributes"],
            "CreatedByAccount": self._account,
        }
        sent = body.get("creatorRequestId")
        return shown | ({"CreatorRequestId": sent} if sent else {})


def _instance(reader: Reader, service: str, identity: str) -> Document:
    document = reader.get(tables.INSTANCES, service, identity)
    if document is None:
        raise AwsError(
            "InstanceNotFound", f"The instance {identity} can't be found in the service {service}."
        )
    return document


def _health(service: Mapping[str, Any], instance: Mapping[str, Any]) -> str:
    # Nobody here asks Route 53's health checkers: what has only those counts as healthy.
    checked = "HealthCheckCustomConfig" in service or "HealthCheckConfig" in service
    return str(instance.get("health", "HEALTHY")) if checked else "UNKNOWN"


def _having(
    instances: Iterable[Mapping[str, Any]], wanted: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    return [
        body
        for body in instances
        if all(body["attributes"].get(name) == value for name, value in wanted.items())
    ]


def _by_health(
    service: Mapping[str, Any], instances: Sequence[Mapping[str, Any]], wanted: str | None
) -> list[Mapping[str, Any]]:
    status = wanted or "HEALTHY_OR_ELSE_ALL"
    states = [_health(service, body) for body in instances]
    if status == "ALL" or "UNKNOWN" in states:
        return list(instances)
    asked = "UNHEALTHY" if status == "UNHEALTHY" else "HEALTHY"
    found = [b for b, state in zip(instances, states, strict=True) if state == asked]
    return found or list(instances) if status == "HEALTHY_OR_ELSE_ALL" else found


def _check_attributes(service: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
    """Raise InvalidInput unless the attributes serve the service's DNS records.

    https://docs.aws.amazon.com/cloud-map/latest/api/API_RegisterInstance.html
    """
    if len(attributes) > 30:
        raise base.invalid(f"Attributes: {len(attributes)} are given: at most 30 are allowed")
    types = [record["Type"] for record in (service.get("DnsConfig") or {}).get("DnsRecords", ())]
    for kind in types if "AWS_ALIAS_DNS_NAME" not in attributes else ():
        if _NEEDED[kind] not in attributes:
            raise base.invalid(
                f"Attributes: the service has {kind} records: {_NEEDED[kind]} is needed"
            )
    for name, version in (("AWS_INSTANCE_IPV4", 4), ("AWS_INSTANCE_IPV6", 6)):
        if name in attributes and not _is_address(attributes[name], version):
            raise base.invalid(
                f"Attributes: {name} = {attributes[name]!r}: must be an IPv{version} address"
            )
    port = attributes.get("AWS_INSTANCE_PORT", "0")
    if not (port.isascii() and port.isdecimal() and int(port) <= 65535):
        raise base.invalid(f"Attributes: AWS_INSTANCE_PORT = {port!r}: must be 0 to 65535")
    _check_initial_health(service, attributes)


def _check_initial_health(service: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
    initial = attributes.get("AWS_INIT_HEALTH_STATUS")
    if initial is None:
        return
    if initial not in ("HEALTHY", "UNHEALTHY"):
        raise base.invalid(
            f"Attributes: AWS_INIT_HEALTH_STATUS = {initial!r}: must be HEALTHY or UNHEALTHY"
        )
    if "HealthCheckCustomConfig" not in service:
        raise base.invalid(
            "Attributes: AWS_INIT_HEALTH_STATUS needs a service with HealthCheckCustomConfig"
        )


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False
