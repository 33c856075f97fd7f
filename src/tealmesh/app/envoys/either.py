"""What roles may be by IAM's simulation, or by their documents where IAM has no simulation."""

from __future__ import annotations

import logging

from botocore.exceptions import ClientError

from tealmesh.app.envoys.permission import Decider

_log = logging.getLogger(__name__)
_ABSENT = frozenset({"UnknownOperationException", "InvalidAction"})


class SimulatedOrRead:
    """A `Decider` by ``simulation``, and by ``documents`` from when IAM has said that it has none:
    that of a `teal up`, of which drills make their cloud.
    """

    def __init__(self, simulation: Decider, documents: Decider) -> None:
        self._simulation = simulation
        self._documents = documents
        self._used = simulation

    @property
    def again_seconds(self) -> float:
        return self._used.again_seconds

    @property
    def unknown(self) -> set[str]:
        return self._used.unknown

    def version(self) -> object:
        return self._used.version()

    async def why_not(self, role: str, resource: str) -> str:
        try:
            return await self._used.why_not(role, resource)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if self._used is not self._simulation or code not in _ABSENT:
                raise
            _log.info("IAM has no SimulatePrincipalPolicy: policies of roles are read instead")
            self._used = self._documents
        return await self._used.why_not(role, resource)
