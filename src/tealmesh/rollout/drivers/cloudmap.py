"""Cloud Map's part of a system: one private namespace, one service for both sides.

https://docs.aws.amazon.com/cloud-map/latest/api/API_Operations.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from tealmesh.model.errors import DriverError, NoSuchResource
from tealmesh.rollout.drivers.aws import Aws
from tealmesh.rollout.system import ServiceSystem

_TTL = 10
_OPERATION_LOOKS = 100
_OPERATION_PAUSE = 0.1
_LOCAL_VPC = "vpc-0000000000teal000"


class CloudMap:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    async def ensure_namespace(self, name: str) -> str:
        """The private DNS namespace is there; what was done, empty for nothing."""
        if await self._namespace(name):
            return ""
        answer = await self._call("create_private_dns_namespace", Name=name, Vpc=_LOCAL_VPC)
        for _ in range(_OPERATION_LOOKS):
            found = await self._call("get_operation", OperationId=answer["OperationId"])
            operation = found["Operation"]
            if operation["Status"] == "SUCCESS":
                return f"created namespace {name}"
            if operation["Status"] == "FAIL":
                raise DriverError(
                    f"namespace {name}: {operation.get('ErrorMessage', 'failed')}", retryable=False
                )
            await asyncio.sleep(_OPERATION_PAUSE)
        raise DriverError(f"namespace {name} is still being created", retryable=True)

    async def ensure_service(self, namespace: str, name: str) -> tuple[str, str]:
        """The ARN of the Cloud Map service, and what was done to have it."""
        found = await self._namespace(namespace)
        if found is None:
            raise DriverError(f"there is no namespace {namespace}: apply first", retryable=False)
        filters = [{"Name": "NAMESPACE_ID", "Values": [found["Id"]], "Condition": "EQ"}]
        for service in await self._list("list_services", "Services", Filters=filters):
            if service["Name"] == name:
                return service["Arn"], ""
        records = {"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": _TTL}]}
        answer = await self._call(
            "create_service",
            Name=name,
            NamespaceId=found["Id"],
            DnsConfig=records,
            HealthCheckCustomConfig={"FailureThreshold": 1},
        )
        return answer["Service"]["Arn"], f"created Cloud Map service {name}.{namespace}"

    async def healthy(self, service: ServiceSystem, node: str) -> int:
        """How many healthy instances an ECS service has registered."""
        try:
            answer = await self._call(
                "discover_instances",
                NamespaceName=service.namespace,
                ServiceName=service.name,
                QueryParameters={"ECS_SERVICE_NAME": node},
                HealthStatus="HEALTHY",
                MaxResults=1000,
            )
        except NoSuchResource:
            return 0
        return len(answer["Instances"])

    async def _namespace(self, name: str) -> dict[str, Any] | None:
        for namespace in await self._list("list_namespaces", "Namespaces"):
            if namespace["Name"] == name:
                found: dict[str, Any] = namespace
                return found
        return None

    async def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        return await self._aws.call("servicediscovery", operation, **request)

    async def _list(self, operation: str, member: str, **request: Any) -> list[Any]:
        return await self._aws.list("servicediscovery", operation, member, **request)
