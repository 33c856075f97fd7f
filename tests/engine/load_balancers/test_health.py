"""What ELB says of a target, by what an Envoy sees of it."""

from __future__ import annotations

import pytest

from tealmesh.engine.load_balancers.admin import Host
from tealmesh.engine.load_balancers.health import verdict
from tealmesh.model.load_balancers import TargetBody

FINE = Host(pending=False, failed=False, timed_out=False, active=0)


def target(draining: bool = False) -> TargetBody:
    return {
        "TargetGroupArn": "arn",
        "Id": "10.0.0.1",
        "Port": 80,
        "draining": draining,
        "registeredAt": 0.0,
    }


@pytest.mark.parametrize(
    ("host", "state", "reason"),
    [
        (None, "initial", "Elb.RegistrationInProgress"),
        (Host(pending=True, failed=True, timed_out=False, active=0), "initial",
         "Elb.InitialHealthChecking"),
        (Host(pending=False, failed=True, timed_out=False, active=1), "unhealthy",
         "Target.FailedHealthChecks"),
        (Host(pending=False, failed=True, timed_out=True, active=0), "unhealthy",
         "Target.Timeout"),
        # One check that was not answered in time does not make a target unhealthy.
        (Host(pending=False, failed=False, timed_out=True, active=0), "healthy", ""),
        (FINE, "healthy", ""),
    ],
)  # fmt: skip
def test_verdict(host: Host | None, state: str, reason: str) -> None:
    assert verdict(target(), host)[:2] == (state, reason)
    assert verdict(target(draining=True), host)[0] == "draining"
