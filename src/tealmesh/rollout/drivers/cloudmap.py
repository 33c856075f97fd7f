"""Cloud Map's part of a system: one private namespace, one service for both sides.

https://docs.aws.amazon.com/cloud-map/latest/api/API_Operations.html
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tealmesh.model.errors import DriverError, NoSuchResource, NotYet
from tealmesh.rollout.drivers.aws import Aws

if TYPE_CHECKING:
    from types_boto3_servicediscovery.client import ServiceDiscoveryClient
    from types_boto3_servicediscovery.type_defs import (
        NamespaceSummaryTypeDef,
        ServiceSummaryTypeDef,
    )

_RECORD_TTL_SECONDS = 10
_OPERATION_LOOKS = 100
_OPERATION_PAUSE_SECONDS = 0.1
_LOCAL_VPC = "vpc-0000000000teal000"
_MOST_INSTANCES = 1000
"""DiscoverInstances' own maximum."""


class CloudMap:
    """Creates and reads what a system has in Cloud Map. Every method raises DriverError."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    async def ensure_namespace(self, name: str) -> str:
        """Create the private DNS namespace where there is none. Returns what was done, empty for
        nothing.
        """
        if await self._namespace(name):
            return ""
        created = await self._aws.cloud_map(
            lambda client: client.create_private_dns_namespace(Name=name, Vpc=_LOCAL_VPC)
        )
        for _ in range(_OPERATION_LOOKS):
            answer = await self._aws.cloud_map(
                lambda client: client.get_operation(OperationId=created["OperationId"])
            )
            operation = answer["Operation"]
            status = operation.get("Status")
            if status == "SUCCESS":
                return f"created namespace {name}"
            if status == "FAIL":
                reason = operation.get("ErrorMessage", "failed")
                raise DriverError(f"namespace {name}: {reason}", retryable=False)
            await asyncio.sleep(_OPERATION_PAUSE_SECONDS)
        raise NotYet(f"namespace {name} to be created")

    async def ensure_service(self, namespace: str, name: str) -> tuple[str, str]:
        """Create the Cloud Map service where there is none. Returns its ARN and what was done."""
        parent = await self._namespace(namespace)
        if parent is None:
            raise DriverError(f"there is no namespace {namespace}: apply first", retryable=False)
        namespace_id = parent["Id"]
        for service in await self._aws.cloud_map(lambda client: _services(client, namespace_id)):
            if service["Name"] == name:
                return service["Arn"], ""
        answer = await self._aws.cloud_map(
            lambda client: client.create_service(
                Name=name,
                NamespaceId=namespace_id,
                DnsConfig={
                    "RoutingPolicy": "MULTIVALUE",
                    "DnsRecords": [{"Type": "A", "TTL": _RECORD_TTL_SECONDS}],
                },
                HealthCheckCustomConfig={"FailureThreshold": 1},
            )
        )
        return answer["Service"]["Arn"], f"created Cloud Map service {name}.{namespace}"

    async def registry(self, namespace: str, name: str) -> str:
        """The ARN of a Cloud Map service. Raises DriverError if there is none."""
        parent = await self._namespace(namespace)
        parent_id = parent["Id"] if parent else ""
        present = await self._aws.cloud_map(lambda client: _services(client, parent_id))
        for service in present if parent else ():
            if service["Name"] == name:
                return service["Arn"]
        raise DriverError(f"there is no Cloud Map service {name}.{namespace}", retryable=False)

    async def healthy(self, registry: tuple[str, str], ecs_service: str) -> int:
        """How many healthy instances an ECS service has registered in a Cloud Map namespace and
        service.
        """
        namespace, name = registry
        try:
            answer = await self._aws.cloud_map(
                lambda client: client.discover_instances(
                    NamespaceName=namespace,
                    ServiceName=name,
                    QueryParameters={"ECS_SERVICE_NAME": ecs_service},
                    HealthStatus="HEALTHY",
                    MaxResults=_MOST_INSTANCES,
                )
            )
        except NoSuchResource:
            return 0
        return len(answer["Instances"])

    async def _namespace(self, name: str) -> NamespaceSummaryTypeDef | None:
        for namespace in await self._aws.cloud_map(_namespaces):
            if namespace["Name"] == name:
                return namespace
        return None


def _namespaces(client: ServiceDiscoveryClient) -> list[NamespaceSummaryTypeDef]:
    pages = client.get_paginator("list_namespaces").paginate()
    return [namespace for page in pages for namespace in page["Namespaces"]]


def _services(client: ServiceDiscoveryClient, namespace_id: str) -> list[ServiceSummaryTypeDef]:
    pages = client.get_paginator("list_services").paginate(
        Filters=[{"Name": "NAMESPACE_ID", "Values": [namespace_id], "Condition": "EQ"}]
    )
    return [service for page in pages for service in page["Services"]]
