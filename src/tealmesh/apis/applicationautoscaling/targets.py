"""Scalable targets and their tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from tealmesh.apis.applicationautoscaling import base
from tealmesh.apis.paging import Pager
from tealmesh.apis.requests import merged_tags
from tealmesh.model.arn import Arn, last_part
from tealmesh.model.clock import Clock, NewId
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.model.scaling.names import DIMENSION, NAMESPACE
from tealmesh.store import Document, Reader, Store, Transaction, tables
from tealmesh.store.scaling import forget_target

if TYPE_CHECKING:
    from tealmesh.apis.applicationautoscaling.requests import (
        DescribeRequest,
        DescribeTargetsRequest,
        NextPage,
        NoAnswer,
        OnResource,
        RegisterAnswer,
        RegisterRequest,
        TaggedRequest,
        TagRequest,
        TagsAnswer,
        TargetsAnswer,
        UntagRequest,
    )
    from tealmesh.model.scaling.bodies import (
        ScalableTargetBody,
        ScalingActivityBody,
        ScalingPolicyBody,
        ScheduledActionBody,
        SuspendedState,
    )

T = TypeVar("T")

_ROLE = (
    "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)
"""https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html"""

_RUNNING: SuspendedState = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}


class Targets:
    """The operations on scalable targets."""

    def __init__(self, store: Store, account: str, clock: Clock, new_id: NewId) -> None:
        self._store = store
        self._account = account
        self._clock = clock
        self._new_id = new_id

    async def register_scalable_target(
        self, caller: Caller, request: RegisterRequest
    ) -> RegisterAnswer:
        """Register a service, or change its bounds; its desired count is then brought within them.

        ``RoleARN`` is shown as sent: AWS puts the service-linked role in its place, and Terraform
        would then replace the target at each apply.
        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
        """
        now, uuid = self._clock(), self._new_id()

        def change(tx: Transaction) -> RegisterAnswer:
            cluster, service = base.named(request)
            if not base.service_exists(tx, request):
                raise base.invalid(f"ECS service doesn't exist: {request['ResourceId']}")
            base.refuse_daemon(tx, request)
            present = tx.get(tables.SCALABLE_TARGETS, cluster, service)
            former = present.body if present else self._new_target(caller, request, now, uuid)
            if present is None:
                # Activities stay when a target is deregistered, and are numbered on.
                earlier = tx.list(tables.SCALING_ACTIVITIES, cluster, service)
                newest = int(last_part(earlier[-1].key)) if earlier else 0
                former["teal"] = {**former["teal"], "activities": newest}
            if present and request.get("Tags"):
                # https://github.com/hashicorp/terraform-provider-aws/issues/31839
                raise base.invalid(
                    "The scalable target that you tried to tag already exists. To update tags on an"
                    " existing scalable target, use the TagResource API."
                )
            body = _changed(former, request, first=present is None)
            tx.put(tables.SCALABLE_TARGETS, cluster, service, body=body)
            return {"ScalableTargetARN": body["ScalableTargetARN"]}

        return await self._write(caller, "RegisterScalableTarget", change)

    async def describe_scalable_targets(
        self, caller: Caller, request: DescribeTargetsRequest
    ) -> TargetsAnswer:
        """Describe scalable targets.
        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalableTargets.html
        """
        view, wanted = self._store.view, request.get("ResourceIds")
        plain: DescribeRequest = {"ServiceNamespace": NAMESPACE}
        if "ScalableDimension" in request:
            plain["ScalableDimension"] = request["ScalableDimension"]
        targets = {
            document.key: document.body
            for document in view.list(tables.SCALABLE_TARGETS)
            if self._asked(caller, document.body, plain, document.body["ScalableTargetARN"])
            and (not wanted or document.body["ResourceId"] in wanted)
            and base.service_exists(view, _on(document.body))
        }
        page, following = self._page("targets", targets, request)
        return {"ScalableTargets": page, **following}

    async def deregister_scalable_target(self, caller: Caller, request: OnResource) -> NoAnswer:
        """Deregister a target; its policies and scheduled actions are deleted with it.
        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html
        """

        def change(tx: Transaction) -> None:
            base.find_target(tx, request)
            forget_target(tx, *base.named(request))

        await self._write(caller, "DeregisterScalableTarget", change)
        await self._follow_alarms(caller)
        return {}

    async def list_tags_for_resource(self, caller: Caller, request: TaggedRequest) -> TagsAnswer:
        """List the tags of a scalable target."""
        target = self._tagged(self._store.view, request["ResourceARN"])
        return {"Tags": target.body["teal"]["tags"]}

    async def tag_resource(self, caller: Caller, request: TagRequest) -> NoAnswer:
        """Set tags of a scalable target."""

        def retagged(tags: Mapping[str, str]) -> dict[str, str]:
            return _merged(tags, request["Tags"])

        return await self._retag(caller, "TagResource", request["ResourceARN"], retagged)

    async def untag_resource(self, caller: Caller, request: UntagRequest) -> NoAnswer:
        """Remove tags by key; keys that are not set are no error."""
        removed = set(request["TagKeys"])

        def retagged(tags: Mapping[str, str]) -> dict[str, str]:
            return {key: value for key, value in tags.items() if key not in removed}

        return await self._retag(caller, "UntagResource", request["ResourceARN"], retagged)

    async def _retag(
        self,
        caller: Caller,
        operation: str,
        arn: str,
        retagged: Callable[[Mapping[str, str]], dict[str, str]],
    ) -> NoAnswer:
        def change(tx: Transaction) -> None:
            document = self._tagged(tx, arn)
            teal = document.body["teal"]
            body = document.body.copy()
            body["teal"] = {**teal, "tags": retagged(teal["tags"])}
            tx.replace(document, body)

        await self._write(caller, operation, change)
        return {}

    def _new_target(
        self, caller: Caller, request: OnResource, now: float, uuid: str
    ) -> ScalableTargetBody:
        """A target without bounds yet."""
        return {
            "ServiceNamespace": NAMESPACE,
            "ResourceId": request["ResourceId"],
            "ScalableDimension": DIMENSION,
            "MinCapacity": 0,
            "MaxCapacity": 0,
            "RoleARN": f"arn:aws:iam::{self._account}:{_ROLE}",
            "CreationTime": now,
            "SuspendedState": _RUNNING,
            "ScalableTargetARN": self._arn(
                caller, "application-autoscaling", f"scalable-target/{uuid}"
            ),
            "teal": {"tags": {}, "bounded": False, "activities": 0},
        }

    async def _follow_alarms(self, caller: Caller) -> None:
        """Overridden where there are alarms."""

    async def _write(self, caller: Caller, operation: str, change: Callable[[Transaction], T]) -> T:
        name = f"application-autoscaling:{operation}"
        return await self._store.write(caller.actor, name, change)

    def _arn(self, caller: Caller, service: str, resource: str) -> str:
        return str(Arn(service, caller.region, self._account, resource))

    def _uuid(self) -> str:
        text = self._new_id()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def _by_arn(self, reader: Reader, arn: str) -> Document[ScalableTargetBody] | None:
        targets = reader.list(tables.SCALABLE_TARGETS)
        return next((d for d in targets if d.body["ScalableTargetARN"] == arn), None)

    def _tagged(self, reader: Reader, arn: str) -> Document[ScalableTargetBody]:
        target = self._by_arn(reader, arn)
        if target is None:
            raise AwsError(
                "ResourceNotFoundException",
                f"No scalable target found for resource ARN: {arn}",
                ResourceName=arn,
            )
        return target

    def _asked(
        self,
        caller: Caller,
        body: ScalableTargetBody | ScalingPolicyBody | ScheduledActionBody | ScalingActivityBody,
        request: DescribeRequest,
        arn: str = "",
    ) -> bool:
        """Whether the filters of a Describe request let a resource pass, and its region does."""
        if arn and Arn.parse(arn).region != caller.region:
            return False
        return request.get("ResourceId", body["ResourceId"]) == body["ResourceId"] and (
            request.get("ScalableDimension", DIMENSION) == DIMENSION
        )

    def _page(
        self,
        what: str,
        listed: Mapping[str, T],
        request: DescribeRequest | DescribeTargetsRequest,
        *,
        descending: bool = False,
    ) -> tuple[list[T], NextPage]:
        pager = Pager("ValidationException", (what,), member="NextToken", limit_member="MaxResults")
        limit = request.get("MaxResults")
        token = request.get("NextToken")
        items, following = pager.items(listed, limit, token, descending=descending)
        return items, {"NextToken": following} if following else {}


def _on(body: ScalableTargetBody) -> OnResource:
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": body["ResourceId"],
        "ScalableDimension": DIMENSION,
    }


def _changed(
    former: ScalableTargetBody, request: RegisterRequest, *, first: bool
) -> ScalableTargetBody:
    """The target as requested. Raises ValidationException for bounds that cannot be."""
    for member in ("MinCapacity", "MaxCapacity"):
        value = request.get(member)
        if first and value is None:
            raise base.invalid(
                f"{member}: must be given when a scalable target is registered first"
            )
        if isinstance(value, int) and value < 0:
            raise base.invalid(f"{member} = {value}: must be at least 0")
    body = former.copy()
    body["MinCapacity"] = request.get("MinCapacity", former["MinCapacity"])
    body["MaxCapacity"] = request.get("MaxCapacity", former["MaxCapacity"])
    if body["MaxCapacity"] < body["MinCapacity"]:
        raise base.invalid(
            f"Maximum capacity cannot be less than minimum capacity: MaxCapacity ="
            f" {body['MaxCapacity']}, MinCapacity = {body['MinCapacity']}"
        )
    body["RoleARN"] = request.get("RoleARN") or former["RoleARN"]
    body["SuspendedState"] = {**former["SuspendedState"], **request.get("SuspendedState", {})}
    tags = _merged(former["teal"]["tags"], request.get("Tags", {}))
    body["teal"] = {**former["teal"], "tags": tags, "bounded": False}
    return body


def _merged(present: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    def too_many(message: str) -> AwsError:
        return AwsError("TooManyTagsException", message)

    return merged_tags(present, added.items(), "Tags", base.invalid, too_many)
