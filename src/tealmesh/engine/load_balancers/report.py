"""What people see of the load balancers: where each listens, and how its targets are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tealmesh.engine.load_balancers.fleet import Fleet
from tealmesh.engine.load_balancers.health import TargetHealth
from tealmesh.model.arn import Arn
from tealmesh.model.convergence import EnvoyStatus
from tealmesh.model.load_balancers import (
    BY_HOST,
    LoadBalancerBody,
    PlaceBody,
    load_balancer_name,
    named_groups,
)
from tealmesh.model.mesh import load_balancer_scope
from tealmesh.store import Store
from tealmesh.store.snapshot import load_balancer_bodies, load_balancer_places

if TYPE_CHECKING:
    from tealmesh.model import wire


@dataclass(frozen=True)
class Report:
    """Reads the load balancers' status."""

    store: Store
    fleet: Fleet
    target_health: TargetHealth
    envoys: Callable[[str], Sequence[EnvoyStatus]]
    """The Envoys of a scope, as the ADS server knows them."""
    missing: Callable[[], Mapping[str, str]]
    """Why there is no certificate, by its ARN."""

    async def load_balancers(self) -> list[wire.LoadBalancerStatus]:
        """The status of each load balancer, by name."""
        view = self.store.view
        places = load_balancer_places(view)
        bodies = sorted(load_balancer_bodies(view).items(), key=lambda i: i[1]["LoadBalancerName"])
        return [await self._status(arn, body, places.get(arn)) for arn, body in bodies]

    def by_host_port(self) -> int | None:
        """The port where the Host header selects a load balancer; None while none listens there."""
        place = load_balancer_places(self.store.view).get(BY_HOST)
        if place is None or self.by_host_problem():
            return None
        return next(iter(place["ports"].values()))

    def by_host_problem(self) -> str:
        """Why nothing listens at that port; empty if something does, or nothing has to."""
        return self._problem(BY_HOST)

    async def _status(
        self, arn: str, body: LoadBalancerBody, place: PlaceBody | None
    ) -> wire.LoadBalancerStatus:
        states = [
            state
            for group in sorted(named_groups(body))
            for state, _, _ in (await self.target_health.health(group)).values()
        ]
        status: wire.LoadBalancerStatus = {
            "name": body["LoadBalancerName"],
            "loadBalancerArn": arn,
            "type": body["Type"],
            "dnsName": body["DNSName"],
            "listeners": [],
            "healthy": states.count("healthy"),
            "registered": len(states) - states.count("draining"),
        }
        for listener in body["Listeners"]:
            shown: wire.LoadBalancerListener = {
                "port": listener["Port"],
                "protocol": listener["Protocol"],
            }
            if place is not None and str(listener["Port"]) in place["ports"]:
                shown["localPort"] = place["ports"][str(listener["Port"])]
            status["listeners"].append(shown)
        if place is not None:
            status["address"] = place["address"]
        problem = self._problem(arn) if place is not None else _unplaced(arn, body)
        if problem := "; ".join(filter(None, [problem, *self._waiting(body)])):
            status["problem"] = problem
        return status

    def _waiting(self, body: LoadBalancerBody) -> Iterator[str]:
        """What is said of listeners without their certificate."""
        missing = self.missing()
        for listener in body["Listeners"]:
            for index, arn in enumerate(listener["Certificates"]):
                if arn in missing:
                    held = "does not listen" if index == 0 else "listens without a certificate"
                    yield f"{listener['Protocol']} {listener['Port']} {held}: {missing[arn]}"

    def _problem(self, arn: str) -> str:
        """Why the Envoy does not run, or what it refused."""
        scope = load_balancer_scope(load_balancer_name(arn))
        rejected = [envoy.rejected for envoy in self.envoys(scope) if envoy.rejected]
        return self.fleet.problem(arn) or "; ".join(f"rejected by Envoy: {r}" for r in rejected)


def _unplaced(arn: str, body: LoadBalancerBody) -> str:
    return (
        f"waiting for another load balancer named {body['LoadBalancerName']} to end: of several in "
        f"different regions, one listens (this is {Arn.parse(arn).region})"
    )
