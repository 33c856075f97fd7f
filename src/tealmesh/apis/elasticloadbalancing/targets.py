"""What requests on targets name: the group, and the address and port of each target."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from tealmesh.model.errors import AwsError
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from tealmesh.apis.elasticloadbalancing.requests import TargetDescription
    from tealmesh.model.load_balancers import TargetGroupBody


def find_group(reader: Reader, arn: str) -> TargetGroupBody:
    """Raises AwsError ``TargetGroupNotFound``."""
    document = reader.get(tables.TARGET_GROUPS, arn)
    if document is None:
        raise AwsError("TargetGroupNotFound", f"Target groups '{arn}' not found")
    return document.body


def address_of(group: TargetGroupBody, target: TargetDescription) -> tuple[str, int]:
    """The address and port of a target. Raises AwsError ``ValidationError`` if the group cannot
    have it.
    """
    identity = target["Id"]
    if group["TargetType"] != "ip":
        raise AwsError(
            "ValidationError",
            f"Targets.Id = {identity!r}: no EC2 instances run here: register tasks by an ECS "
            f"service, or IP addresses in a target group with TargetType ip",
        )
    try:
        address = ipaddress.ip_address(identity)
    except ValueError as error:
        raise AwsError(
            "ValidationError", f"The IP address '{identity}' is not a valid IPv4 or IPv6 address"
        ) from error
    return str(address), target.get("Port", group["Port"])
