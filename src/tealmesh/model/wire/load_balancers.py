"""The structures of our own API that describe load balancers, a part of `model.wire`."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class LoadBalancerListener(TypedDict):
    """A listener of a load balancer."""

    port: int
    protocol: str
    """HTTP, HTTPS, TCP or TLS."""
    localPort: NotRequired[int]
    """Where it listens on this machine: the port itself, or another if this user may not use that;
    absent until it has been chosen.
    """


class LoadBalancerStatus(TypedDict):
    """The state of one load balancer."""

    name: str
    loadBalancerArn: str
    type: str
    """application or network."""
    dnsName: str
    address: NotRequired[str]
    """The address of this machine where its listeners are; absent until it has been chosen."""
    listeners: list[LoadBalancerListener]
    healthy: int
    """Number of healthy targets, counted in each of its target groups."""
    registered: int
    """Number of registered targets, without those that drain."""
    problem: NotRequired[str]
    """Why it does not listen; absent if it does."""
