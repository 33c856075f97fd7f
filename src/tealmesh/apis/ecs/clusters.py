"""Clusters and capacity providers.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/clusters.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.base import Answer, Body, EcsBase, Reader, Request
from tealmesh.apis.ecs.tagging import tagged
from tealmesh.apis.paging import Pager
from tealmesh.model.arn import last_part
from tealmesh.model.caller import Caller
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Transaction, tables

CAPACITY_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
"""Both are this machine."""

_INSIGHTS = ("enabled", "disabled", "enhanced")
_DEFAULT_SETTINGS = [{"name": "containerInsights", "value": "disabled"}]
_REFUSED = {
    "serviceConnectDefaults": "there is no Service Connect here; a mesh's virtual services do that"
}


class Clusters(EcsBase):
    """The operations of clusters and capacity providers."""

    async def create_cluster(self, caller: Caller, request: Request) -> Answer:
        """Create a cluster; the one that is there already is answered as it is, as ECS does."""
        name = request.get("clusterName") or base.DEFAULT_CLUSTER

        def change(tx: Transaction) -> Answer:
            base.check_name("clusterName", name)
            base.refuse_members(request, _REFUSED)
            present = tx.get(tables.CLUSTERS, name)
            if present is not None and present.body["status"] == "ACTIVE":
                return {"cluster": described(tx, present, ("SETTINGS", "TAGS", "CONFIGURATIONS"))}
            providers = list(request.get("capacityProviders", ()))
            body = {
                "clusterArn": self._arn(caller, f"cluster/{name}"),
                "clusterName": name,
                "status": "ACTIVE",
                "registeredContainerInstancesCount": 0,
                "settings": _settings(_DEFAULT_SETTINGS, request.get("settings", ())),
                "tags": tagged([], request.get("tags", ())),
                **_configuration(request),
                **_capacity(providers, request.get("defaultCapacityProviderStrategy", ())),
            }
            document = tx.put(tables.CLUSTERS, name, body=body)
            return {"cluster": described(tx, document, ("SETTINGS", "TAGS", "CONFIGURATIONS"))}

        return await self._write(caller, "CreateCluster", change)

    async def describe_clusters(self, caller: Caller, request: Request) -> Answer:
        """Clusters by name or ARN, ``default`` where none is named; 100 at most."""
        view, include = self._store.view, request.get("include", ())
        wanted = request.get("clusters") or [base.DEFAULT_CLUSTER]
        if len(wanted) > 100:
            raise base.invalid(f"clusters: {len(wanted)} are named: at most 100 are allowed")
        found: list[Body] = []
        failures = []
        for text in dict.fromkeys(wanted):
            document = base.any_cluster(view, text)
            if document is None:
                arn = text if text.startswith("arn:") else self._arn(caller, f"cluster/{text}")
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(described(view, document, include))
        return {"clusters": found, "failures": failures}

    async def list_clusters(self, caller: Caller, request: Request) -> Answer:
        """The ARNs of the active clusters."""
        found = {
            d.body["clusterName"]: d.body["clusterArn"]
            for d in self._store.view.list(tables.CLUSTERS)
            if d.body["status"] == "ACTIVE"
        }
        return base.paged("ListClusters", "clusterArns", found, request)

    async def update_cluster(self, caller: Caller, request: Request) -> Answer:
        """Change settings or configuration."""
        return await self._change_cluster(caller, "UpdateCluster", request)

    async def update_cluster_settings(self, caller: Caller, request: Request) -> Answer:
        """Change settings."""
        return await self._change_cluster(caller, "UpdateClusterSettings", request)

    async def _change_cluster(self, caller: Caller, operation: str, request: Request) -> Answer:
        def change(tx: Transaction) -> Answer:
            base.refuse_members(request, _REFUSED)
            document = base.find_cluster(tx, request["cluster"])
            settings = _settings(document.body["settings"], request.get("settings", ()))
            body = {**document.body, "settings": settings, **_configuration(request)}
            changed = tx.replace(document, body)
            return {"cluster": described(tx, changed, ("SETTINGS", "TAGS", "CONFIGURATIONS"))}

        return await self._write(caller, operation, change)

    async def put_cluster_capacity_providers(self, caller: Caller, request: Request) -> Answer:
        """Set which capacity providers a cluster uses, and its default strategy."""

        def change(tx: Transaction) -> Answer:
            document = base.find_cluster(tx, request["cluster"])
            capacity = _capacity(
                request["capacityProviders"], request["defaultCapacityProviderStrategy"]
            )
            dropped = set(document.body["capacityProviders"]) - set(capacity["capacityProviders"])
            _check_unused(tx, document, dropped)
            changed = tx.replace(document, {**document.body, **capacity})
            return {"cluster": described(tx, changed, ("SETTINGS", "TAGS", "CONFIGURATIONS"))}

        return await self._write(caller, "PutClusterCapacityProviders", change)

    async def describe_capacity_providers(self, caller: Caller, request: Request) -> Answer:
        """FARGATE and FARGATE_SPOT: there are no others."""
        arns = {name: self._arn(caller, f"capacity-provider/{name}") for name in CAPACITY_PROVIDERS}
        asked = request.get("capacityProviders") or list(CAPACITY_PROVIDERS)
        names = [last_part(text) if text in arns.values() else text for text in asked]
        failures = [
            {
                "arn": name
                if name.startswith("arn:")
                else self._arn(caller, f"capacity-provider/{name}"),
                "reason": "MISSING",
            }
            for name in names
            if name not in arns
        ]
        known = sorted({name for name in names if name in arns})
        pager = Pager("InvalidParameterException", ("DescribeCapacityProviders",), largest=10)
        chosen, token = pager.page(known, request.get("maxResults"), request.get("nextToken"))
        providers = [
            {"capacityProviderArn": arns[n], "name": n, "status": "ACTIVE", "tags": [], "type": n}
            for n in chosen
        ]
        answer: Answer = {"capacityProviders": providers, "failures": failures}
        return answer | ({"nextToken": token} if token else {})

    async def delete_cluster(self, caller: Caller, request: Request) -> Answer:
        """Make a cluster inactive, as ECS does: it remains to be described, and its name is free.

        Raises ClusterContainsServicesException or ClusterContainsTasksException.
        """

        def change(tx: Transaction) -> Answer:
            document = base.find_cluster(tx, request["cluster"])
            name = document.body["clusterName"]
            services = tx.list(tables.ECS_SERVICES, name)
            if any(d.body["status"] != "INACTIVE" for d in services):
                raise AwsError(
                    "ClusterContainsServicesException",
                    "The Cluster cannot be deleted while Services are active.",
                )
            tasks = tx.list(tables.TASKS, name)
            if any(d.body["lastStatus"] != "STOPPED" for d in tasks):
                raise AwsError(
                    "ClusterContainsTasksException",
                    "The Cluster cannot be deleted while Tasks are active.",
                )
            for left in services:
                tx.delete(tables.ECS_SERVICES, name, left.body["serviceName"])
            for left in tasks:
                tx.delete(tables.TASKS, name, last_part(left.body["taskArn"]))
            gone = tx.replace(document, {**document.body, "status": "INACTIVE"})
            return {"cluster": described(tx, gone, ("SETTINGS", "TAGS", "CONFIGURATIONS"))}

        return await self._write(caller, "DeleteCluster", change)


def described(reader: Reader, document: Document, include: Sequence[str]) -> Body:
    """A cluster as the API shows it: counted now; what is optional only where asked for."""
    name = document.body["clusterName"]
    services = [d.body for d in reader.list(tables.ECS_SERVICES, name)]
    tasks = [d.body for d in reader.list(tables.TASKS, name)]
    running = [t for t in tasks if t["lastStatus"] == "RUNNING"]
    pending = [t for t in tasks if t["lastStatus"] in ("PROVISIONING", "PENDING", "ACTIVATING")]
    body = base.shown(document.body, include)
    # Settings are always shown: provider 3.39.0 asks for TAGS alone and expects them.
    configuration = body.pop("configuration", None)
    if configuration and "CONFIGURATIONS" in include:
        body["configuration"] = configuration
    counted = {
        "activeServicesCount": [s for s in services if s["status"] == "ACTIVE"],
        "runningTasksCount": running,
        "pendingTasksCount": pending,
    }
    body |= {member: len(bodies) for member, bodies in counted.items()}
    body["statistics"] = []
    if "STATISTICS" in include:
        draining = [s for s in services if s["status"] == "DRAINING"]
        body["statistics"] = _statistics(running, pending, counted["activeServicesCount"], draining)
    return body


def _statistics(
    running: Sequence[Mapping[str, Any]],
    pending: Sequence[Mapping[str, Any]],
    active: Sequence[Mapping[str, Any]],
    draining: Sequence[Mapping[str, Any]],
) -> list[dict[str, str]]:
    kinds = {
        "running{}TasksCount": running,
        "pending{}TasksCount": pending,
        "active{}ServiceCount": active,
        "draining{}ServiceCount": draining,
    }
    return [
        {
            "name": name.format(title),
            "value": str(sum(b.get("launchType", "FARGATE") == launch_type for b in bodies)),
        }
        for name, bodies in kinds.items()
        for launch_type, title in (("EC2", "EC2"), ("FARGATE", "Fargate"))
    ]


def _settings(
    present: Sequence[Mapping[str, str]], changed: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
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


def _configuration(request: Request) -> Body:
    return {"configuration": request["configuration"]} if request.get("configuration") else {}


def _capacity(providers: Sequence[str], strategy: Sequence[Mapping[str, Any]]) -> Body:
    for provider in providers:
        if provider not in CAPACITY_PROVIDERS:
            raise base.invalid(
                f"The specified capacity provider '{provider}' was not found: must be one of"
                f" {', '.join(CAPACITY_PROVIDERS)}."
            )
    return {
        "capacityProviders": list(dict.fromkeys(providers)),
        "defaultCapacityProviderStrategy": check_strategy(strategy, providers),
    }


def check_strategy(
    strategy: Sequence[Mapping[str, Any]], providers: Sequence[str]
) -> list[dict[str, Any]]:
    """A capacity provider strategy with its defaults (weight 0, base 0) filled in.

    ``providers``: those of the cluster. Raises InvalidParameterException.
    """
    filled = [{"weight": 0, "base": 0, **item} for item in strategy]
    for item in filled:
        if item["capacityProvider"] not in providers:
            raise base.invalid(
                f"The specified capacity provider '{item['capacityProvider']}' is not associated"
                " with the cluster. Specify a capacity provider that is associated with the"
                " cluster and try again."
            )
        if not 0 <= item["weight"] <= 1000 or not 0 <= item["base"] <= 100_000:
            raise base.invalid(
                "capacityProviderStrategy: weight must be 0 to 1000 and base 0 to 100000"
            )
    # A strategy of one provider may leave its weight out by giving a base.
    if filled and not any(item["weight"] or item["base"] for item in filled):
        raise base.invalid(
            "A capacity provider strategy needs at least one capacity provider with a weight"
            " greater than 0."
        )
    if sum(bool(item["base"]) for item in filled) > 1:
        raise base.invalid("Only one capacity provider of a strategy may have a base.")
    return filled


def _check_unused(tx: Transaction, cluster: Document, dropped: set[str]) -> None:
    for service in tx.list(tables.ECS_SERVICES, cluster.body["clusterName"]):
        used = {i["capacityProvider"] for i in service.body.get("capacityProviderStrategy", ())}
        if service.body["status"] != "INACTIVE" and used & dropped:
            raise AwsError(
                "ResourceInUseException",
                "The specified capacity provider is in use and cannot be removed: service"
                f" {service.body['serviceName']} uses {', '.join(sorted(used & dropped))}.",
            )
