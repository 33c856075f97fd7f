"""The IAM of one machine, which is moto's: kept for a moment, forgotten as soon as it changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tealmesh.app.callers.simulation import Simulation
from tealmesh.aws.callers.iam_keys import IamKeys
from tealmesh.aws.callers.roles import RolePolicies
from tealmesh.aws.callers.shapes import caller_identity
from tealmesh.aws.gateway import Fallback
from tealmesh.aws.moto.journal import operation
from tealmesh.aws.overlay import Overlay
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.clock import steady_clock
from tealmesh.model.identity.caller import speaking
from tealmesh.model.identity.iam_keys import IamKeyOf

_WRITERS = frozenset({"iam", "cloudformation"})
"""The services whose operations change policies of roles."""
_READS = re.compile("Describe|Generate|Get|List|Simulate")


class OwnIam:
    """Its roles with their policies, and its keys."""

    def __init__(
        self, connect: Callable[[], Any], of_iam: IamKeyOf, used: Callable[[], bool]
    ) -> None:
        """``connect`` makes boto3 clients of IAM, which have no types: hence Any. ``of_iam`` finds
        keys of IAM and STS, once anybody has ``used`` these.
        """
        self.policies = RolePolicies(connect, steady_clock)
        self.keys = IamKeys(of_iam, used)

    def watching(self, rest: Fallback, changed: Callable[[], None]) -> Fallback:
        """``rest``; what changes in IAM counts from the next call on, and ``changed`` is called."""

        def forget() -> None:
            self.policies.forget()
            self.keys.forget()
            changed()

        return _Watching(rest, forget, self.policies)


class _Watching:
    def __init__(self, rest: Fallback, changed: Callable[[], None], policies: RolePolicies) -> None:
        self._rest = rest
        self._changed = changed
        self._policies = policies
        self._simulation = Overlay(load_model("iam"), Simulation(policies), rest)

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        principal = speaking.get()
        if service == "sts" and principal is not None and principal.role:
            # moto knows the sessions of tasks only until it starts anew.
            role = await self._policies.role(principal.role)
            if operation(request) == "GetCallerIdentity" and role is not None:
                unique_id = principal.unique_id or role.unique_id
                return caller_identity(principal.name, unique_id, request_id)
        if service == "iam" and operation(request) == "SimulatePrincipalPolicy":
            return await self._simulation.answer(request, service, request_id)
        response = await self._rest.answer(request, service, request_id)
        if service in _WRITERS and not _READS.match(operation(request)):
            self._changed()
        return response
