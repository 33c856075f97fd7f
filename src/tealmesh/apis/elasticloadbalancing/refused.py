"""What no load balancer here could do, refused before moto stores it. Pure.

Every refusal names the member, the value and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tealmesh.model.errors import AwsError

if TYPE_CHECKING:
    from tealmesh.apis.elasticloadbalancing.requests import CheckedRequest
    from tealmesh.model.load_balancers import ActionBody

MEMBERS: tuple[tuple[str, str, str], ...] = (
    ("load balancer", "Type", "gateway"),
    ("listener", "Protocol", "UDP, TCP_UDP, GENEVE, QUIC, TCP_QUIC"),
    ("listener", "MutualAuthentication.Mode", "passthrough, verify"),
    ("listener", "DefaultActions.Type", "authenticate-oidc, authenticate-cognito, jwt-validation"),
    ("rule", "Actions.Type", "authenticate-oidc, authenticate-cognito, jwt-validation"),
    ("rule", "Conditions.RegexValues", "all: use Values with * and ?"),
    ("rule", "Transforms", "all"),
    ("target group", "TargetType", "lambda, alb"),
    ("target group", "Protocol", "UDP, TCP_UDP, GENEVE, QUIC, TCP_QUIC"),
    ("target group", "HealthCheckProtocol", "UDP, TCP_UDP, GENEVE, QUIC, TCP_QUIC"),
    ("target", "Id", "ids of EC2 instances, which do not run here"),
    ("trust store", "", "all: clients show no certificates"),
)
"""What `check` refuses, for `docs/operations.md`: of what, the member, and its values."""

PROTOCOLS = ("HTTP", "HTTPS", "TCP", "TLS")
_TARGET_TYPES = ("ip", "instance")
TYPES = ("application", "network")
_ACTIONS = ("forward", "redirect", "fixed-response")
_MODES = ("off",)


def check(operation: str, request: CheckedRequest) -> None:
    """Check a request before moto gets it. Raises AwsError ``InvalidConfigurationRequest``."""
    if operation == "CreateLoadBalancer":
        _only("Type", request.get("Type"), TYPES)
    if operation in ("CreateTargetGroup", "CreateListener", "ModifyListener"):
        _only("Protocol", request.get("Protocol"), PROTOCOLS)
    if operation == "CreateTargetGroup":
        _only("TargetType", request.get("TargetType"), _TARGET_TYPES)
    if operation in ("CreateTargetGroup", "ModifyTargetGroup"):
        _only("HealthCheckProtocol", request.get("HealthCheckProtocol"), PROTOCOLS)
    if operation in ("CreateListener", "ModifyListener"):
        mode = request.get("MutualAuthentication", {}).get("Mode")
        _only("MutualAuthentication.Mode", mode, _MODES)
        _check_actions("DefaultActions", request.get("DefaultActions", []))
    if operation in ("CreateRule", "ModifyRule"):
        _check_actions("Actions", request.get("Actions", []))
        if request.get("Transforms"):
            raise _refused(
                "Transforms: rewriting of hosts and paths is not implemented: leave it out"
            )
        for number, condition in enumerate(request.get("Conditions", []), 1):
            if _has_regular_expressions(condition):
                raise _refused(
                    f"Conditions.member.{number}: regular expressions are not implemented: use "
                    f"Values with * and ?"
                )
    if operation.endswith(("TrustStore", "TrustStoreRevocations", "TrustStoreAssociation")):
        raise AwsError(
            "OperationNotPermitted", f"{operation}: certificates of clients are not verified here"
        )


def _check_actions(member: str, actions: Iterable[ActionBody]) -> None:
    for number, action in enumerate(actions, 1):
        _only(f"{member}.member.{number}.Type", action["Type"], _ACTIONS)


def _has_regular_expressions(condition: object) -> bool:
    """Whether ``RegexValues`` is anywhere in a condition."""
    if not isinstance(condition, dict):
        return False
    return "RegexValues" in condition or any(map(_has_regular_expressions, condition.values()))


def _only(member: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise _refused(f"{member} = {value!r} is not implemented: must be {' or '.join(allowed)}")


def _refused(message: str) -> AwsError:
    return AwsError("InvalidConfigurationRequest", message)
