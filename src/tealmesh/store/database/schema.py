"""The tables of the database, the same on SQLite and PostgreSQL.

`documents` and `audit` change only with the revision in `state`. What is in other tables is not
part of any view: it is read by queries, and no backup has it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

state = Table(
    "state",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("write_id", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("format", Integer, nullable=False),
    Column("boot", Text, nullable=False),
    Column("at", Double, nullable=False),
)
"""One row, which every commit changes, so that commits have one order.

``revision`` is that of the last commit and ``write_id`` its id: a view continues the database only
if both are the same. ``epoch`` is another one after a backup was restored, and ``format`` the
version of all that is stored (`formats.FORMAT`). ``boot`` and ``at`` are the moment of the last
commit, by the clock of whoever made it.
"""

documents = Table(
    "documents",
    metadata,
    Column("collection", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Column("write_id", Text),
)
"""One row a commit. ``changes`` names what it wrote and deleted, so the rows are also what other
replicas follow, and what tells whether a commit whose answer was lost has been made. ``write_id``
is null in rows of format 1.
"""
Index("audit_at", audit.c.at)

boots = Table(
    "boots",
    metadata,
    Column("boot", Text, primary_key=True),
    Column("at", Double, nullable=False),
)
"""When the database was first opened in a boot, in seconds since that boot. On SQLite, which one
machine has for itself, only the present boot has a row.
"""

sightings = Table(
    "sightings",
    metadata,
    Column("watcher", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("offset", Double, nullable=False),
)
"""For a boot that watches and one that is watched: what to add to the latter's seconds to have the
former's, at most (`sightings.Sightings`).
"""

noted = Table("noted", metadata, Column("name", Text, primary_key=True))
"""Files beside the database that must not be missing when it is opened again."""

# What replicas tell one another.

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

replica_meshes = Table(
    "replica_meshes",
    metadata,
    Column("replica", String(64), primary_key=True),
    Column("mesh", String(256), primary_key=True),
    Column("roster_number", BigInteger, nullable=False),
    Column("roster", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("progress", Text, nullable=False),
)
"""The Envoys of a mesh at a replica, and how far they are (`replicas.envoys.coding`). Each
time that one of both is written, its number is one more."""

replica_counts = Table(
    "replica_counts",
    metadata,
    Column("replica", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("written", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""What the callers' Envoys at a replica have counted, how often that was written, and when, by the
clock of the database, which alone is compared with it."""

replica_deployments = Table(
    "replica_deployments",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("replica", String(64), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
"""The unfinished deployments with their newest observations, by the replica that works on them;
``number`` is how often that has published something."""
