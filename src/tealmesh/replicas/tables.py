"""What replicas tell one another, in the store's database but outside its revision."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, String, Table

from tealmesh.store.schema import metadata

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
)
"""Who holds each lease (empty: nobody), how often it was taken, and how often it was renewed
since."""

_ALL = (leases,)


def create(engine: sa.Engine | sa.Connection) -> None:
    """Create the tables that are missing."""
    metadata.create_all(engine, tables=_ALL)
