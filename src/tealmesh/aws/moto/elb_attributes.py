"""Load balancers of moto as their own API shows them: attributes, protocols and addresses.

See `corrections`.
"""

from __future__ import annotations

from typing import Any

from tealmesh.aws.moto import elb
from tealmesh.aws.moto.instead import instead_of

_APPLICATION = {
    "idle_timeout.timeout_seconds": "60",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http2.enabled": "true",
}
"""Attributes of a new application load balancer:
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
"""


def correct(module: Any) -> None:
    """Correct ``moto.elbv2.models``."""
    elb.correct(module)
    _attributes(module)
    _change_to_tls(module)
    _disabled_stickiness(module)
    _elastic_addresses(module)


def _attributes(module: Any) -> None:
    """An application load balancer has all its attributes from the beginning: a plan after an
    import would set them.
    """

    @instead_of(module.FakeLoadBalancer, "__init__")
    def make(original: Any, self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        if self.type == "application":
            self.attrs |= _APPLICATION


def _change_to_tls(module: Any) -> None:
    """ModifyListener knows TLS, with a certificate as HTTPS has one, and a listener that it refuses
    to change stays as it was.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html
    """

    @instead_of(module.ELBv2Backend, "modify_listener")
    def modify(
        original: Any,
        self: Any,
        arn: str,
        port: Any = None,
        protocol: str | None = None,
        ssl_policy: Any = None,
        certificates: Any = None,
        actions: Any = None,
    ) -> Any:
        (listener,) = self.describe_listeners(load_balancer_arn=None, listener_arns=[arn])
        before = dict(vars(listener))
        secure = (protocol or listener.protocol) == "TLS"
        try:
            known = "HTTPS" if secure else protocol
            original(self, arn, port, known, ssl_policy, certificates or [], actions)
        except Exception:
            vars(listener).update(before)
            raise
        if secure:
            listener.protocol = "TLS"
        return listener


def _disabled_stickiness(module: Any) -> None:
    """Stickiness that is off may have any type, and a deregistration delay may be 3600 s.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
    """

    @instead_of(module.ELBv2Backend, "modify_target_group_attributes")
    def modify(original: Any, self: Any, target_group_arn: str, attributes: dict[str, Any]) -> None:
        checked = dict(attributes)
        if checked.get("stickiness.enabled") == "false":
            checked.pop("stickiness.type", None)
        if checked.get("deregistration_delay.timeout_seconds") == "3600":
            checked.pop("deregistration_delay.timeout_seconds")
        original(self, target_group_arn, checked)
        self.target_groups[target_group_arn].attributes.update(attributes)


def _elastic_addresses(module: Any) -> None:
    """A network load balancer shows the Elastic IP addresses of its subnets: the provider replaces
    one that has others than its configuration.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAddress.html
    """

    @instead_of(module.ELBv2Backend, "create_load_balancer")
    def create(original: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        balancer = original(self, *arguments, **named)
        balancer.addresses = {
            mapping["SubnetId"]: [_address(self.ec2_backend, mapping)]
            for mapping in named.get("subnet_mappings") or []
            if mapping.get("AllocationId") or mapping.get("PrivateIPv4Address")
        }
        return balancer

    def zones(self: Any) -> list[Any]:
        found = [module.AvailabilityZone(subnet) for subnet in self.subnets]
        for zone in found:
            zone.load_balancer_addresses = getattr(self, "addresses", {}).get(zone.subnet_id, [])
        return found

    module.FakeLoadBalancer.availability_zones = property(zones)


def _address(ec2: Any, mapping: dict[str, str]) -> dict[str, str]:
    shown: dict[str, str] = {
        name: mapping[name] for name in ("AllocationId", "PrivateIPv4Address") if name in mapping
    }
    if "AllocationId" in shown:
        (address,) = ec2.address_by_allocation([shown["AllocationId"]])
        shown["IpAddress"] = address.public_ip
    return shown
