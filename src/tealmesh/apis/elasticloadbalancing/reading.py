"""Reads all load balancers and target groups of a region with a boto3 client. Blocking.

Answers of botocore have no types: hence Any for what has just been read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from tealmesh.apis.elasticloadbalancing.refused import PROTOCOLS, TYPES
from tealmesh.model.load_balancers import (
    ActionBody,
    ConditionBody,
    ListenerBody,
    LoadBalancerBody,
    RuleBody,
    TargetGroupBody,
)

_CONFIGS = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}


def read_region(client: Any) -> tuple[list[LoadBalancerBody], list[TargetGroupBody]]:
    """Everything that a client's region has. Raises botocore's errors."""
    balancers = [
        _balancer(client, described)
        for described in _all(client, "describe_load_balancers", "LoadBalancers")
        if described["Type"] in TYPES
    ]
    users: dict[str, set[str]] = {}
    for balancer in balancers:
        for arn in _groups_of(balancer):
            users.setdefault(arn, set()).add(balancer["LoadBalancerArn"])
    groups = [
        _group(client, described, sorted(users.get(described["TargetGroupArn"], ())))
        for described in _all(client, "describe_target_groups", "TargetGroups")
        if described.get("Protocol") in PROTOCOLS
    ]
    return balancers, groups


def groups_of_actions(actions: list[ActionBody]) -> Iterator[str]:
    """ARNs of the target groups that actions forward to; some may come twice."""
    for action in actions:
        if "TargetGroupArn" in action:
            yield action["TargetGroupArn"]
        for group in action.get("ForwardConfig", {"TargetGroups": []})["TargetGroups"]:
            yield group["TargetGroupArn"]


def _groups_of(balancer: LoadBalancerBody) -> Iterator[str]:
    for listener in balancer["Listeners"]:
        yield from groups_of_actions(listener["DefaultActions"])
        for rule in listener["Rules"]:
            yield from groups_of_actions(rule["Actions"])


def _balancer(client: Any, described: Any) -> LoadBalancerBody:
    arn = described["LoadBalancerArn"]
    attributes = client.describe_load_balancer_attributes(LoadBalancerArn=arn)
    listeners = [
        _listener(client, listener)
        for listener in _all(client, "describe_listeners", "Listeners", LoadBalancerArn=arn)
        if listener.get("Protocol") in PROTOCOLS
    ]
    return {
        "LoadBalancerArn": arn,
        "LoadBalancerName": described["LoadBalancerName"],
        "DNSName": described["DNSName"],
        "Type": described["Type"],
        "Scheme": described.get("Scheme", "internet-facing"),
        "Attributes": _pairs(attributes),
        "Listeners": sorted(listeners, key=lambda listener: listener["Port"]),
    }


def _listener(client: Any, described: Any) -> ListenerBody:
    arn = described["ListenerArn"]
    rules = [
        _rule(rule)
        for rule in _all(client, "describe_rules", "Rules", ListenerArn=arn)
        if not rule.get("IsDefault") and rule["Priority"] != "default"
    ]
    body: ListenerBody = {
        "ListenerArn": arn,
        "Port": described["Port"],
        "Protocol": described["Protocol"],
        "Certificates": _certificates(client, described),
        "DefaultActions": _actions(described.get("DefaultActions", [])),
        "Rules": sorted(rules, key=lambda rule: rule["Priority"]),
        "Attributes": _pairs(client.describe_listener_attributes(ListenerArn=arn)),
    }
    if described["Protocol"] in ("HTTPS", "TLS"):
        if described.get("SslPolicy"):
            body["SslPolicy"] = described["SslPolicy"]
        if described.get("AlpnPolicy"):
            body["AlpnPolicy"] = described["AlpnPolicy"][0]
    return body


def _certificates(client: Any, described: Any) -> list[str]:
    """ARNs, the default certificate first."""
    arn = described["ListenerArn"]
    own = [certificate["CertificateArn"] for certificate in described.get("Certificates", [])]
    answer = _all(client, "describe_listener_certificates", "Certificates", ListenerArn=arn)
    listed = [certificate["CertificateArn"] for certificate in answer]
    return list(dict.fromkeys([*own, *listed]))


def _rule(described: Any) -> RuleBody:
    return {
        "RuleArn": described["RuleArn"],
        "Priority": int(described["Priority"]),
        "Conditions": [_condition(condition) for condition in described.get("Conditions", [])],
        "Actions": _actions(described.get("Actions", [])),
    }


def _actions(described: Any) -> list[ActionBody]:
    """In the order in which they are performed."""
    return sorted(cast("list[ActionBody]", described), key=lambda action: action.get("Order", 0))


def _condition(described: Any) -> ConditionBody:
    """Always with the configuration, which AWS adds where only ``Values`` were sent."""
    config = _CONFIGS.get(described["Field"])
    if config and config not in described and described.get("Values"):
        described = {**described, config: {"Values": described["Values"]}}
    return cast("ConditionBody", described)


def _group(client: Any, described: Any, balancers: list[str]) -> TargetGroupBody:
    arn = described["TargetGroupArn"]
    body: TargetGroupBody = {
        "TargetGroupArn": arn,
        "TargetGroupName": described["TargetGroupName"],
        "Protocol": described["Protocol"],
        "Port": described["Port"],
        "TargetType": described["TargetType"],
        "HealthCheckProtocol": described["HealthCheckProtocol"],
        "HealthCheckPort": described["HealthCheckPort"],
        "HealthCheckIntervalSeconds": described["HealthCheckIntervalSeconds"],
        "HealthCheckTimeoutSeconds": described["HealthCheckTimeoutSeconds"],
        "HealthCheckEnabled": described["HealthCheckEnabled"],
        "HealthyThresholdCount": described["HealthyThresholdCount"],
        "UnhealthyThresholdCount": described["UnhealthyThresholdCount"],
        "Attributes": _pairs(client.describe_target_group_attributes(TargetGroupArn=arn)),
        "LoadBalancerArns": balancers,
    }
    if described.get("ProtocolVersion"):
        body["ProtocolVersion"] = described["ProtocolVersion"]
    if described.get("HealthCheckPath"):
        body["HealthCheckPath"] = described["HealthCheckPath"]
    if described.get("Matcher"):
        body["Matcher"] = described["Matcher"]
    return body


def _pairs(answer: Any) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in answer["Attributes"]}


def _all(client: Any, operation: str, member: str, **members: str) -> Iterator[Any]:
    """The items of every page."""
    for page in client.get_paginator(operation).paginate(**members):
        yield from page.get(member, [])
