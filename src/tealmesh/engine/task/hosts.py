"""What an Envoy's admin interface says of the hosts that it sends to. Pure.

https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--clusters?format=json
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tealmesh.model.health import CHECK_FAILED, EJECTED

_EGRESS = "cds_egress_"


@dataclass(frozen=True)
class HostSeen:
    """One host of one of an Envoy's clusters for virtual nodes."""

    address: str
    problem: str
    """Why the Envoy does not send to it; empty if it does."""


# What Envoy answers is JSON of Envoy's making.
def seen_by(answer: Mapping[str, Any]) -> list[HostSeen]:
    """The hosts about which the Envoy has an opinion: not those that drain, nor those that it has
    still to check for the first time.
    """
    return [
        HostSeen(address, _problem(host.get("health_status", {})))
        for cluster in answer.get("cluster_statuses", [])
        if cluster.get("name", "").startswith(_EGRESS)
        for host in cluster.get("host_statuses", [])
        if (address := host.get("address", {}).get("socket_address", {}).get("address"))
        and _judged(host.get("health_status", {}))
    ]


def _judged(status: Mapping[str, Any]) -> bool:
    draining = status.get("eds_health_status") == "DRAINING"
    return not (draining or status.get("pending_active_hc"))


def _problem(status: Mapping[str, Any]) -> str:
    if status.get("failed_active_health_check"):
        return CHECK_FAILED
    return EJECTED if status.get("failed_outlier_check") else ""


def of_address(seen: list[HostSeen], address: str) -> str | None:
    """Why an Envoy does not send to an address; empty if it does, by any of its clusters; None if
    it has no opinion. A task whose one listener is not served can be used by its others.
    """
    problems = [host.problem for host in seen if host.address == address]
    if not problems:
        return None
    return "" if "" in problems else problems[0]
