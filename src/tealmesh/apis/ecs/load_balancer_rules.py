"""The rules that CreateService and UpdateService check ``loadBalancers`` by.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tealmesh.apis.ecs import base
from tealmesh.model.ecs.bodies import DefinitionSpec
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import LoadBalancerTypeDef

_MOST = 5
"""Target groups of a service:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/register-multiple-targetgroups.html
"""

_REFUSED = {
    "loadBalancerName": "there are no Classic Load Balancers here; use targetGroupArn",
    "advancedConfiguration": "it serves ECS's own blue/green deployments; use `teal deploy`",
}


def check_load_balancers(
    reader: Reader, definition: DefinitionSpec, sent: Sequence[LoadBalancerTypeDef]
) -> None:
    """Raise InvalidParameterException unless tasks of the definition can be registered in each of
    the target groups.
    """
    if len(sent) > _MOST:
        raise base.invalid(f"load balancers can have at most {_MOST} items.")
    for balancer in sent:
        base.refuse_members(balancer, _REFUSED)
        _check_group(reader, definition, balancer.get("targetGroupArn", ""))
    check_load_balancer_ports(definition, sent)


def check_load_balancer_ports(
    definition: DefinitionSpec, sent: Sequence[LoadBalancerTypeDef]
) -> None:
    """Raise InvalidParameterException unless the definition has the containers and their ports."""
    for balancer in sent:
        name, port = balancer.get("containerName"), balancer.get("containerPort")
        if not name:
            raise base.invalid("Container Name can not be blank.")
        if not port:
            raise base.invalid("Container port can not be blank.")
        found = [c for c in definition["containerDefinitions"] if c["name"] == name]
        if not found:
            raise base.invalid(f"The container {name} does not exist in the task definition.")
        ports = [mapping.get("containerPort") for mapping in found[0].get("portMappings", [])]
        if port not in ports:
            raise base.invalid(
                f"The container {name} did not have a container port {port} defined."
            )


def _check_group(reader: Reader, definition: DefinitionSpec, arn: str) -> None:
    if not arn:
        raise base.invalid("Target Group ARN can not be blank.")
    document = reader.get(tables.TARGET_GROUPS, arn)
    if document is None:
        raise base.invalid(f"targetGroupArn = {arn!r}: there is no such target group.")
    group = document.body
    # Tasks without awsvpc are reached at addresses of their own here too, so they can be targets of
    # either type.
    if definition["networkMode"] == "awsvpc" and group["TargetType"] != "ip":
        raise base.invalid(
            f"The provided target group {arn} has target type {group['TargetType']}, which is"
            " incompatible with the awsvpc network mode specified in the task definition."
        )
    if not group["LoadBalancerArns"]:
        # https://github.com/hashicorp/terraform/issues/32908 has the text.
        raise base.invalid(
            f"The target group with targetGroupArn {arn} does not have an associated load balancer."
        )


def role_arn(
    account: str, definition: DefinitionSpec, role: str, sent: Sequence[LoadBalancerTypeDef]
) -> str:
    """The ARN of the role that registers targets; without ``role``, the service-linked one.

    Raises InvalidParameterException for a role that the service cannot have:
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html#ECS-CreateService-request-role
    """
    if not role:
        linked = "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
        return f"arn:aws:iam::{account}:role/{linked}"
    if definition["networkMode"] == "awsvpc" or not sent:
        raise base.invalid(
            "You cannot specify an IAM role for services that require a service linked role."
        )
    return role if role.startswith("arn:") else f"arn:aws:iam::{account}:role/{role}"
