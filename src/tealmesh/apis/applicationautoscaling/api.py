"""The operations of Application Auto Scaling on services of ECS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tealmesh.apis.applicationautoscaling import base
from tealmesh.apis.applicationautoscaling.policies import check_policy
from tealmesh.apis.applicationautoscaling.scheduled import Scheduled
from tealmesh.model.clock import Clock, NewId
from tealmesh.model.identity.caller import Caller
from tealmesh.model.scaling.names import NAMESPACE
from tealmesh.store import Store, Transaction, tables

if TYPE_CHECKING:
    from tealmesh.apis.applicationautoscaling.requests import (
        ActivitiesAnswer,
        DeletePolicyRequest,
        DescribeActivitiesRequest,
        DescribePoliciesRequest,
        NoAnswer,
        PoliciesAnswer,
        PutPolicyAnswer,
        PutPolicyRequest,
    )
    from tealmesh.model.scaling.bodies import AlarmBody, ScalingPolicyBody


class Alarms(Protocol):
    """The alarms of policies: `tealmesh.seams.scaling.alarms`."""

    async def follow(self, region: str) -> None:
        """Bring CloudWatch's alarms in line with the policies of the store."""
        ...

    async def of_step_policies(self, region: str) -> dict[str, list[AlarmBody]]:
        """The users' alarms by the ARN of the step policy that they invoke."""
        ...


class ApplicationAutoScaling(Scheduled):
    """All operations: ``await api.put_scaling_policy(caller, request)`` returns the output
    structure. Each change makes all its checks inside one transaction.
    """

    def __init__(
        self, store: Store, account: str, clock: Clock, new_id: NewId, alarms: Alarms
    ) -> None:
        super().__init__(store, account, clock, new_id)
        self._alarms = alarms

    def is_ours(self, operation: str, request: dict[str, object]) -> bool:
        """Whether a request is about a service of ECS, or about tags, which moto does not have."""
        return "ResourceARN" in request or request.get("ServiceNamespace") == NAMESPACE

    async def put_scaling_policy(
        self, caller: Caller, request: PutPolicyRequest
    ) -> PutPolicyAnswer:
        """Create a policy or replace its configuration.

        Raises ObjectNotFoundException without a scalable target.
        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
        """
        now, uuids = self._clock(), [self._uuid() for _ in range(3)]

        def change(tx: Transaction) -> ScalingPolicyBody:
            cluster, service = base.named(request)
            base.find_target(tx, request)
            present = tx.get(tables.SCALING_POLICIES, cluster, service, request["PolicyName"])
            former = present.body if present else None
            kind = request.get("PolicyType") or (former["PolicyType"] if former else "")
            check_policy(request, kind)
            body: ScalingPolicyBody = {
                "PolicyARN": former["PolicyARN"]
                if former
                else self._policy_arn(caller, request, uuids[0]),
                "PolicyName": request["PolicyName"],
                "ServiceNamespace": NAMESPACE,
                "ResourceId": request["ResourceId"],
                "ScalableDimension": request["ScalableDimension"],
                "PolicyType": kind,
                "Alarms": [],
                "CreationTime": former["CreationTime"] if former else now,
                "teal": {},
            }
            if kind == "StepScaling":
                body["StepScalingPolicyConfiguration"] = request["StepScalingPolicyConfiguration"]
            else:
                tracking = request["TargetTrackingScalingPolicyConfiguration"]
                body["TargetTrackingScalingPolicyConfiguration"] = tracking
                kept = former["Alarms"] if former else []
                both = self._alarm_names(caller, request["ResourceId"], uuids[1:])
                wanted = both[:1] if tracking.get("DisableScaleIn") else both
                body["Alarms"] = [*kept, *wanted[len(kept) :]][: len(wanted)]
            tx.put(tables.SCALING_POLICIES, cluster, service, body["PolicyName"], body=body)
            return body

        body = await self._write(caller, "PutScalingPolicy", change)
        await self._alarms.follow(caller.region)
        return {"PolicyARN": body["PolicyARN"], "Alarms": body["Alarms"]}

    async def delete_scaling_policy(self, caller: Caller, request: DeletePolicyRequest) -> NoAnswer:
        """Delete a policy with the alarms that were made for it.
        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeleteScalingPolicy.html
        """

        def change(tx: Transaction) -> None:
            key = (*base.named(request), request["PolicyName"])
            if tx.get(tables.SCALING_POLICIES, *key) is None:
                name = f", policy name: {request['PolicyName']}"
                raise base.missing("scaling policy found", request, name)
            tx.delete(tables.SCALING_POLICIES, *key)

        await self._write(caller, "DeleteScalingPolicy", change)
        await self._alarms.follow(caller.region)
        return {}

    async def describe_scaling_policies(
        self, caller: Caller, request: DescribePoliciesRequest
    ) -> PoliciesAnswer:
        """Describe policies.
        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingPolicies.html
        """
        names = request.get("PolicyNames")
        view = self._store.view
        policies = {
            document.key: document.body
            for document in view.list(tables.SCALING_POLICIES)
            if self._asked(caller, document.body, request, document.body["PolicyARN"])
            and (names is None or document.body["PolicyName"] in names)
        }
        if any(body["PolicyType"] == "StepScaling" for body in policies.values()):
            users = await self._alarms.of_step_policies(caller.region)
            for key, body in policies.items():
                if body["PolicyType"] == "StepScaling":
                    policies[key] = {**body, "Alarms": users.get(body["PolicyARN"], [])}
        page, following = self._page("policies", policies, request)
        return {"ScalingPolicies": page, **following}

    async def describe_scaling_activities(
        self, caller: Caller, request: DescribeActivitiesRequest
    ) -> ActivitiesAnswer:
        """Describe activities, the newest first; those that changed nothing only if asked for.
        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html
        """
        everything = request.get("IncludeNotScaledActivities", False)
        activities = {
            f"{document.body['StartTime']:020.6f} {document.key}": document.body
            for document in self._store.view.list(tables.SCALING_ACTIVITIES)
            if self._asked(caller, document.body, request)
            and (everything or "NotScaledReasons" not in document.body)
        }
        page, following = self._page("activities", activities, request, descending=True)
        return {"ScalingActivities": page, **following}

    async def _follow_alarms(self, caller: Caller) -> None:
        await self._alarms.follow(caller.region)

    def _policy_arn(self, caller: Caller, request: PutPolicyRequest, uuid: str) -> str:
        resource = f"scalingPolicy:{uuid}:resource/{NAMESPACE}/{request['ResourceId']}"
        return self._arn(caller, "autoscaling", f"{resource}:policyName/{request['PolicyName']}")

    def _alarm_names(self, caller: Caller, resource: str, uuids: list[str]) -> list[AlarmBody]:
        """https://docs.aws.amazon.com/autoscaling/application/userguide/create-target-tracking-policy-cli.html"""
        names = [
            f"TargetTracking-{resource}-Alarm{which}-{uuid}"
            for which, uuid in zip(("High", "Low"), uuids, strict=True)
        ]
        return [
            {"AlarmName": name, "AlarmARN": self._arn(caller, "cloudwatch", f"alarm:{name}")}
            for name in names
        ]
