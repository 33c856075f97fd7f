"""The drills, by name: what happens in each, as docs/drills.md says it."""

from __future__ import annotations

from collections.abc import Mapping

DRILLS: Mapping[str, str] = {
    "database-stopped": "PostgreSQL is stopped for 30 s in the middle of a deployment, and started"
    " again",
    "database-killed": "PostgreSQL is killed with -9 in the middle of a deployment, and started"
    " again",
    "standby-promoted": "PostgreSQL is killed in the middle of a deployment, and its synchronous"
    " stand-by takes over",
    "standby-behind": "PostgreSQL is killed in the middle of a deployment, and an asynchronous"
    " stand-by takes over that has lost commits",
    "network-one": "the network between PostgreSQL and the replica that works on a deployment is"
    " cut in silence, until the other one has finished it",
    "network-all": "the network between PostgreSQL and all replicas is cut in silence for 30 s in"
    " the middle of a deployment",
    "disk-postgresql": "PostgreSQL's disk is full in the middle of a deployment",
    "disk-sqlite": "the disk of a `teal up` on SQLite is full in the middle of a deployment",
    "clock-jumps": "the wall clock of a replica is four minutes ahead, and jumps by eight and back"
    " in the middle of a deployment",
    "leader-killed": "the replica that works on a deployment is killed with -9 at every transition"
    " of it, in turn with the other one, and at those of the way back",
    "replicas-killed": "each replica is killed with -9 in turn, and started again",
    "replicas-stopped": "each replica is stopped by SIGTERM in the middle of a deployment, and"
    " hands its Envoys and its work over; connections of Envoys are recycled every 4 s",
    "upgrade": "the release before runs; one replica after the other is replaced by this one in the"
    " middle of a deployment",
    "envoy-silent": "an Envoy stands still (SIGSTOP) in the middle of a deployment, which waits for"
    " it and names it, until it goes on",
    "reconnects": "1,000 Envoys are connected beside those of the tasks; each time that a"
    " deployment changes weights all connections are cut, and all connect again at once, to either"
    " replica",
    "tasks-stopped": "each of two tasks of a service is stopped in turn, and ECS replaces it",
}
