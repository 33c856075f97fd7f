"""Names of a load balancer's Envoy resources."""

from __future__ import annotations

from tealmesh.model.load_balancers import TargetGroupBody

STATISTICS = "elb"
"""The prefix of the listeners' statistics: ``http.elb.downstream_rq_active``."""

NOWHERE = "elb_nowhere"
"""A cluster that never exists: connections that lead there are closed."""


def listener(port: int) -> str:
    """The listener of a load balancer's listener at ``port``."""
    return f"lds_elb_{port}"


def routes(port: int) -> str:
    """The rules of the listener at ``port``."""
    return f"rds_elb_{port}"


def cluster(group: TargetGroupBody) -> str:
    """The cluster of a target group, and its endpoints."""
    return f"elb_{group['TargetGroupName']}"
