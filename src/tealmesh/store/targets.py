"""Registering targets of load balancers, for use inside a transaction.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
"""

from __future__ import annotations

from tealmesh.model.clock import Moment
from tealmesh.model.load_balancers import TargetBody, TargetGroupBody, target_key
from tealmesh.store import tables
from tealmesh.store.views import Transaction

DEFAULT_DEREGISTRATION_DELAY = 300.0
"""Seconds: the default of ``deregistration_delay.timeout_seconds``."""


def register_target(tx: Transaction, target: TargetBody) -> None:
    """Register a target, from this moment on. One that is registered already stays as it is; one
    that is draining is registered anew.
    """
    key = target_key(target["Id"], target["Port"])
    present = tx.get(tables.TARGETS, target["TargetGroupArn"], key)
    if present is None or present.body["draining"]:
        body: TargetBody = {**target, "registered": tx.moment.stored()}
        tx.put(tables.TARGETS, target["TargetGroupArn"], key, body=body)


def deregister_target(tx: Transaction, group: TargetGroupBody, key: str) -> None:
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
        body: TargetBody = {
            **document.body,
            "draining": True,
            "deregistered": tx.moment.stored(),
            "delay": delay,
        }
        tx.replace(document, body)


def drain_left(now: Moment, target: TargetBody) -> float:
    """Seconds that are left of a target's deregistration delay; 0 if it does not drain."""
    if not target["draining"]:
        return 0.0
    return now.left(target.get("deregistered"), target.get("delay", 0.0))


def deregistration_delay(group: TargetGroupBody) -> float:
    """Seconds in which a deregistered target may finish its requests."""
    value = group["Attributes"].get("deregistration_delay.timeout_seconds")
    return float(value) if value else DEFAULT_DEREGISTRATION_DELAY
