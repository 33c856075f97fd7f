"""Capacity providers: FARGATE, FARGATE_SPOT, and those that stand for an Auto Scaling group.

All of them are this machine. A provider of an Auto Scaling group is kept and shown as it was sent,
and tasks by it are those of launch type EC2; there is nothing to scale.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-capacity-providers.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.answers import CapacityProviderAnswer, CapacityProvidersAnswer
from tealmesh.apis.ecs.base import EcsBase
from tealmesh.apis.ecs.tagging import tagged
from tealmesh.apis.paging import Pager
from tealmesh.model.ecs.clusters import CapacityProviderBody
from tealmesh.model.ecs.names import NAME
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Document, Reader, Transaction, tables

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        AutoScalingGroupProviderTypeDef,
        AutoScalingGroupProviderUpdateTypeDef,
        CapacityProviderStrategyItemTypeDef,
        CreateCapacityProviderRequestTypeDef,
        DeleteCapacityProviderRequestTypeDef,
        DescribeCapacityProvidersRequestTypeDef,
        ManagedScalingTypeDef,
        UpdateCapacityProviderRequestTypeDef,
    )

FARGATE = ("FARGATE", "FARGATE_SPOT")
"""The providers that every account has."""

REFUSED = {
    "managedInstancesProvider": "there are no ECS Managed Instances here",
    "cluster": "only providers of ECS Managed Instances belong to one cluster",
}

_SCALING: ManagedScalingTypeDef = {
    "status": "DISABLED",
    "targetCapacity": 100,
    "minimumScalingStepSize": 1,
    "maximumScalingStepSize": 10000,
    "instanceWarmupPeriod": 300,
}
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ManagedScaling.html"""

_RESERVED = ("aws", "ecs", "fargate")
"""A name must not begin with them:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html
"""


class CapacityProviders(EcsBase):
    """The operations on capacity providers."""

    async def create_capacity_provider(
        self, caller: Caller, request: CreateCapacityProviderRequestTypeDef
    ) -> CapacityProviderAnswer:
        """Create a provider that stands for an Auto Scaling group.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html
        """
        name = request["name"]

        def change(tx: Transaction) -> CapacityProviderAnswer:
            base.refuse_members(request, REFUSED)
            if not NAME.fullmatch(name) or name.lower().startswith(_RESERVED):
                raise base.invalid(
                    f"name = {name!r}: must be 1 to 255 letters, digits, - or _, and must not begin"
                    f" with {', '.join(_RESERVED)}"
                )
            group = request.get("autoScalingGroupProvider")
            if group is None:
                raise base.invalid("autoScalingGroupProvider: must be given")
            present = tx.get(tables.CAPACITY_PROVIDERS, name)
            if present is not None and present.body["status"] == "ACTIVE":
                raise base.client_error(
                    "The specified capacity provider already exists. To change the configuration of"
                    " an existing capacity provider, update the capacity provider."
                )
            body: CapacityProviderBody = {
                "capacityProviderArn": self._arn(caller, f"capacity-provider/{name}"),
                "name": name,
                "status": "ACTIVE",
                "type": "EC2_AUTOSCALING",
                "autoScalingGroupProvider": _group(group),
                "tags": tagged([], request.get("tags", ())),
            }
            return {"capacityProvider": tx.put(tables.CAPACITY_PROVIDERS, name, body=body).body}

        return await self._write(caller, "CreateCapacityProvider", change)

    async def update_capacity_provider(
        self, caller: Caller, request: UpdateCapacityProviderRequestTypeDef
    ) -> CapacityProviderAnswer:
        """Change the settings of a provider; those that are not sent stay.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateCapacityProvider.html
        """

        def change(tx: Transaction) -> CapacityProviderAnswer:
            base.refuse_members(request, REFUSED)
            document = _find(tx, request["name"])
            body = document.body.copy()
            sent = request.get("autoScalingGroupProvider", {})
            body["autoScalingGroupProvider"] = _changed(body["autoScalingGroupProvider"], sent)
            body["updateStatus"] = "UPDATE_COMPLETE"
            return {"capacityProvider": tx.replace(document, body).body}

        return await self._write(caller, "UpdateCapacityProvider", change)

    async def delete_capacity_provider(
        self, caller: Caller, request: DeleteCapacityProviderRequestTypeDef
    ) -> CapacityProviderAnswer:
        """Delete a provider that no cluster has any more. It is shown as INACTIVE from now on.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCapacityProvider.html
        """

        def change(tx: Transaction) -> CapacityProviderAnswer:
            name = base.provider_name(request["capacityProvider"])
            if name in FARGATE:
                raise base.client_error(
                    f"The specified capacity provider '{name}' is reserved and cannot be deleted."
                )
            document = _find(tx, request["capacityProvider"])
            used = [
                cluster.body["clusterName"]
                for cluster in tx.list(tables.CLUSTERS)
                if cluster.body["status"] == "ACTIVE"
                and name in cluster.body.get("capacityProviders", ())
            ]
            if used:
                raise base.client_error(
                    "The capacity provider cannot be deleted because it is associated with cluster:"
                    f" {', '.join(used)}. Remove the capacity provider from the cluster and try"
                    " again."
                )
            body = document.body.copy()
            body["status"], body["updateStatus"] = "INACTIVE", "DELETE_COMPLETE"
            return {"capacityProvider": tx.replace(document, body).body}

        return await self._write(caller, "DeleteCapacityProvider", change)

    async def describe_capacity_providers(
        self, caller: Caller, request: DescribeCapacityProvidersRequestTypeDef
    ) -> CapacityProvidersAnswer:
        """Describe providers by name or ARN, or all active ones.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeCapacityProviders.html
        """
        known: dict[str, CapacityProviderBody] = {
            name: {
                "capacityProviderArn": self._arn(caller, f"capacity-provider/{name}"),
                "name": name,
                "status": "ACTIVE",
                "tags": [],
                "type": name,
            }
            for name in FARGATE
        }
        own = {d.body["name"]: d.body for d in self._store.view.list(tables.CAPACITY_PROVIDERS)}
        include = request.get("include", ())
        known |= {name: base.shown(body, include) for name, body in own.items()}
        active = [name for name, shown in known.items() if shown["status"] == "ACTIVE"]
        wanted = request.get("capacityProviders") or active
        # An ARN names the provider only if it is the provider's own, account and region included.
        found = {
            text: base.provider_name(text)
            for text in wanted
            if (shown := known.get(base.provider_name(text))) and text in base.provider_names(shown)
        }
        pager = Pager("InvalidParameterException", ("DescribeCapacityProviders",), largest=10)
        names, token = pager.page(
            sorted(set(found.values())), request.get("maxResults"), request.get("nextToken")
        )
        answer: CapacityProvidersAnswer = {
            "capacityProviders": [known[name] for name in names],
            "failures": [
                self._missing(caller, "capacity-provider", text)
                for text in wanted
                if text not in found
            ],
        }
        if token:
            answer["nextToken"] = token
        return answer


