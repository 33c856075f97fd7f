"""What replicas tell one another, in the store's database but outside its revision."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Float, LargeBinary, String, Table, Text

from tealmesh.store.database.schema import metadata

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
    Column("streams", BigInteger, nullable=False),
)
"""The replicas that are there, or were until lately: where each one's HTTP is reached, how often
it has said so, and how many Envoys it serves. One that has left has the beat -1."""

meshes = Table(
    "replica_meshes",
    metadata,
    Column("replica", String(64), primary_key=True),
    Column("mesh", String(256), primary_key=True),
    Column("roster_number", BigInteger, nullable=False),
    Column("roster", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("progress", Text, nullable=False),
)
"""The Envoys of a mesh at a replica, and how far they are (`envoys.coding`). Each time that one of
both is written, its number is one more."""

counts = Table(
    "replica_counts",
    metadata,
    Column("replica", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("written", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""What the callers' Envoys at a replica have counted, how often that was written, and when, by the
clock of the database, which alone is compared with it."""

_ALL = (counts, leases, meshes, replicas)


def create(engine: sa.Engine | sa.Connection) -> None:
    """Create the tables that are missing."""
    metadata.create_all(engine, tables=_ALL)
