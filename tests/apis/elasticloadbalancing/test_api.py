"""Elastic Load Balancing at the wire: targets, refusals, and the copy in the store."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.elb import (
    Network,
    forward,
    health,
    listener,
    load_balancer,
    network,
    target_group,
)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("elb")) as plane:
        yield plane


@pytest.fixture(scope="module")
def elb(plane: ControlPlane) -> Any:
    return plane.client("elbv2")


@pytest.fixture(scope="module")
def vpc(plane: ControlPlane) -> Network:
    return network(plane)


def stored(plane: ControlPlane, collection: str) -> list[Any]:
    """The bodies of a collection, as they are on disk."""
    with sqlite3.connect(f"file:{plane.directory}/data/state.db?mode=ro", uri=True) as database:
        rows = database.execute("select body from documents where collection = ?", [collection])
        return [json.loads(body) for (body,) in rows]


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_targets_are_kept_by_address_and_port(elb: Any, vpc: Network) -> None:
    group = target_group(elb, vpc, "ports", Port=8080)
    elb.register_targets(
        TargetGroupArn=group,
        Targets=[{"Id": "127.3.0.1"}, {"Id": "127.3.0.1", "Port": 81}, {"Id": "127.3.0.2"}],
    )
    unused = ("unused", "Target.NotInUse")
    assert health(elb, group) == dict.fromkeys(
        ["127.3.0.1:81", "127.3.0.1:8080", "127.3.0.2:8080"], unused
    )

    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "127.3.0.1", "Port": 81}])
    # Nobody sends to this group, so there is nothing to drain.
    assert health(elb, group) == dict.fromkeys(["127.3.0.1:8080", "127.3.0.2:8080"], unused)
    gone = [{"Id": "127.3.0.1", "Port": 81}]
    assert health(elb, group, Targets=gone) == {"127.3.0.1:81": ("unused", "Target.NotRegistered")}


def test_a_target_in_use_drains_for_its_delay(elb: Any, vpc: Network) -> None:
    group = target_group(elb, vpc, "drains")
    listener(elb, load_balancer(elb, vpc, "drains"), 80, forward(group))
    targets = [{"Id": "127.3.0.3"}]
    elb.register_targets(TargetGroupArn=group, Targets=targets)
    assert health(elb, group)["127.3.0.3:80"][0] in ("initial", "unhealthy")

    elb.deregister_targets(TargetGroupArn=group, Targets=targets)
    draining = ("draining", "Target.DeregistrationInProgress")
    assert health(elb, group) == {"127.3.0.3:80": draining}

    elb.register_targets(TargetGroupArn=group, Targets=targets)
    assert health(elb, group)["127.3.0.3:80"][0] in ("initial", "unhealthy")
    elb.modify_target_group_attributes(
        TargetGroupArn=group,
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}],
    )
    elb.deregister_targets(TargetGroupArn=group, Targets=targets)
    assert health(elb, group) == {}


def test_what_is_missing_is_named(elb: Any, vpc: Network) -> None:
    gone = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/no/0123456789abcdef"
    code, text = refusal(lambda: elb.describe_target_health(TargetGroupArn=gone))
    assert code == "TargetGroupNotFound"
    assert gone in text
    group = target_group(elb, vpc, "missing")
    code, text = refusal(
        lambda: elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "web"}])
    )
    assert (code, text) == (
        "ValidationError",
        "The IP address 'web' is not a valid IPv4 or IPv6 address",
    )
    # Not registered, and not an error in AWS either.
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "127.3.0.9"}])


def test_targets_of_instances_are_refused_and_their_groups_are_not(elb: Any, vpc: Network) -> None:
    group = target_group(elb, vpc, "instances", TargetType="instance")
    code, text = refusal(
        lambda: elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "i-0123456789"}])
    )
    assert code == "ValidationError"
    assert "Targets.Id = 'i-0123456789'" in text


@pytest.mark.parametrize(
    ("operation", "members", "named"),
    [
        ("create_target_group", {"TargetType": "lambda"}, "TargetType = 'lambda'"),
        ("create_target_group", {"TargetType": "alb", "Protocol": "TCP"}, "TargetType = 'alb'"),
        ("create_target_group", {"Protocol": "UDP"}, "Protocol = 'UDP'"),
        ("create_target_group", {"Protocol": "GENEVE"}, "Protocol = 'GENEVE'"),
        ("create_load_balancer", {"Type": "gateway"}, "Type = 'gateway'"),
        ("create_listener", {"Protocol": "TCP_UDP"}, "Protocol = 'TCP_UDP'"),
        (
            "create_listener",
            {"MutualAuthentication": {"Mode": "verify"}},
            "MutualAuthentication.Mode = 'verify'",
        ),
        (
            "create_listener",
            {
                "DefaultActions": [
                    {
                        "Type": "authenticate-cognito",
                        "AuthenticateCognitoConfig": {
                            "UserPoolArn": "a",
                            "UserPoolClientId": "b",
                            "UserPoolDomain": "c",
                        },
                    }
                ]
            },
            "DefaultActions.member.1.Type = 'authenticate-cognito'",
        ),
        (
            "create_rule",
            {"Conditions": [{"Field": "path-pattern", "RegexValues": ["a+"]}]},
            "Conditions.member.1: regular expressions",
        ),
        (
            "create_rule",
            {"Transforms": [{"Type": "url-rewrite"}]},
            "Transforms: rewriting",
        ),
    ],
)
def test_what_is_not_built_is_refused_before_it_is_stored(
    elb: Any, vpc: Network, operation: str, members: dict[str, Any], named: str
) -> None:
    arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/no/01/02"
    request: dict[str, Any] = {
        "create_target_group": {"Name": "refused", "Port": 80, "VpcId": vpc.vpc},
        "create_load_balancer": {"Name": "refused", "Subnets": vpc.subnets},
        "create_listener": {"LoadBalancerArn": arn, "Port": 80, "DefaultActions": []},
        "create_rule": {"ListenerArn": arn, "Priority": 1, "Conditions": [], "Actions": []},
    }[operation]
    code, text = refusal(lambda: getattr(elb, operation)(**{**request, **members}))

    assert code == "InvalidConfigurationRequest"
    assert text.startswith(named)
    names = [group["TargetGroupName"] for group in elb.describe_target_groups()["TargetGroups"]]
    balancers = elb.describe_load_balancers()["LoadBalancers"]
    assert "refused" not in [*names, *(b["LoadBalancerName"] for b in balancers)]


def test_what_breaks_the_model_is_refused_in_its_words(elb: Any, vpc: Network) -> None:
    code, text = refusal(lambda: target_group(elb, vpc, "odd", Protocol="SCTP"))
    assert code == "ValidationError"
    assert "Value 'SCTP' at 'Protocol' failed to satisfy constraint" in text


def test_names_of_load_balancers_are_unique(elb: Any, vpc: Network) -> None:
    load_balancer(elb, vpc, "twice")
    code, _ = refusal(lambda: load_balancer(elb, vpc, "twice"))
    assert code == "DuplicateLoadBalancerName"


def test_a_protected_load_balancer_is_not_deleted(elb: Any, vpc: Network) -> None:
    arn = load_balancer(elb, vpc, "protected")

    def protect(value: str) -> None:
        elb.modify_load_balancer_attributes(
            LoadBalancerArn=arn,
            Attributes=[{"Key": "deletion_protection.enabled", "Value": value}],
        )

    protect("true")
    code, _ = refusal(lambda: elb.delete_load_balancer(LoadBalancerArn=arn))
    assert code == "OperationNotPermitted"
    protect("false")
    elb.delete_load_balancer(LoadBalancerArn=arn)


def test_classic_load_balancers_are_still_motos(plane: ControlPlane) -> None:
    plane.client("elb").create_load_balancer(
        LoadBalancerName="classic",
        Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}],
        AvailabilityZones=["us-east-1a"],
    )
    names = plane.client("elb").describe_load_balancers()["LoadBalancerDescriptions"]
    assert [name["LoadBalancerName"] for name in names] == ["classic"]


def test_the_store_follows_every_change(plane: ControlPlane, elb: Any, vpc: Network) -> None:
    balancer = load_balancer(elb, vpc, "followed", Type="network")
    blue, green = (target_group(elb, vpc, name, Protocol="TCP") for name in ("blue", "green"))
    one = listener(elb, balancer, 443, forward(blue), Protocol="TCP")

    def followed() -> Any:
        every = stored(plane, "elb.loadBalancer")
        return next((b for b in every if b["LoadBalancerName"] == "followed"), None)

    def users(group: str) -> list[str]:
        every = stored(plane, "elb.targetGroup")
        return next(b["LoadBalancerArns"] for b in every if b["TargetGroupArn"] == group)

    body = followed()
    assert (body["Type"], body["Scheme"]) == ("network", "internet-facing")
    assert [(x["Port"], x["Protocol"]) for x in body["Listeners"]] == [(443, "TCP")]
    assert (users(blue), users(green)) == ([balancer], [])

    elb.modify_listener(ListenerArn=one, DefaultActions=forward(green))
    (action,) = followed()["Listeners"][0]["DefaultActions"]
    assert action["TargetGroupArn"] == green
    assert (users(blue), users(green)) == ([], [balancer])

    elb.delete_listener(ListenerArn=one)
    assert followed()["Listeners"] == []
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    elb.register_targets(TargetGroupArn=blue, Targets=[{"Id": "127.3.0.4"}])
    elb.delete_target_group(TargetGroupArn=blue)
    assert followed() is None
    assert not [b for b in stored(plane, "elb.target") if b["TargetGroupArn"] == blue]


def test_rules_are_stored_in_the_order_of_their_priority(
    plane: ControlPlane, elb: Any, vpc: Network
) -> None:
    group = target_group(elb, vpc, "rules")
    on = listener(elb, load_balancer(elb, vpc, "rules"), 80, forward(group))
    for priority, path in ((30, "/c"), (4, "/a"), (200, "/d")):
        elb.create_rule(
            ListenerArn=on,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": [path]}],
            Actions=forward(group),
        )
    balancer = next(
        b for b in stored(plane, "elb.loadBalancer") if b["LoadBalancerName"] == "rules"
    )
    rules = balancer["Listeners"][0]["Rules"]
    assert [(r["Priority"], r["Conditions"][0]["PathPatternConfig"]["Values"]) for r in rules] == [
        (4, ["/a"]),
        (30, ["/c"]),
        (200, ["/d"]),
    ]


def test_all_is_there_again_after_a_kill(tmp_path: Path) -> None:
    with control_plane(tmp_path) as plane:
        elb, vpc = plane.client("elbv2"), network(plane)
        group = target_group(elb, vpc, "kept")
        listener(elb, load_balancer(elb, vpc, "kept"), 80, forward(group))
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.3.0.5"}])
        before = stored(plane, "elb.loadBalancer"), stored(plane, "elb.targetGroup")
        assert [len(part) for part in before] == [1, 1]
        plane.kill9()
        # As if it had been killed after moto's change and before it was read.
        with sqlite3.connect(plane.directory / "data/state.db") as database:
            database.execute("delete from documents where collection = 'elb.loadBalancer'")
        plane.start()

        deadline = time.monotonic() + 30
        while not stored(plane, "elb.loadBalancer") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (stored(plane, "elb.loadBalancer"), stored(plane, "elb.targetGroup")) == before
        assert list(health(elb, group)) == ["127.3.0.5:80"]
