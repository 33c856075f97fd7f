"""Which principal may call which operation. Pure.

Every operation of ours has a rule here, and a test fails for one without; until then it is the
administrators' alone. Roles of tasks go by their IAM policies (`policies`) instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tealmesh.model.identity.caller import Principal
from tealmesh.model.identity.issued import ALL

Need = Literal["read", "deploy", "group", "mesh", "admin"]
"""`read`: viewers. `deploy`: deployers of the service in the request. `group`: deployers of all
services of the group in the request, which the operation itself looks up. `mesh`: deployers of the
mesh in the request. `admin`: administrators."""

_TEALMESH: Mapping[Need, str] = {
    "read": "Backtest Explain GetConvergence GetDeployment GetEvidence GetGroupDeployment"
    " GetLogs GetMeshGraph GetPageCode GetResource GetService GetServiceMap GetStatus GetTrace"
    " Lint ListCallers ListDeployments ListEnvoys ListEvents ListGroupDeployments ListGroups"
    " ListJournal ListMembersWithoutEffect ListTasks ListTraces ListWindows PlanDeployment"
    " PlanGroup",
    "deploy": "Abort AnswerTerraformStep Approve Deploy Lock Pause Promote Resume Retry Rollback"
    " SetWeights TakeTerraformStep Unlock",
    "group": "AbortGroup ApproveGroup DeployGroup PauseGroup PromoteGroup ResumeGroup RetryGroup"
    " RollbackGroup",
    "mesh": "ShiftWeights",
    "admin": "Adopt Apply CreateToken ListTokens Remove RevokeToken Shutdown",
}
_BY_NAME: Mapping[str, Need] = {
    name: need for need, names in _TEALMESH.items() for name in names.split()
}
_READS = ("BatchGet", "Describe", "Discover", "Get", "List")
_CHANGES: Mapping[str, Need] = {
    "appmesh": "mesh",
    "ecs": "admin",
    "servicediscovery": "admin",
    "xray": "admin",
}
_CHANGING = (
    "Associate", "Cancel", "Continue", "Create", "Delete", "Deregister", "Disassociate", "Discover",
    "Execute", "Put", "Register", "Run", "Start", "Stop", "Submit", "Tag", "Untag", "Update",
)  # fmt: skip
_SEEN = frozenset(
    {
        "application-autoscaling",
        "autoscaling",
        "cloudwatch",
        "ec2",
        "elasticloadbalancing",
        "logs",
        "monitoring",
        "tagging",
    }
)
"""Services of moto whose reads have no secrets of applications: a viewer may see what they have."""

_FREE = frozenset({("sts", "GetCallerIdentity")})
"""What everybody may do whose signature is good, as on AWS."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants to do to a service of ours, or of moto's."""

    service: str
    """The signing name."""
    operation: str
    """Empty if the request does not name it, as those of S3."""
    mesh: str = ""
    name: str = ""
    """Of the service to be deployed."""


def need(service: str, operation: str) -> Need | None:
    """What an operation of ours needs; None if it has no rule."""
    if service == "tealmesh":
        return _BY_NAME.get(operation)
    if service not in _CHANGES:
        return None
    if operation.startswith(_READS) and not operation.startswith("DiscoverPoll"):
        return "read"
    return _CHANGES.get(service) if operation.startswith(_CHANGING) else None


def is_free(asked: Asked) -> bool:
    """Whether everybody may do it who is somebody."""
    return (asked.service, asked.operation) in _FREE


def why_not(principal: Principal, asked: Asked) -> str | None:
    """Why the principal may not do it, completing "because …"; None if it may. Not for roles."""
    if principal.access == "admin" or is_free(asked):
        return None
    needed = need(asked.service, asked.operation)
    if asked.service in _SEEN and asked.operation.startswith(("Describe", "Filter", "Get", "List")):
        needed = "read"
    if needed == "read":
        return None
    if needed == "group" and principal.access == "deployer":
        return None
    if needed in ("deploy", "mesh") and principal.access == "deployer":
        mine = principal.services if needed == "deploy" else principal.meshes
        target = asked.name if needed == "deploy" else asked.mesh
        if target and (ALL in mine or target in mine):
            return None
        kind = "services" if needed == "deploy" else "meshes"
        return f"{principal.name} is a deployer of the {kind} {', '.join(mine) or 'none'} only"
    return f"{principal.name} is only a {principal.access}"
