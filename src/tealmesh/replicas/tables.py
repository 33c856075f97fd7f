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

replicas = Table(
    "replicas",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("address", String(512), nullable=False),
    Column("beat", BigInteger, nullable=False),
)
"""The replicas that are there, or were until lately: where each one's HTTP is reached, and how
often it has said so. One that has left says -1."""

_ALL = (leases, replicas)


def create(engine: sa.Engine | sa.Connection) -> None:
    """Create the tables that are missing."""
    metadata.create_all(engine, tables=_ALL)