def check_providers(reader: Reader, providers: Sequence[str]) -> list[str]:
    """The providers of a cluster by name, each once. Raises InvalidParameterException."""
    for provider in providers:
        if provider not in FARGATE and base.any_provider(reader, provider) is None:
            raise base.invalid(
                f"The specified capacity provider '{provider}' was not found. Specify a valid name"
                " or ARN and try again."
            )
    return list(dict.fromkeys(map(base.provider_name, providers)))


def check_strategy(
    strategy: Iterable[CapacityProviderStrategyItemTypeDef], providers: Sequence[str]
) -> list[CapacityProviderStrategyItemTypeDef]:
    """A capacity provider strategy with its defaults (weight 0, base 0) filled in.

    ``providers`` are those of the cluster. Raises InvalidParameterException.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
    """
    items: list[CapacityProviderStrategyItemTypeDef] = [
        {
            "weight": 0,
            "base": 0,
            **item,
            "capacityProvider": base.provider_name(item["capacityProvider"]),
        }
        for item in strategy
    ]
    for item in items:
        if item["capacityProvider"] not in providers:
            raise base.invalid(
                f"The specified capacity provider '{item['capacityProvider']}' is not associated"
                " with the cluster. Specify a capacity provider that is associated with the"
                " cluster and try again."
            )
        if not 0 <= item["weight"] <= 1000 or not 0 <= item["base"] <= 100_000:
            raise base.invalid(
                f"capacityProviderStrategy: weight = {item['weight']}, base = {item['base']}: "
                "weight must be 0 to 1000 and base 0 to 100000"
            )
    # An item with a base may leave its weight out.
    if items and not any(item["weight"] or item["base"] for item in items):
        raise base.invalid(
            "A capacity provider strategy needs at least one capacity provider with a weight"
            " greater than 0."
        )
    if sum(bool(item["base"]) for item in items) > 1:
        raise base.invalid("Only one capacity provider of a strategy may have a base.")
    if len({item["capacityProvider"] in FARGATE for item in items}) > 1:
        raise base.invalid(
            "A capacity provider strategy cannot contain a mix of capacity providers using Auto"
            " Scaling groups and Fargate providers. Specify one or the other and try again."
        )
    return items


def _find(tx: Transaction, text: str) -> Document[CapacityProviderBody]:
    document = base.any_provider(tx, text)
    if document is None:
        raise base.client_error(
            f"The specified capacity provider '{text}' does not exist. Specify a valid name or ARN"
            " and try again."
        )
    return document


def _group(sent: AutoScalingGroupProviderTypeDef) -> AutoScalingGroupProviderTypeDef:
    """The Auto Scaling group with its settings and their defaults."""
    group: AutoScalingGroupProviderTypeDef = {
        "autoScalingGroupArn": sent["autoScalingGroupArn"],
        "managedScaling": _SCALING,
        "managedTerminationProtection": "DISABLED",
        "managedDraining": "ENABLED",
    }
    settings: AutoScalingGroupProviderUpdateTypeDef = {}
    if "managedScaling" in sent:
        settings["managedScaling"] = sent["managedScaling"]
    if "managedTerminationProtection" in sent:
        settings["managedTerminationProtection"] = sent["managedTerminationProtection"]
    if "managedDraining" in sent:
        settings["managedDraining"] = sent["managedDraining"]
    return _changed(group, settings)


def _changed(
    present: AutoScalingGroupProviderTypeDef, sent: AutoScalingGroupProviderUpdateTypeDef
) -> AutoScalingGroupProviderTypeDef:
    scaling: ManagedScalingTypeDef = {
        **present.get("managedScaling", _SCALING),
        **sent.get("managedScaling", {}),
    }
    if not 1 <= scaling["targetCapacity"] <= 100:
        raise base.invalid(
            f"managedScaling.targetCapacity = {scaling['targetCapacity']}: must be 1 to 100"
        )
    return {**present, **sent, "managedScaling": scaling}
