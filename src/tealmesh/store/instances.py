"""Changes of the instances of our own Cloud Map, and the number of those changes that Cloud Map's
``InstancesRevision`` tells of: which instances are discovered, and with which attributes. Health is
not one of them.

https://docs.aws.amazon.com/cloud-map/latest/api/API_DiscoverInstancesRevision.html
"""

from __future__ import annotations

from tealmesh.model.cloudmap import InstanceBody, InstancesRevisionBody
from tealmesh.store import tables
from tealmesh.store.views import Document, Transaction, View


def put(tx: Transaction, body: InstanceBody) -> None:
    """Register an instance, or change one."""
    service = body["serviceId"]
    before = tx.get(tables.INSTANCES, service, body["id"])
    if before is not None and before.body == body:
        return
    after = tx.put(tables.INSTANCES, service, body["id"], body=body)
    if _discovered(before) != _discovered(after):
        _count(tx, service)


def remove(tx: Transaction, service: str, identity: str) -> bool:
    """Deregister an instance of the service with this id; return whether there was one."""
    before = tx.get(tables.INSTANCES, service, identity)
    if before is None:
        return False
    tx.delete(tables.INSTANCES, service, identity)
    if _discovered(before) is not None:
        _count(tx, service)
    return True


def forget(tx: Transaction, service: str) -> None:
    """The service is deleted."""
    tx.delete(tables.INSTANCES_REVISIONS, service)


def revision(view: View, service: str) -> int:
    """The store's revision at which such a change was made last; it never decreases. Where that is
    not known, since an earlier version made it, the one at which the store was opened.
    """
    document = view.get(tables.INSTANCES_REVISIONS, service)
    return view.loaded if document is None else document.body["revision"]


def _discovered(document: Document[InstanceBody] | None) -> dict[str, str] | None:
    """The attributes with which an instance is discovered; None if it is not."""
    if document is None or document.body.get("draining"):
        return None
    return document.body["attributes"]


def _count(tx: Transaction, service: str) -> None:
    body: InstancesRevisionBody = {"revision": tx.revision}
    tx.put(tables.INSTANCES_REVISIONS, service, body=body)
