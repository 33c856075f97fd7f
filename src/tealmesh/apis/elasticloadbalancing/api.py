"""The operations on targets, the checks before moto's operations, and what follows them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from tealmesh.apis.elasticloadbalancing import refused, targets
from tealmesh.apis.elasticloadbalancing.feed import Feed
from tealmesh.model.arn import Arn
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.model.load_balancers import (
    DRAINING,
    REGISTERING,
    UNUSED,
    HealthOf,
    TargetBody,
    TargetGroupBody,
    Verdict,
    target_key,
)
from tealmesh.store import Document, Store, Transaction, tables
from tealmesh.store.targets import deregister_target, drain_left, register_target

if TYPE_CHECKING:
    from tealmesh.apis.elasticloadbalancing.requests import (
        CheckedRequest,
        Nothing,
        TargetDescription,
        TargetHealthAnswer,
        TargetHealthDescription,
        TargetHealthRequest,
        TargetsRequest,
    )

log = logging.getLogger(__name__)

_NOT_REGISTERED: Verdict = (
    "unused",
    "Target.NotRegistered",
    "Target is not registered to the target group",
)


class ElasticLoadBalancing:
    """Ours of Elastic Load Balancing; the rest is moto's."""

    def __init__(self, store: Store, feed: Feed, health: HealthOf) -> None:
        self._store = store
        self._feed = feed
        self._health = health

    async def check(self, caller: Caller, operation: str, request: CheckedRequest) -> None:
        """Called before moto gets an operation that may change something. Raises AwsError if it
        must not.
        """
        refused.check(operation, request)
        if operation == "CreateLoadBalancer" and "Name" in request:
            self._check_name(caller, request["Name"])
        if operation == "DeleteLoadBalancer":
            self._check_unprotected(request.get("LoadBalancerArn", ""))
        await self._feed.expect(caller.region)

    async def changed(self, caller: Caller) -> None:
        """Called after moto has carried out such an operation."""
        await self._feed.refresh(caller.region)

    async def register_targets(self, caller: Caller, request: TargetsRequest) -> Nothing:
        """Register targets with a target group.

        Raises TargetGroupNotFound, and ValidationError for a target that the group cannot have.
        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html
        """

        def change(tx: Transaction) -> None:
            group = targets.find_group(tx, request["TargetGroupArn"])
            for target in request["Targets"]:
                address, port = targets.address_of(group, target)
                body: TargetBody = {
                    "TargetGroupArn": group["TargetGroupArn"],
                    "Id": address,
                    "Port": port,
                    "draining": False,
                }
                register_target(tx, body)

        await self._store.write(caller.actor, "elbv2:RegisterTargets", change)
        return {}

    async def deregister_targets(self, caller: Caller, request: TargetsRequest) -> Nothing:
        """Deregister targets: they get no new requests and drain. One that is not registered is
        passed over, as in AWS.

        Raises TargetGroupNotFound.
        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html
        """

        def change(tx: Transaction) -> None:
            group = targets.find_group(tx, request["TargetGroupArn"])
            for target in request["Targets"]:
                key = target_key(target["Id"], target.get("Port", group["Port"]))
                deregister_target(tx, group, key)

        await self._store.write(caller.actor, "elbv2:DeregisterTargets", change)
        return {}

    async def describe_target_health(
        self, caller: Caller, request: TargetHealthRequest
    ) -> TargetHealthAnswer:
        """Describe the health of all targets of a group, or of those that are named.

        Raises TargetGroupNotFound.
        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html
        """
        view = self._store.view
        group = targets.find_group(view, request["TargetGroupArn"])
        present = {
            target_key(d.body["Id"], d.body["Port"]): d.body
            for d in view.list(tables.TARGETS, group["TargetGroupArn"])
        }
        asked: dict[str, TargetDescription] = {
            key: {"Id": target["Id"], "Port": target["Port"]} for key, target in present.items()
        }
        if named := request.get("Targets"):
            asked = {}
            for target in named:
                port = target.get("Port", group["Port"])
                asked[target_key(target["Id"], port)] = {"Id": target["Id"], "Port": port}
        seen = await self._health(group["TargetGroupArn"])
        return {
            "TargetHealthDescriptions": [
                _described(group, target, _state(group, present.get(key), seen.get(key)))
                for key, target in asked.items()
            ]
        }

    def _check_unprotected(self, arn: str) -> None:
        document = self._store.view.get(tables.LOAD_BALANCERS, arn)
        protected = document and document.body["Attributes"].get("deletion_protection.enabled")
        if protected == "true":
            raise AwsError(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )

    def _check_name(self, caller: Caller, name: str) -> None:
        for document in self._store.view.list(tables.LOAD_BALANCERS):
            body = document.body
            region = Arn.parse(body["LoadBalancerArn"]).region
            if body["LoadBalancerName"] == name and region == caller.region:
                raise AwsError(
                    "DuplicateLoadBalancerName",
                    f"A load balancer with the same name '{name}' exists",
                )


async def end_draining(store: Store) -> None:
    """Remove each draining target at the end of its deregistration delay, until cancelled. Those
    whose delay ended while the control plane was down are removed at once.
    """
    scheduled: set[str] = set()
    async with asyncio.TaskGroup() as group:
        async for view in store.watch():
            for document in view.list(tables.TARGETS):
                name = f"{document.key} {document.body.get('deregistered')}"
                if document.body["draining"] and name not in scheduled:
                    scheduled.add(name)
                    group.create_task(_end(store, document, name, scheduled))


async def _end(
    store: Store, document: Document[TargetBody], name: str, scheduled: set[str]
) -> None:
    target = document.body
    await asyncio.sleep(drain_left(store.now(), target))
    parts = (target["TargetGroupArn"], target_key(target["Id"], target["Port"]))

    def change(tx: Transaction) -> None:
        present = tx.get(tables.TARGETS, *parts)
        if present and present.body.get("deregistered") == target.get("deregistered"):
            tx.delete(tables.TARGETS, *parts)

    await store.write("tealmesh", "EndDeregistrationDelay", change)
    scheduled.discard(name)


def _state(group: TargetGroupBody, target: TargetBody | None, seen: Verdict | None) -> Verdict:
    if target is None:
        return _NOT_REGISTERED
    if target["draining"]:
        return DRAINING
    if not group["LoadBalancerArns"]:
        return UNUSED
    return seen or REGISTERING


def _described(
    group: TargetGroupBody, target: TargetDescription, health: tuple[str, str, str]
) -> TargetHealthDescription:
    state, reason, description = health
    port = group["HealthCheckPort"]
    described: TargetHealthDescription = {
        "Target": target,
        "HealthCheckPort": str(target["Port"]) if port == "traffic-port" else port,
        "TargetHealth": {"State": state},
    }
    if reason:
        described["TargetHealth"]["Reason"] = reason
    if description:
        described["TargetHealth"]["Description"] = description
    return described
