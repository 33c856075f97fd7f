"""Refuses what is written for a deployment that has gone on since it was ordered."""

from __future__ import annotations

from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import fencing
from tealmesh.store import tables
from tealmesh.store.views import Transaction


def refuse_late(t: Transaction, token: str) -> None:
    """Raise ConflictException unless the deployment of a token is at the token's transition."""
    if not token:
        return
    fence = fencing.parsed(token)
    if fence is None:
        raise AwsError(
            "BadRequestException",
            f"{fencing.HEADER} = {token[:200]!r}: must be SERVICE/DEPLOYMENT/TRANSITION",
        )
    service, deployment, transition = fence
    document = t.get(tables.DEPLOYMENTS, service, deployment)
    if document is None or document.body["sequence"] != transition:
        at = f"is at transition {document.body['sequence']}" if document else "does not exist"
        raise AwsError(
            "ConflictException",
            f"{fencing.HEADER}: deployment {deployment} of {service} {at}, and this was ordered "
            f"at {transition}",
            status=409,
        )
