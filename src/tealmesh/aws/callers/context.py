"""What Conditions and variables of policies can ask of a request: the keys that we know. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from tealmesh.aws.callers.patterns import Context
from tealmesh.model.clock import Wall
from tealmesh.model.identity.caller import Principal


def of_principal(arn: str, unique_id: str, session: str = "") -> Context:
    """Of a user or role with this ARN. ``session``: that of the role; empty if it is not known."""
    is_user = ":user/" in arn
    found = {
        "aws:PrincipalArn": arn,
        "aws:PrincipalAccount": arn.split(":")[4],
        "aws:PrincipalType": "User" if is_user else "AssumedRole",
        "aws:PrincipalIsAWSService": "false",
        "aws:ViaAWSService": "false",
    }
    if is_user or session:
        found["aws:userid"] = unique_id if is_user else f"{unique_id}:{session}"
    name = (arn.rpartition("/")[2],) if is_user else ()
    return {**_context(found), "aws:username": name}


def of_request(who: Principal, unique_id: str, arn: str, region: str, now: Wall) -> Context:
    """Of a request of somebody who is the user or role ``arn``."""
    session = who.name.rpartition("/")[2] if ":assumed-role/" in who.name else ""
    found = {"aws:SecureTransport": "true" if who.is_encrypted else "false"}
    if region:
        found["aws:RequestedRegion"] = region
    if who.address:
        found["aws:SourceIp"] = who.address
    known = of_principal(arn, who.unique_id or unique_id, session)
    return {**known, **_context(found), **at(now)}


def at(now: Wall) -> Context:
    """Of the time."""
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _context({"aws:CurrentTime": shown, "aws:EpochTime": str(int(now))})


def of_assuming(parameters: Mapping[str, str]) -> Context:
    """Of STS's AssumeRole, for trust policies: a parameter that is not given is known not to be."""
    asked = {"sts:ExternalId": "ExternalId", "sts:RoleSessionName": "RoleSessionName"}
    return {
        key.lower(): (parameters[name],) if parameters.get(name) else ()
        for key, name in asked.items()
    }


def _context(found: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {key.lower(): (value,) for key, value in found.items()}
