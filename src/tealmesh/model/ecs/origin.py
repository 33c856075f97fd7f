"""Which request made a task or a service, so that a repeated one makes no second. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ServiceBody, TaskBody


@dataclass(frozen=True)
class Origin:
    """The request that made a task or a service."""

    token: str = ""
    """Its ``clientToken``; empty without one."""
    digest: str = ""
    """Digest of all its parameters: the same token with other parameters is refused."""

    @classmethod
    def of(cls, body: TaskBody | ServiceBody) -> Origin:
        """Read it from a document; empty for tasks that the service scheduler made."""
        teal = body.get("teal", {})
        return cls(teal.get("token", ""), teal.get("request", ""))

    def write(self, body: TaskBody | ServiceBody) -> None:
        """Write it to a document in the making."""
        teal = body.setdefault("teal", {})
        teal["token"], teal["request"] = self.token, self.digest
