"""Events of ECS services. Pure."""

from __future__ import annotations

from typing import TypedDict

from tealmesh.model.ecs.bodies import ServiceBody, ServiceEventBody

MAX_EVENTS = 100
"""Events of a service that are kept: as many as DescribeServices shows."""


class ToldBody(TypedDict):
    """What EventBridge was told of last, of one subject: `tealmesh.seams.events`."""

    key: list[str]
    mark: str


def add_event(service: ServiceBody, identity: str, now: float, message: str) -> None:
    """Add an event to the service; newest first, as DescribeServices shows them."""
    text = f"(service {service['serviceName']}) {message}"
    event: ServiceEventBody = {"id": identity, "createdAt": now, "message": text}
    service["events"] = [event, *service.get("events", [])][:MAX_EVENTS]
