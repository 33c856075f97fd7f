"""Load balancers of moto as EC2 sees them: their ARNs, and a network interface in each subnet.

Security groups of tasks are often made from these interfaces, found by their description.
moto has no types: hence Any.

https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-register-targets.html
"""

from __future__ import annotations

import threading
from typing import Any

from tealmesh.aws.moto.instead import instead_of

_KINDS = {"network": "net", "gateway": "gwy"}
"""What stands in ARNs for each type; ``app`` for application load balancers.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
"""


def correct(module: Any) -> None:
    """Correct ``moto.elbv2.models``."""
    _arns(module)
    _interfaces(module.ELBv2Backend)


def _arns(module: Any) -> None:
    """The ARN of a network load balancer has ``net``: moto writes ``app`` into all."""
    made = threading.local()

    @instead_of(module.ELBv2Backend, "create_load_balancer")
    def create(original: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        made.kind = _KINDS.get(named.get("loadbalancer_type") or "", "app")
        return original(self, *arguments, **named)

    @instead_of(module, "make_arn_for_load_balancer")
    def make_arn(original: Any, *arguments: Any, **named: Any) -> str:
        arn = str(original(*arguments, **named))
        return arn.replace(":loadbalancer/app/", f":loadbalancer/{made.kind}/", 1)


def _interfaces(kind: Any) -> None:
    """A load balancer has an interface in each of its subnets, as long as it exists."""

    @instead_of(kind, "create_load_balancer")
    def create(original: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        balancer = original(self, *arguments, **named)
        _follow(self, balancer)
        return balancer

    @instead_of(kind, "set_subnets")
    def change(original: Any, self: Any, arn: str, *arguments: Any, **named: Any) -> Any:
        answer = original(self, arn, *arguments, **named)
        _follow(self, self.load_balancers[arn])
        return answer

    @instead_of(kind, "delete_load_balancer")
    def delete(original: Any, self: Any, arn: str) -> None:
        balancer = self.load_balancers.get(arn)
        original(self, arn)
        if balancer is not None and arn not in self.load_balancers:
            balancer.subnets = []
            _follow(self, balancer)


def _follow(backend: Any, balancer: Any) -> None:
    """Give the load balancer interfaces in exactly its subnets."""
    present: dict[str, str] = getattr(balancer, "interfaces", {})
    wanted = {subnet.id: subnet for subnet in balancer.subnets}
    for name in present.keys() - wanted.keys():
        backend.ec2_backend.enis.pop(present[name], None)
    kept = {subnet: eni for subnet, eni in present.items() if subnet in wanted}
    # In order, so that repeating the calls gives the same ids.
    for name, subnet in wanted.items():
        if name not in kept:
            kept[name] = _interface(backend.ec2_backend, balancer, subnet)
    balancer.interfaces = kept


def _interface(ec2: Any, balancer: Any, subnet: Any) -> str:
    suffix = balancer.arn.partition(":loadbalancer/")[2]
    eni = ec2.create_network_interface(
        subnet,
        subnet.get_available_subnet_ip(balancer),
        group_ids=balancer.security_groups or [],
        description=f"ELB {suffix}",
    )
    eni.requester_id, eni.requester_managed, eni.status = "amazon-elb", True, "in-use"
    if balancer.type == "network":
        eni.interface_type = "network_load_balancer"
    return str(eni.id)
