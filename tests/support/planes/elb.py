"""A network, load balancers and target groups, made with boto3."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.support.planes.control_plane import ControlPlane


class Network(NamedTuple):
    """A VPC and two of its subnets."""

    vpc: str
    subnets: list[str]


def network(plane: ControlPlane) -> Network:
    ec2 = plane.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    return Network(vpc, subnets)


def load_balancer(elb: Any, network: Network, name: str, **members: Any) -> str:
    """The ARN of a new load balancer, an application one unless told."""
    answer = elb.create_load_balancer(Name=name, Subnets=network.subnets, **members)
    return str(answer["LoadBalancers"][0]["LoadBalancerArn"])


def target_group(elb: Any, network: Network, name: str, **members: Any) -> str:
    """The ARN of a new target group of IP addresses, HTTP on port 80 unless told."""
    members = {"Protocol": "HTTP", "Port": 80, "TargetType": "ip", **members}
    answer = elb.create_target_group(Name=name, VpcId=network.vpc, **members)
    return str(answer["TargetGroups"][0]["TargetGroupArn"])


def forward(*groups: str) -> list[dict[str, Any]]:
    """Default actions that forward to these groups."""
    if len(groups) == 1:
        return [{"Type": "forward", "TargetGroupArn": groups[0]}]
    weighted = [{"TargetGroupArn": group, "Weight": 1} for group in groups]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}]


def listener(elb: Any, balancer: str, port: int, actions: Any, **members: Any) -> str:
    """The ARN of a new listener, HTTP unless told."""
    members = {"Protocol": "HTTP", **members}
    answer = elb.create_listener(
        LoadBalancerArn=balancer, Port=port, DefaultActions=actions, **members
    )
    return str(answer["Listeners"][0]["ListenerArn"])


def health(elb: Any, group: str, **members: Any) -> dict[str, tuple[str, str | None]]:
    """State and reason of a group's targets, by ``ADDRESS:PORT``."""
    answer = elb.describe_target_health(TargetGroupArn=group, **members)
    return {
        f"{d['Target']['Id']}:{d['Target']['Port']}": (
            d["TargetHealth"]["State"],
            d["TargetHealth"].get("Reason"),
        )
        for d in answer["TargetHealthDescriptions"]
    }
