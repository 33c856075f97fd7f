"""Instances of Cloud Map services, and their discovery.

The engine registers tasks by writing the same documents, and marks a task's instance as draining
before it stops the task. Cloud Map has no such state: a draining instance is no longer discovered.
https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-instances.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tealmesh.apis.servicediscovery import answers, base
from tealmesh.apis.servicediscovery.base import DiscoveryBase
from tealmesh.model.cloudmap import DiscoveryServiceBody, DiscoveryServiceWire, InstanceBody
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Document, Reader, Transaction, tables
from tealmesh.store import instances as stored

if TYPE_CHECKING:
    from types_boto3_servicediscovery.type_defs import (
        DeregisterInstanceRequestTypeDef,
        DiscoverInstancesRequestTypeDef,
        DiscoverInstancesRevisionRequestTypeDef,
        GetInstanceRequestTypeDef,
        GetInstancesHealthStatusRequestTypeDef,
        ListInstancesRequestTypeDef,
        RegisterInstanceRequestTypeDef,
        UpdateInstanceCustomHealthStatusRequestTypeDef,
    )

    Discovery = DiscoverInstancesRequestTypeDef | DiscoverInstancesRevisionRequestTypeDef

MAX_ATTRIBUTES = 30
"""Attributes of one instance."""

DEFAULT_DISCOVERED = 100
"""The number of instances that DiscoverInstances answers when the request sets no limit."""

_NEEDED = {
    "A": "AWS_INSTANCE_IPV4",
    "AAAA": "AWS_INSTANCE_IPV6",
    "CNAME": "AWS_INSTANCE_CNAME",
    "SRV": "AWS_INSTANCE_PORT",
}
"""DNS record type -> the attribute that an instance must have for it."""


class Instances(DiscoveryBase):
    """The operations on instances."""

    async def register_instance(
        self, caller: Caller, request: RegisterInstanceRequestTypeDef
    ) -> answers.OperationStarted:
        """Register an instance, or replace the attributes of a registered one."""
        operation = self._operation("REGISTER_INSTANCE")

        def change(tx: Transaction) -> answers.OperationStarted:
            service = base.find_service(tx, request["ServiceId"])
            attributes, identity = dict(request["Attributes"]), request["InstanceId"]
            _check_attributes(service.body["wire"], attributes)
            present = tx.get(tables.INSTANCES, service.body["id"], identity)
            health = present.body.get("health", "HEALTHY") if present is not None else "HEALTHY"
            body: InstanceBody = {
                "id": identity,
                "serviceId": service.body["id"],
                "attributes": attributes,
                "health": attributes.get("AWS_INIT_HEALTH_STATUS", health),
                "draining": False,
                "creatorRequestId": request.get("CreatorRequestId", ""),
            }
            stored.put(tx, body)
            return operation.succeed(tx, SERVICE=service.body["id"], INSTANCE=identity)

        return await self._write(caller, "RegisterInstance", change)

    async def deregister_instance(
        self, caller: Caller, request: DeregisterInstanceRequestTypeDef
    ) -> answers.OperationStarted:
        """Remove an instance. Raises InstanceNotFound."""
        operation = self._operation("DEREGISTER_INSTANCE")

        def change(tx: Transaction) -> answers.OperationStarted:
            service = base.find_service(tx, request["ServiceId"]).body["id"]
            _find_instance(tx, service, request["InstanceId"])
            stored.remove(tx, service, request["InstanceId"])
            return operation.succeed(tx, SERVICE=service, INSTANCE=request["InstanceId"])

        return await self._write(caller, "DeregisterInstance", change)

    async def get_instance(
        self, caller: Caller, request: GetInstanceRequestTypeDef
    ) -> answers.GetInstance:
        """Describe one instance."""
        view = self._store.view
        service = base.find_service(view, request["ServiceId"]).body["id"]
        instance = _find_instance(view, service, request["InstanceId"])
        return {"ResourceOwner": self._account, "Instance": self._describe(instance.body)}

    async def list_instances(
        self, caller: Caller, request: ListInstancesRequestTypeDef
    ) -> answers.ListInstances:
        """List the instances of a service."""
        view = self._store.view
        service = base.find_service(view, request["ServiceId"]).body["id"]
        instances = {
            document.body["id"]: self._describe(document.body)
            for document in view.list(tables.INSTANCES, service)
        }
        pager = base.pager("Instances", service)
        page, token = pager.items(instances, request.get("MaxResults"), request.get("NextToken"))
        answer: answers.ListInstances = {"ResourceOwner": self._account, "Instances": page}
        return {**answer, "NextToken": token} if token else answer

    async def get_instances_health_status(
        self, caller: Caller, request: GetInstancesHealthStatusRequestTypeDef
    ) -> answers.InstancesHealth:
        """Return health by instance id: UNKNOWN for a service without a health check."""
        view = self._store.view
        service = base.find_service(view, request["ServiceId"]).body
        wanted = request.get("Instances")
        instances = (
            view.list(tables.INSTANCES, service["id"])
            if wanted is None
            else [_find_instance(view, service["id"], identity) for identity in wanted]
        )
        status = {d.body["id"]: _health(service["wire"], d.body) for d in instances}
        pager = base.pager("Health", service["id"])
        page, token = pager.page(list(status), request.get("MaxResults"), request.get("NextToken"))
        answer: answers.InstancesHealth = {"Status": {name: status[name] for name in page}}
        return {**answer, "NextToken": token} if token else answer

    async def update_instance_custom_health_status(
        self, caller: Caller, request: UpdateInstanceCustomHealthStatusRequestTypeDef
    ) -> answers.Empty:
        """Set an instance's health. Raises CustomHealthNotFound for a service without a custom
        health check.
        """

        def change(tx: Transaction) -> answers.Empty:
            service = base.find_service(tx, request["ServiceId"]).body
            instance = _find_instance(tx, service["id"], request["InstanceId"])
            if "HealthCheckCustomConfig" not in service["wire"]:
                raise AwsError(
                    "CustomHealthNotFound",
                    "The health check for the instance that is specified by ServiceId and"
                    " InstanceId isn't a custom health check.",
                )
            stored.put(tx, {**instance.body, "health": request["Status"]})
            return {}

        return await self._write(caller, "UpdateInstanceCustomHealthStatus", change)

    async def discover_instances(
        self, caller: Caller, request: DiscoverInstancesRequestTypeDef
    ) -> answers.DiscoverInstances:
        """Find the instances of a service by name: those that have all of ``QueryParameters``,
        and only those that have all of ``OptionalParameters`` too if there are any.

        Without ``HealthStatus`` the healthy ones are returned, or all if none is healthy.
        """
        view = self._store.view
        service = self._find_by_name(view, request)
        instances = [
            document.body
            for document in view.list(tables.INSTANCES, service["id"])
            if not document.body.get("draining")
        ]
        instances = _having(instances, request.get("QueryParameters", {}))
        instances = _having(instances, request.get("OptionalParameters", {})) or instances
        instances = _by_health(service["wire"], instances, request.get("HealthStatus"))
        limit = request.get("MaxResults", DEFAULT_DISCOVERED)
        return {
            "Instances": [
                {
                    "InstanceId": body["id"],
                    "NamespaceName": request["NamespaceName"],
                    "ServiceName": service["name"],
                    "HealthStatus": _health(service["wire"], body),
                    "Attributes": body["attributes"],
                }
                for body in instances[:limit]
            ],
            "InstancesRevision": stored.revision(view, service["id"]),
        }

    async def discover_instances_revision(
        self, caller: Caller, request: DiscoverInstancesRevisionRequestTypeDef
    ) -> answers.InstancesRevision:
        """Return a number that rises whenever an instance of the service comes, goes or changes its
        attributes, but not its health: a revision of the store.
        """
        view = self._store.view
        service = self._find_by_name(view, request)
        return {"InstancesRevision": stored.revision(view, service["id"])}

    def _find_by_name(self, reader: Reader, request: Discovery) -> DiscoveryServiceBody:
        """The service of a discovery request. Raises NamespaceNotFound and ServiceNotFound."""
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

    def _describe(self, body: InstanceBody) -> answers.Instance:
        instance: answers.Instance = {
            "Id": body["id"],
            "Attributes": body["attributes"],
            "CreatedByAccount": self._account,
        }
        if sent := body.get("creatorRequestId"):
            instance["CreatorRequestId"] = sent
        return instance


def _find_instance(reader: Reader, service: str, identity: str) -> Document[InstanceBody]:
    document = reader.get(tables.INSTANCES, service, identity)
    if document is None:
        raise AwsError(
            "InstanceNotFound", f"The instance {identity} can't be found in the service {service}."
        )
    return document


def _health(service: DiscoveryServiceWire, instance: InstanceBody) -> str:
    # Route 53's health checkers do not reach this machine: with only those, instances are healthy.
    checked = "HealthCheckCustomConfig" in service or "HealthCheckConfig" in service
    return instance.get("health", "HEALTHY") if checked else "UNKNOWN"


def _having(instances: Sequence[InstanceBody], wanted: Mapping[str, str]) -> list[InstanceBody]:
    """The instances that have all these attributes."""
    return [
        body
        for body in instances
        if all(body["attributes"].get(name) == value for name, value in wanted.items())
    ]


def _by_health(
    service: DiscoveryServiceWire, instances: list[InstanceBody], wanted: str | None
) -> list[InstanceBody]:
    """The instances that a ``HealthStatus`` asks for."""
    status = wanted or "HEALTHY_OR_ELSE_ALL"
    states = [_health(service, body) for body in instances]
    if status == "ALL" or "UNKNOWN" in states:
        return instances
    asked = "UNHEALTHY" if status == "UNHEALTHY" else "HEALTHY"
    matching = [b for b, state in zip(instances, states, strict=True) if state == asked]
    return matching or instances if status == "HEALTHY_OR_ELSE_ALL" else matching


def _check_attributes(service: DiscoveryServiceWire, attributes: Mapping[str, str]) -> None:
    """Raise InvalidInput unless the attributes suit the service's DNS records.

    https://docs.aws.amazon.com/cloud-map/latest/api/API_RegisterInstance.html
    """
    if len(attributes) > MAX_ATTRIBUTES:
        raise base.invalid(
            f"Attributes: {len(attributes)} are given: at most {MAX_ATTRIBUTES} are allowed"
        )
    dns = service.get("DnsConfig")
    types = [record["Type"] for record in dns["DnsRecords"]] if dns else []
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


def _check_initial_health(service: DiscoveryServiceWire, attributes: Mapping[str, str]) -> None:
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
