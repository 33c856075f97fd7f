"""The drills, by name: what happens in each, as docs/drills.md says it."""

from __future__ import annotations

from collections.abc import Mapping

DRILLS: Mapping[str, str] = {
    "database-stopped": "PostgreSQL is stopped for 30 s in the middle of a deployment, and started"
    " again",
    "database-killed": "PostgreSQL is killed with -9 in the middle of a deployment, and started"
    " again",
}
