"""Clusters, and which capacity providers they have.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/clusters.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.answers import (
    ClusterAnswer,
    ClusterArnsAnswer,
    ClustersAnswer,
    ClusterShown,
)
from tealmesh.apis.ecs.base import EcsBase
from tealmesh.apis.ecs.capacity_providers import check_providers, check_strategy
from tealmesh.apis.ecs.tagging import tagged
from tealmesh.model.ecs.bodies import ServiceBody, TaskBody
from tealmesh.model.ecs.clusters import ClusterBody
from tealmesh.model.ecs.names import task_id
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Document, Reader, Transaction, tables

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        CapacityProviderStrategyItemTypeDef,
        ClusterServiceConnectDefaultsRequestTypeDef,
        ClusterServiceConnectDefaultsTypeDef,
        ClusterSettingTypeDef,
        CreateClusterRequestTypeDef,
        DeleteClusterRequestTypeDef,
        DescribeClustersRequestTypeDef,
        KeyValuePairTypeDef,
        ListClustersRequestTypeDef,
        PutClusterCapacityProvidersRequestTypeDef,
        UpdateClusterRequestTypeDef,
        UpdateClusterSettingsRequestTypeDef,
    )

MAX_DESCRIBED = 100
"""Clusters in one DescribeClusters."""

_INSIGHTS = ("enabled", "disabled", "enhanced")


class Clusters(EcsBase):
    """The operations on clusters."""

    async def create_cluster(
        self, caller: Caller, request: CreateClusterRequestTypeDef
    ) -> ClusterAnswer:
        """Create a cluster. Like ECS, returns an active cluster of that name unchanged.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html
        """
        name = request.get("clusterName") or base.DEFAULT_CLUSTER

        def change(tx: Transaction) -> ClusterAnswer:
            base.check_name("clusterName", name)
            present = tx.get(tables.CLUSTERS, name)
            if present is not None and present.body["status"] == "ACTIVE":
                return _answer(tx, present)
            body: ClusterBody = {
                "clusterArn": self._arn(caller, f"cluster/{name}"),
                "clusterName": name,
                "status": "ACTIVE",
                "registeredContainerInstancesCount": 0,
                "settings": _settings(
                    [{"name": "containerInsights", "value": "disabled"}],
                    request.get("settings", ()),
                ),
                "tags": tagged([], request.get("tags", ())),
            }
            if request.get("configuration"):
                body["configuration"] = request["configuration"]
            if request.get("serviceConnectDefaults"):
                body["serviceConnectDefaults"] = _connect(request["serviceConnectDefaults"])
            _set_capacity(
                tx,
                body,
                request.get("capacityProviders", ()),
                request.get("defaultCapacityProviderStrategy", ()),
            )
            return _answer(tx, tx.put(tables.CLUSTERS, name, body=body))

        return await self._write(caller, "CreateCluster", change)

    async def describe_clusters(
        self, caller: Caller, request: DescribeClustersRequestTypeDef
    ) -> ClustersAnswer:
        """Describe clusters by name or ARN, or ``default`` if none is named.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html
        """
        view, include = self._store.view, request.get("include", ())
        names = request.get("clusters") or [base.DEFAULT_CLUSTER]
        answer: ClustersAnswer = {"clusters": [], "failures": []}
        for name in base.distinct("clusters", names, MAX_DESCRIBED):
            document = base.any_cluster(view, name)
            if document is None:
                answer["failures"].append(self._missing(caller, "cluster", name))
            else:
                answer["clusters"].append(described(view, document, include))
        return answer

    async def list_clusters(
        self, caller: Caller, request: ListClustersRequestTypeDef
    ) -> ClusterArnsAnswer:
        """List the ARNs of the active clusters.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListClusters.html
        """
        arns = {
            d.body["clusterName"]: d.body["clusterArn"]
            for d in self._store.view.list(tables.CLUSTERS)
            if d.body["status"] == "ACTIVE"
        }
        listed, following = base.page("ListClusters", arns, request)
        return {"clusterArns": listed, **following}

    async def update_cluster(
        self, caller: Caller, request: UpdateClusterRequestTypeDef
    ) -> ClusterAnswer:
        """Change a cluster's settings or configuration.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateCluster.html
        """
        return await self._change_cluster(caller, "UpdateCluster", request)

    async def update_cluster_settings(
        self, caller: Caller, request: UpdateClusterSettingsRequestTypeDef
    ) -> ClusterAnswer:
        """Change a cluster's settings.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateClusterSettings.html
        """
        settings: UpdateClusterRequestTypeDef = {
            "cluster": request["cluster"],
            "settings": request["settings"],
        }
        return await self._change_cluster(caller, "UpdateClusterSettings", settings)

    async def _change_cluster(
        self, caller: Caller, operation: str, request: UpdateClusterRequestTypeDef
    ) -> ClusterAnswer:
        def change(tx: Transaction) -> ClusterAnswer:
            document = base.find_cluster(tx, request["cluster"])
            body = document.body.copy()
            body["settings"] = _settings(body["settings"], request.get("settings", ()))
            if request.get("configuration"):
                body["configuration"] = request["configuration"]
            if request.get("serviceConnectDefaults"):
                body["serviceConnectDefaults"] = _connect(request["serviceConnectDefaults"])
            return _answer(tx, tx.replace(document, body))

        return await self._write(caller, operation, change)

    async def put_cluster_capacity_providers(
        self, caller: Caller, request: PutClusterCapacityProvidersRequestTypeDef
    ) -> ClusterAnswer:
        """Set a cluster's capacity providers and its default strategy.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html
        """

        def change(tx: Transaction) -> ClusterAnswer:
            document = base.find_cluster(tx, request["cluster"])
            body = document.body.copy()
            strategy = request["defaultCapacityProviderStrategy"]
            _set_capacity(tx, body, request["capacityProviders"], strategy)
            removed = set(document.body["capacityProviders"]) - set(body["capacityProviders"])
            _check_unused(tx, body["clusterName"], removed)
            return _answer(tx, tx.replace(document, body))

        return await self._write(caller, "PutClusterCapacityProviders", change)

    async def delete_cluster(
        self, caller: Caller, request: DeleteClusterRequestTypeDef
    ) -> ClusterAnswer:
        """Make a cluster inactive, as ECS does: it can still be described, and its name is free.

        Raises ClusterContainsServicesException or ClusterContainsTasksException.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html
        """

        def change(tx: Transaction) -> ClusterAnswer:
            document = base.find_cluster(tx, request["cluster"])
            body = document.body.copy()
            _clear(tx, body["clusterName"])
            body["status"] = "INACTIVE"
            return _answer(tx, tx.replace(document, body))

        return await self._write(caller, "DeleteCluster", change)


def _clear(tx: Transaction, cluster: str) -> None:
    """Delete a cluster's inactive services and stopped tasks; raise AwsError if it has others."""
    services, tasks = tx.list(tables.ECS_SERVICES, cluster), tx.list(tables.TASKS, cluster)
    if any(d.body["status"] != "INACTIVE" for d in services):
        raise AwsError(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        )
    if any(d.body["lastStatus"] != "STOPPED" for d in tasks):
        raise AwsError(
            "ClusterContainsTasksException",
            "The Cluster cannot be deleted while Tasks are active.",
        )
    for service in services:
        tx.delete(tables.ECS_SERVICES, cluster, service.body["serviceName"])
    for task in tasks:
        tx.delete(tables.TASKS, cluster, task_id(task.body))


