"""Where load balancers listen on this machine. Pure.

Each load balancer has an address of its own, so that two may listen on the same port, and keeps it
as long as it exists. A port that this user may not bind is mapped to another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from tealmesh.model.load_balancers import (
    BY_HOST,
    LoadBalancerBody,
    PlaceBody,
    is_by_host,
    listens_by_host,
    load_balancer_name,
)

if TYPE_CHECKING:
    Bodies = Mapping[str, LoadBalancerBody]
    Places = Mapping[str, PlaceBody]

PRIVILEGED_OFFSET = 8000
"""Added to a port that this user may not bind: 80 becomes 8080, and 443 becomes 8443."""

_NEXT = 1000
"""Added again while that port belongs to another listener."""


def plan(
    load_balancers: Bodies,
    places: Places,
    *,
    address: Callable[[int], str],
    lowest_port: int,
    free: Callable[[str, int], bool],
    by_host: int | None,
    inside: Callable[[str], str] = lambda address: "",
) -> dict[str, PlaceBody]:
    """The places that are new or have changed, by the load balancer's ARN.

    ``address(n)`` is the n-th address for load balancers, ``lowest_port`` the first port that this
    user may bind, ``free(address, port)`` whether no other program has bound it. ``by_host``: the
    port where the Host header selects the load balancer; None for no such port. ``inside(address)``
    is where containers reach it, empty if they cannot. The places of deleted load balancers stay,
    for as long as their Envoys need them.
    """
    wanted = {arn: _listens_on(body) for arn, body in load_balancers.items()}
    if by_host is not None and any(answers_by_host(body) for body in load_balancers.values()):
        wanted[BY_HOST] = [by_host]
    names = {load_balancer_name(arn) for arn in places}
    used = {place["address"] for place in places.values()}
    changed: dict[str, PlaceBody] = {}
    for arn, ports in sorted(wanted.items()):
        known = places.get(arn)
        if known is None:
            if load_balancer_name(arn) in names:
                # An Envoy is known by its load balancer's name: the former one must be gone, and
                # of two load balancers of that name in different regions one listens.
                continue
            names.add(load_balancer_name(arn))
            own = next(a for n in range(len(used) + 1) if (a := address(n)) not in used)
            used.add(own)
            known = {"address": own, "ports": {}}
        place: PlaceBody = {**known}
        if is_by_host(arn):
            # Taken as it is: whoever chose it reads why it cannot be bound.
            place["ports"] = {str(port): port for port in ports}
        else:
            here = partial(free, known["address"])
            place["ports"] = local_ports(ports, known["ports"], lowest_port, here)
            _open_to_containers(place, ports, inside(known["address"]), free)
        if place != places.get(arn):
            changed[arn] = place
    return changed


def _open_to_containers(
    place: PlaceBody, ports: Sequence[int], address: str, free: Callable[[str, int], bool]
) -> None:
    """Let containers reach the listeners at ``address``. A port stays there once it is taken."""
    if not address:
        return
    known = place.get("containerPorts", []) if place.get("containerAddress") == address else []
    place["containerAddress"] = address
    place["containerPorts"] = [p for p in ports if p in known or free(address, p)]


def leaving(load_balancers: Bodies, arn: str) -> bool:
    """Whether the load balancer of a place has been deleted."""
    if is_by_host(arn):
        return not any(answers_by_host(body) for body in load_balancers.values())
    return arn not in load_balancers


def local_ports(
    ports: Iterable[int],
    known: Mapping[str, int],
    lowest: int,
    free: Callable[[int], bool] = lambda port: True,
) -> dict[str, int]:
    """The local port of each of ``ports``, by that port in decimal.

    A listener keeps its local port (``known``) while this user may bind it. Otherwise it gets its
    own port; if it may not have that, or another listener or program has it, the first free one of
    8000 more, 9000 more and so on.
    """
    wanted = sorted(ports)
    local = {str(port): known[str(port)] for port in wanted if known.get(str(port), -1) >= lowest}
    # Ports that need no mapping come first, lest 80 take 8080 from a listener there.
    for port in sorted(wanted, key=lambda port: (port < lowest, port)):
        if str(port) in local:
            continue
        own = [port] if port >= lowest else []
        further = range(port + PRIVILEGED_OFFSET, 65536, _NEXT)
        anything = range(max(lowest, 1024), 65536)
        taken = set(local.values())
        local[str(port)] = next(
            p for p in chain(own, further, anything) if p not in taken and free(p)
        )
    return {str(port): local[str(port)] for port in wanted}


def answers_by_host(body: LoadBalancerBody) -> bool:
    """Whether the Host header can select the load balancer: one of its listeners."""
    return any(listens_by_host(listener) for listener in body["Listeners"])


def _listens_on(body: LoadBalancerBody) -> list[int]:
    return [listener["Port"] for listener in body["Listeners"]]
