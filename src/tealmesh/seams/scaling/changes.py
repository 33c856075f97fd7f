"""Changes of desired counts, each with its activity, inside a transaction.

The texts of activities are Application Auto Scaling's:
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scaling-activities.html
"""

from __future__ import annotations

from dataclasses import dataclass

from tealmesh.model.ecs.events import add_event
from tealmesh.model.scaling.bodies import (
    NotScaledReason,
    ScalableTargetBody,
    ScalingActivityBody,
    TargetTeal,
)
from tealmesh.model.scaling.names import cluster_and_service
from tealmesh.store import Document, Reader, Transaction, tables
from tealmesh.store.scaling import set_desired_count

ACTOR = "application-autoscaling"
"""The actor in the audit log."""

KEPT_ACTIVITIES = 100
"""Of each service; AWS keeps those of six weeks."""

_WAITING = "Successfully set desired count to {}. Waiting for change to be fulfilled by ecs."
_DONE = "Successfully set desired count to {}. Change successfully fulfilled by ecs."


@dataclass(frozen=True)
class Occasion:
    """The time and the id of a change, taken before it runs."""

    now: float
    """Seconds since the epoch."""
    identity: str
    """32 hexadecimal digits."""


def scale(
    tx: Transaction,
    target: Document[ScalableTargetBody],
    count: int,
    cause: str,
    occasion: Occasion,
    teal: TargetTeal,
) -> None:
    """Set the desired count of a target's service, and note it as an activity. ``teal``: our
    members of the target from now on.
    """
    names = cluster_and_service(target.body["ResourceId"]) or ("", "")
    service = tx.get(tables.ECS_SERVICES, *names)
    if service is None:
        return
    set_desired_count(tx, service, count, occasion.now)
    changed = tx.get(tables.ECS_SERVICES, *names)
    if changed is not None:
        body = changed.body.copy()
        text = f"automatic scaling set the desired count to {count}: {cause}."
        add_event(body, occasion.identity, occasion.now, text)
        tx.replace(changed, body)
    activity = _activity(target.body, occasion)
    activity["Description"] = f"Setting desired count to {count}."
    activity["Cause"] = cause
    activity["StatusCode"] = "InProgress"
    activity["StatusMessage"] = _WAITING.format(count)
    activity["teal"] = {"count": count}
    _note(tx, target, activity, teal)


def explain(
    tx: Transaction,
    target: Document[ScalableTargetBody],
    cause: str,
    reason: NotScaledReason,
    occasion: Occasion,
) -> None:
    """Note that a policy was invoked and nothing changed, unless that is known already."""
    names = cluster_and_service(target.body["ResourceId"]) or ("", "")
    newest = _newest(tx, target, names)
    known = newest is not None and (newest.body["Cause"], newest.body.get("NotScaledReasons")) == (
        cause,
        [reason],
    )
    if known:
        return
    activity = _activity(target.body, occasion)
    activity["Description"] = "Attempting to scale due to alarm triggered"
    activity["Cause"] = cause
    activity["StatusCode"] = "Failed"
    activity["EndTime"] = occasion.now
    activity["NotScaledReasons"] = [reason]
    _note(tx, target, activity, target.body["teal"])


def fulfil(tx: Transaction, target: Document[ScalableTargetBody], now: float) -> None:
    """Complete the newest activity if the service runs as many tasks as it set, or if somebody
    has set another count since.
    """
    names = cluster_and_service(target.body["ResourceId"]) or ("", "")
    newest, service = _newest(tx, target, names), tx.get(tables.ECS_SERVICES, *names)
    if newest is None or service is None or newest.body["StatusCode"] != "InProgress":
        return
    count = newest.body["teal"]["count"]
    desired = service.body["desiredCount"]
    body = newest.body.copy()
    if count != desired:
        body["StatusCode"] = "Overridden"
        body["StatusMessage"] = f"The desired count was set to {desired} meanwhile."
    elif service.body.get("runningCount") == desired:
        body["StatusCode"] = "Successful"
        body["StatusMessage"] = _DONE.format(count)
    else:
        return
    body["EndTime"] = now
    tx.replace(newest, body)


def is_open(reader: Reader, target: Document[ScalableTargetBody]) -> bool:
    """Whether the newest activity is in progress."""
    names = cluster_and_service(target.body["ResourceId"]) or ("", "")
    newest = _newest(reader, target, names)
    return newest is not None and newest.body["StatusCode"] == "InProgress"


def _newest(
    reader: Reader, target: Document[ScalableTargetBody], names: tuple[str, str]
) -> Document[ScalingActivityBody] | None:
    number = target.body["teal"]["activities"]
    return reader.get(tables.SCALING_ACTIVITIES, *names, _key(number))


def _key(number: int) -> str:
    return f"{number:06d}"


def _activity(target: ScalableTargetBody, occasion: Occasion) -> ScalingActivityBody:
    text = occasion.identity
    return {
        "ActivityId": "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])),
        "ServiceNamespace": target["ServiceNamespace"],
        "ResourceId": target["ResourceId"],
        "ScalableDimension": target["ScalableDimension"],
        "Description": "",
        "Cause": "",
        "StartTime": occasion.now,
        "StatusCode": "InProgress",
        "teal": {"count": None},
    }


def _note(
    tx: Transaction,
    target: Document[ScalableTargetBody],
    activity: ScalingActivityBody,
    teal: TargetTeal,
) -> None:
    names = cluster_and_service(target.body["ResourceId"]) or ("", "")
    number = teal["activities"] + 1
    body = target.body.copy()
    body["teal"] = {**teal, "activities": number}
    tx.replace(target, body)
    tx.put(tables.SCALING_ACTIVITIES, *names, _key(number), body=activity)
    if number > KEPT_ACTIVITIES:
        tx.delete(tables.SCALING_ACTIVITIES, *names, _key(number - KEPT_ACTIVITIES))