def _answer(tx: Transaction, document: Document[ClusterBody]) -> ClusterAnswer:
    return {"cluster": described(tx, document, ("SETTINGS", "TAGS", "CONFIGURATIONS"))}


def described(
    reader: Reader, document: Document[ClusterBody], include: Sequence[str]
) -> ClusterShown:
    """A cluster as the API shows it, with its services and tasks counted now.

    ``include`` names the optional members to show. Settings are always shown: version 3.39.0 of
    the Terraform provider asks for TAGS alone and expects them.
    """
    name = document.body["clusterName"]
    services = [d.body for d in reader.list(tables.ECS_SERVICES, name)]
    tasks = [d.body for d in reader.list(tables.TASKS, name)]
    active = [s for s in services if s["status"] == "ACTIVE"]
    running = [t for t in tasks if t["lastStatus"] == "RUNNING"]
    pending = [t for t in tasks if t["lastStatus"] in ("PROVISIONING", "PENDING", "ACTIVATING")]
    cluster: ClusterShown = {
        **base.shown(document.body, include),
        "activeServicesCount": len(active),
        "runningTasksCount": len(running),
        "pendingTasksCount": len(pending),
        "statistics": [],
    }
    if "CONFIGURATIONS" not in include:
        cluster.pop("configuration", None)
    if "STATISTICS" in include:
        draining = [s for s in services if s["status"] == "DRAINING"]
        cluster["statistics"] = _statistics(
            {
                "running{}TasksCount": running,
                "pending{}TasksCount": pending,
                "active{}ServiceCount": active,
                "draining{}ServiceCount": draining,
            }
        )
    return cluster


def _statistics(
    counted: Mapping[str, Sequence[TaskBody] | Sequence[ServiceBody]],
) -> list[KeyValuePairTypeDef]:
    return [
        {
            "name": name.format(title),
            "value": str(sum(b.get("launchType", "FARGATE") == launch_type for b in bodies)),
        }
        for name, bodies in counted.items()
        for launch_type, title in (("EC2", "EC2"), ("FARGATE", "Fargate"))
    ]


def _settings(
    present: Iterable[ClusterSettingTypeDef], changed: Iterable[ClusterSettingTypeDef]
) -> list[ClusterSettingTypeDef]:
    merged = {setting["name"]: setting["value"] for setting in present}
    for setting in changed:
        name, value = setting.get("name"), setting.get("value")
        if name != "containerInsights" or value not in _INSIGHTS:
            raise base.invalid(
                f"settings: {name!r} = {value!r}: must be containerInsights ="
                f" {', '.join(_INSIGHTS)}"
            )
        merged[name] = value
    return [{"name": name, "value": merged[name]} for name in sorted(merged)]


def _connect(
    sent: ClusterServiceConnectDefaultsRequestTypeDef,
) -> ClusterServiceConnectDefaultsTypeDef:
    return {"namespace": sent["namespace"]}


def _set_capacity(
    reader: Reader,
    cluster: ClusterBody,
    providers: Sequence[str],
    strategy: Iterable[CapacityProviderStrategyItemTypeDef],
) -> None:
    """Give a new body these capacity providers. Raises InvalidParameterException."""
    cluster["capacityProviders"] = check_providers(reader, providers)
    cluster["defaultCapacityProviderStrategy"] = check_strategy(
        strategy, cluster["capacityProviders"]
    )


def _check_unused(tx: Transaction, cluster: str, providers: set[str]) -> None:
    for service in tx.list(tables.ECS_SERVICES, cluster):
        strategy = service.body.get("capacityProviderStrategy", [])
        used = {item["capacityProvider"] for item in strategy} & providers
        if used and service.body["status"] != "INACTIVE":
            raise AwsError(
                "ResourceInUseException",
                "The specified capacity provider is in use and cannot be removed: service"
                f" {service.body['serviceName']} uses {', '.join(sorted(used))}.",
            )
