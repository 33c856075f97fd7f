"""Scheduled actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.apis.applicationautoscaling import base
from tealmesh.apis.applicationautoscaling.targets import Targets
from tealmesh.model.identity.caller import Caller
from tealmesh.model.scaling.names import DIMENSION, NAMESPACE
from tealmesh.model.scaling.schedules import Schedule
from tealmesh.store import Transaction, tables

if TYPE_CHECKING:
    from tealmesh.apis.applicationautoscaling.requests import (
        DeleteScheduledRequest,
        DescribeScheduledRequest,
        NoAnswer,
        PutScheduledRequest,
        ScheduledAnswer,
    )
    from tealmesh.model.scaling.bodies import ScalableTargetAction, ScheduledActionBody


class Scheduled(Targets):
    """The operations on scheduled actions."""

    async def put_scheduled_action(self, caller: Caller, request: PutScheduledRequest) -> NoAnswer:
        """Create or change a scheduled action; members that are left out stay as they are, but for
        the times of beginning and end, which are removed.
        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html
        """
        now, uuid = self._clock(), self._uuid()

        def change(tx: Transaction) -> None:
            base.find_target(tx, request)
            key = (*base.named(request), request["ScheduledActionName"])
            present = tx.get(tables.SCHEDULED_ACTIONS, *key)
            arn = (
                present.body["ScheduledActionARN"]
                if present
                else self._arn(
                    caller,
                    "autoscaling",
                    f"scheduledAction:{uuid}:resource/{NAMESPACE}/{request['ResourceId']}"
                    f":scheduledActionName/{request['ScheduledActionName']}",
                )
            )
            body = _action(request, present.body if present else None, arn, now)
            tx.put(tables.SCHEDULED_ACTIONS, *key, body=body)

        await self._write(caller, "PutScheduledAction", change)
        return {}

    async def delete_scheduled_action(
        self, caller: Caller, request: DeleteScheduledRequest
    ) -> NoAnswer:
        """Delete a scheduled action.
        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeleteScheduledAction.html
        """

        def change(tx: Transaction) -> None:
            key = (*base.named(request), request["ScheduledActionName"])
            if tx.get(tables.SCHEDULED_ACTIONS, *key) is None:
                name = f", scheduled action name: {request['ScheduledActionName']}"
                raise base.missing("scheduled action found", request, name)
            tx.delete(tables.SCHEDULED_ACTIONS, *key)

        await self._write(caller, "DeleteScheduledAction", change)
        return {}

    async def describe_scheduled_actions(
        self, caller: Caller, request: DescribeScheduledRequest
    ) -> ScheduledAnswer:
        """Describe scheduled actions.
        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScheduledActions.html
        """
        names = request.get("ScheduledActionNames")
        actions = {
            document.key: document.body
            for document in self._store.view.list(tables.SCHEDULED_ACTIONS)
            if self._asked(caller, document.body, request, document.body["ScheduledActionARN"])
            and (names is None or document.body["ScheduledActionName"] in names)
        }
        page, following = self._page("scheduled", actions, request)
        return {"ScheduledActions": page, **following}


def _action(
    request: PutScheduledRequest, former: ScheduledActionBody | None, arn: str, now: float
) -> ScheduledActionBody:
    """The action as requested. Raises ValidationException."""
    schedule = request.get("Schedule") or (former["Schedule"] if former else "")
    bounds = request.get("ScalableTargetAction") or (
        former["ScalableTargetAction"] if former else {}
    )
    _check(schedule, bounds)
    body: ScheduledActionBody = {
        "ScheduledActionName": request["ScheduledActionName"],
        "ScheduledActionARN": arn,
        "ServiceNamespace": NAMESPACE,
        "ResourceId": request["ResourceId"],
        "ScalableDimension": DIMENSION,
        "Schedule": schedule,
        "ScalableTargetAction": bounds,
        "CreationTime": former["CreationTime"] if former else now,
        "teal": {"next": None},
    }
    timezone = request.get("Timezone") or (former.get("Timezone") if former else None)
    if timezone:
        body["Timezone"] = timezone
    if "StartTime" in request:
        body["StartTime"] = request["StartTime"]
    if "EndTime" in request:
        body["EndTime"] = request["EndTime"]
        if body["EndTime"] <= body.get("StartTime", now):
            raise base.invalid("EndTime: must be later than StartTime and than now")
    try:
        parsed = Schedule.parse(schedule, timezone or "")
    except ValueError as error:
        raise base.invalid(str(error)) from error
    begin = body.get("StartTime", now)
    body["teal"] = {"next": parsed.following(now, begin, body.get("EndTime"))}
    return body


def _check(schedule: str, bounds: ScalableTargetAction) -> None:
    """Raises ValidationException for what is missing, and for bounds that cannot be."""
    if not schedule:
        raise base.invalid("Schedule: must be given for a new scheduled action")
    if not bounds:
        raise base.invalid(
            "ScalableTargetAction: MinCapacity, MaxCapacity or both must be given for a new"
            " scheduled action"
        )
    least, most = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
    if min(least or 0, most or 0) < 0:
        raise base.invalid(f"ScalableTargetAction = {bounds}: must be at least 0")
    if least is not None and most is not None and most < least:
        raise base.invalid(
            "Maximum capacity cannot be less than minimum capacity: MaxCapacity ="
            f" {most}, MinCapacity = {least}"
        )
