"""Snapshots that are kept up with the store are those that a whole reading gives, and a change
reads only the documents that it touches.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tealmesh.store import snapshot as reading
from tealmesh.store import tables
from tealmesh.store.cloud_map import CloudMap
from tealmesh.store.meshes import Meshes
from tealmesh.store.ordered import Ordered
from tealmesh.store.snapshot import mesh_names, mesh_snapshot
from tealmesh.store.views import RECENT, Commit, Transaction, View, applied

MESHES = ("m", "a/b")
FLAT = (tables.VIRTUAL_NODES, tables.VIRTUAL_SERVICES, tables.VIRTUAL_ROUTERS)
NESTED = (tables.ROUTES, tables.GATEWAY_ROUTES, tables.LINGERING_ROUTES)
NAMES = st.sampled_from(["x", "y", "z/1"])


def put(tx: Transaction, collection: Any, mesh: str, *path: str) -> None:
    parent = path[0] if len(path) == 2 else ""
    name = path[-1] if path else mesh
    body = {"meshName": mesh, "parent": parent, "name": name, "arn": "", "uid": "", "version": 1}
    tx.put(collection, mesh, *path, body={**body, "spec": {"at": tx.revision}})


def put_service(tx: Transaction, namespace: str, service: str) -> None:
    kind = "HTTP" if namespace == "x" else "DNS_PRIVATE"
    space: Any = {"id": namespace, "name": namespace.upper(), "wire": {"Type": kind}}
    tx.put(tables.NAMESPACES, namespace, body=space)
    wire = {"DnsConfig": {"DnsRecords": [{"Type": "A"}]}} if service != "y" else {}
    one: Any = {"id": service, "name": service, "namespaceId": namespace, "wire": wire}
    tx.put(tables.SD_SERVICES, service, body=one)


def put_instance(tx: Transaction, service: str, name: str) -> None:
    one: Any = {"id": name, "serviceId": service, "attributes": {"at": str(tx.revision)}}
    tx.put(tables.INSTANCES, service, name, body={**one, "health": "HEALTHY", "draining": False})


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, tuple[str, ...]]]:
    """What one transaction does: names of steps, each with what it needs."""
    mesh = st.sampled_from(MESHES)
    steps = st.one_of(
        st.tuples(st.just("mesh"), st.tuples(mesh)),
        st.tuples(st.just("end mesh"), st.tuples(mesh)),
        st.tuples(st.sampled_from(["put", "end"]), st.tuples(mesh, st.sampled_from(FLAT), NAMES)),
        st.tuples(
            st.sampled_from(["put", "end"]), st.tuples(mesh, st.sampled_from(NESTED), NAMES, NAMES)
        ),
        st.tuples(st.just("watch"), st.tuples(mesh, NAMES)),
        st.tuples(st.just("service"), st.tuples(NAMES, NAMES)),
        st.tuples(st.sampled_from(["instance", "end instance"]), st.tuples(NAMES, NAMES)),
        st.tuples(
            st.sampled_from(["discovered", "end discovered"]),
            st.tuples(st.sampled_from(["X", "n/2"]), NAMES, NAMES),
        ),
        st.tuples(st.just("other"), st.tuples(NAMES)),
    )
    return draw(st.lists(steps, min_size=1, max_size=4))


def apply(tx: Transaction, step: str, what: tuple[str, ...]) -> None:
    collection: Any = what[1] if len(what) > 2 else ""
    match step:
        case "mesh":
            put(tx, tables.MESHES, what[0])
        case "end mesh":
            tx.delete(tables.MESHES, what[0])
        case "put":
            put(tx, collection, what[0], *what[2:])
        case "end":
            tx.delete(collection, what[0], *what[2:])
        case "watch":
            body: Any = {"router": what[1], "parts": [], "deployed": tx.revision % 2 == 0}
            tx.put(tables.WATCHED, *what, body=body)
        case "service":
            put_service(tx, *what)
        case "instance":
            put_instance(tx, *what)
        case "end instance":
            tx.delete(tables.INSTANCES, *what)
        case "discovered":
            namespace, service, name = what
            found: Any = {"namespace": namespace, "service": service, "id": name}
            found |= {"attributes": {"at": str(tx.revision)}, "healthy": tx.revision % 3 > 0}
            tx.put(tables.DISCOVERED, *what, body=found)
        case "end discovered":
            tx.delete(tables.DISCOVERED, *what)
        case "other":
            other: Any = {}
            tx.put(tables.LOCKS, what[0], body=other)


def committed(view: View, steps: list[tuple[str, tuple[str, ...]]]) -> View:
    tx = Transaction(view)
    for step, what in steps:
        apply(tx, step, what)
    made = list(tx.changes())
    return applied(view, [Commit(tx.revision, "", made)]) if made else view


def content(snapshot: Any) -> Any:
    """All but the revision, which is that of the last change."""
    return None if snapshot is None else dataclasses.replace(snapshot, revision=0)


@given(st.lists(st.tuples(changes(), st.booleans()), max_size=12))
def test_what_is_kept_up_is_what_is_there(written: list[Any]) -> None:
    view = View(0, {})
    meshes, since, shown = Meshes(), -1, dict[str, Any]()
    for steps, is_seen in written:
        view = committed(view, steps)
        if not is_seen:
            continue  # a slow reader skips views
        stale = meshes.stale(view, since)
        for mesh in mesh_names(view):
            if stale is None or mesh in stale or mesh not in shown:
                shown[mesh] = meshes.read(view, mesh, None if stale is None else stale.get(mesh))
        for mesh in shown.keys() - mesh_names(view):
            meshes.forget(mesh)
            del shown[mesh]
        since = view.revision
        for mesh in mesh_names(view):
            assert content(shown[mesh]) == content(mesh_snapshot(view, mesh))


def test_a_reader_that_slept_too_long_reads_all() -> None:
    view = committed(View(0, {}), [("mesh", ("m",))])
    first = view.revision
    for _ in range(RECENT):
        view = committed(view, [("put", ("m", tables.VIRTUAL_NODES, "x"))])
    assert view.changed_since(first) == {(tables.VIRTUAL_NODES, "m/x")}
    view = committed(view, [("other", ("x",))])
    assert view.changed_since(first) is None


@pytest.mark.parametrize("documents", [10, 1000])
def test_a_change_reads_one_document(documents: int, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: Any = [("put", ("m", tables.ROUTES, f"r{n % 7}", f"t{n}")) for n in range(documents)]
    view = committed(View(0, {}), [("mesh", ("m",)), ("service", ("y", "x")), *steps])
    meshes = Meshes()
    meshes.stale(view, -1)
    before = meshes.read(view, "m", None)
    read: list[str] = []
    real, whole = reading.resource, CloudMap.of
    monkeypatch.setattr(reading, "resource", lambda d: (read.append(d.key), real(d))[1])
    monkeypatch.setattr(CloudMap, "of", lambda view: (read.append("Cloud Map"), whole(view))[1])
    since = view.revision
    view = committed(view, [("put", ("m", tables.ROUTES, "r1", "t1"))])
    view = committed(view, [("instance", ("x", "y"))])
    stale = meshes.stale(view, since)
    assert stale is not None
    after = meshes.read(view, "m", stale["m"])
    assert read == ["m/r1/t1"]
    assert before is not None
    assert after is not None
    assert after.routes["r2"] is before.routes["r2"]
    assert after.routes["r1"] is not before.routes["r1"]


@given(
    st.lists(st.tuples(st.text("ab/", max_size=3), st.none() | st.integers()), max_size=30),
    st.text("ab/", max_size=2),
)
def test_documents_below_a_prefix_are_in_order(written: list[Any], prefix: str) -> None:
    plain: dict[str, int] = {}
    made: Ordered[int] = Ordered({})
    for key, value in written:
        before, listed = made, made.below(prefix)
        made = made.changed({key: value})
        plain = {k: v for k, v in {**plain, key: value}.items() if v is not None}
        assert before.below(prefix) == listed
        assert made.below(prefix) == [plain[k] for k in sorted(plain) if k.startswith(prefix)]
