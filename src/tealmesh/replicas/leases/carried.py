"""The lease that a request carries: whoever sent it writes only while it is held."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from functools import partial

import sqlalchemy as sa

from tealmesh.model.errors import AwsError, LeaseLost
from tealmesh.model.plane.leases import HEADER, parsed
from tealmesh.replicas.leases import rows
from tealmesh.replicas.leases.holder import Guard


def carried(guard: Guard, token: str) -> AbstractContextManager[None]:
    """What the writes of a request with this header are made in; nothing without one. Raises
    BadRequestException for a header that is none. Writes raise ConflictException if the lease is
    another replica's by now.
    """
    if not token:
        return contextlib.nullcontext()
    found = parsed(token)
    if found is None:
        raise AwsError("BadRequestException", f"{HEADER} = {token[:200]!r}: must be NAME/NUMBER")
    return guard(partial(_check, name=found[0], number=found[1]))


def _check(connection: sa.Connection, name: str, number: int) -> None:
    try:
        rows.check(connection, name, number)
    except LeaseLost as error:
        raise AwsError("ConflictException", f"{HEADER}: {error}", status=409) from error
