"""Registering targets of load balancers, for use inside a transaction.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
"""

from __future__ import annotations

from tealmesh.model.load_balancers import TargetBody, TargetGroupBody, target_key
from tealmesh.store import tables
from tealmesh.store.store import Transaction

DEFAULT_DEREGISTRATION_DELAY = 300.0
"""Seconds: the default of ``deregistration_delay.timeout_seconds``."""


def register_target(tx: Transaction, target: TargetBody) -> None:
    """Register a target. One that is registered already stays as it is; one that is draining is
    registered anew.
    """
    key = target_key(target["Id"], target["Port"])
    present = tx.get(tables.TARGETS, target["TargetGroupArn"], key)
    if present is None or present.body["draining"]:
        tx.put(tables.TARGETS, target["TargetGroupArn"], key, body=target)


def deregister_target(tx: Transaction, group: TargetGroupBody, key: str, now: float) -> None:
    """Let a target drain for the group's deregistration delay; without a load balancer, or a
    delay, it is gone at once. Does nothing for a target that is not registered.
    """
    arn = group["TargetGroupArn"]
    document = tx.get(tables.TARGETS, arn, key)
    if document is None or document.body["draining"]:
        return
    delay = deregistration_delay(group)
    if delay <= 0 or not group["LoadBalancerArns"]:
        tx.delete(tables.TARGETS, arn, key)
    else:
        body: TargetBody = {**document.body, "draining": True, "drainUntil": now + delay}
        tx.replace(document, body)


def deregistration_delay(group: TargetGroupBody) -> float:
    """Seconds in which a deregistered target may finish its requests."""
    value = group["Attributes"].get("deregistration_delay.timeout_seconds")
    return float(value) if value else DEFAULT_DEREGISTRATION_DELAY
