"""What ELB says of targets, from what the load balancers' Envoys see.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tealmesh.engine.load_balancers import admin
from tealmesh.engine.load_balancers.admin import Host
from tealmesh.engine.runtimes.base import StandaloneEnvoys
from tealmesh.envoy.load_balancers.names import cluster
from tealmesh.model.load_balancers import (
    DRAINING,
    REGISTERING,
    UNUSED,
    PlaceBody,
    TargetBody,
    Verdict,
    named_groups,
    target_key,
)
from tealmesh.store import Store, tables
from tealmesh.store.snapshot import load_balancer_bodies, load_balancer_places

CHECKING: Verdict = (
    "initial",
    "Elb.InitialHealthChecking",
    "Initial health checks in progress",
)
TIMED_OUT: Verdict = ("unhealthy", "Target.Timeout", "Request timed out")
FAILED: Verdict = ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
HEALTHY: Verdict = ("healthy", "", "")


@dataclass(frozen=True)
class TargetHealth:
    """Asks the Envoys of the load balancers that use a target group."""

    store: Store
    envoys: StandaloneEnvoys

    async def health(self, target_group_arn: str) -> dict[str, Verdict]:
        """The verdict on each target of a group, by "ID:PORT"."""
        targets = self._targets(target_group_arn)
        if not self._places(target_group_arn):
            return {name: DRAINING if t["draining"] else UNUSED for name, t in targets.items()}
        hosts = await self._hosts(target_group_arn)
        return {name: verdict(target, hosts.get(name)) for name, target in targets.items()}

    async def in_flight(self, target_group_arn: str) -> dict[str, int]:
        """Requests, or flows of TCP, that each target of a group has not finished, by "ID:PORT";
        targets that no Envoy knows are absent.
        """
        hosts = await self._hosts(target_group_arn)
        return {name: host.active for name, host in hosts.items()}

    async def of_applications(self) -> dict[tuple[str, str], Mapping[str, Host]]:
        """The targets as each application load balancer sees them: by the ARNs of the load balancer
        and of the target group.
        """
        view = self.store.view
        places = load_balancer_places(view)
        found: dict[tuple[str, str], Mapping[str, Host]] = {}
        for arn, body in load_balancer_bodies(view).items():
            if body["Type"] != "application" or arn not in places:
                continue
            at = self.envoys.admin(places[arn]["address"], places[arn].get("handle"))
            for name in named_groups(body):
                group = view.get(tables.TARGET_GROUPS, name)
                seen = await admin.hosts(at, cluster(group.body)) if group else None
                if seen is not None:
                    found[arn, name] = seen
        return found

    def _targets(self, arn: str) -> dict[str, TargetBody]:
        bodies = (document.body for document in self.store.view.list(tables.TARGETS, arn))
        return {target_key(body["Id"], body["Port"]): body for body in bodies}

    def _places(self, arn: str) -> list[PlaceBody]:
        """Where the load balancers listen that use the target group."""
        view = self.store.view
        places = load_balancer_places(view)
        return [
            places[load_balancer]
            for load_balancer, body in load_balancer_bodies(view).items()
            if arn in named_groups(body) and load_balancer in places
        ]

    async def _hosts(self, arn: str) -> Mapping[str, Host]:
        """The targets of a group as all its Envoys see them together."""
        group = self.store.view.get(tables.TARGET_GROUPS, arn)
        if group is None:
            return {}
        together: dict[str, Host] = {}
        for place in self._places(arn):
            at = self.envoys.admin(place["address"], place.get("handle"))
            seen = await admin.hosts(at, cluster(group.body))
            for name, host in (seen or {}).items():
                other = together.get(name)
                together[name] = host if other is None else _both(host, other)
        return together


def verdict(target: TargetBody, host: Host | None) -> Verdict:
    """What ELB says of a registered target that an Envoy sees so; None if it does not see it."""
    if target["draining"]:
        return DRAINING
    if host is None:
        return REGISTERING
    if host.pending:
        return CHECKING
    if host.failed:
        return TIMED_OUT if host.timed_out else FAILED
    return HEALTHY


def _both(one: Host, other: Host) -> Host:
    """Two Envoys together: the worse of what they see, and all that is in flight."""
    return Host(
        pending=one.pending or other.pending,
        failed=one.failed or other.failed,
        timed_out=one.timed_out or other.timed_out,
        active=one.active + other.active,
        total=one.total + other.total,
    )
