"""Applies a teal.toml that describes no system, since Terraform or others made it: what it tells of
their services, images, groups and notices.
"""

from __future__ import annotations

from collections.abc import Iterator

from tealmesh.model.config.nouns import Additions
from tealmesh.model.status import AppliedSystem
from tealmesh.rollout import discovery, documents
from tealmesh.rollout.applying import freezes
from tealmesh.rollout.applying.additions import put_additions
from tealmesh.rollout.applying.settings import additions_changes
from tealmesh.rollout.system import additions_in
from tealmesh.store import Reader, Store, Transaction, tables


async def apply(store: Store, actor: str, additions: Additions, directory: str) -> AppliedSystem:
    """Store the additions of the teal.toml in ``directory``, in one write, and say what that
    changed. Nothing is left over, whatever other files describe.
    """
    planned = plan(store.view, additions, directory)

    def put(t: Transaction) -> None:
        placed = additions_in(additions, directory)
        for image in placed.images:
            t.put(tables.IMAGES, image.pattern, body=documents.image_body(image, directory))
        put_additions(t, placed, directory)
        freezes.put(t, placed)

    await store.write(actor, "Apply", put)
    return planned


def plan(view: Reader, additions: Additions, directory: str) -> AppliedSystem:
    """What `apply` would do now."""
    changes = tuple(additions_changes(view, additions_in(additions, directory), directory))
    notes = tuple(_notes(view, additions))
    summary = tuple(f"{change.what}: {change.action}d" for change in changes)
    return AppliedSystem((), (), (*summary, *notes), changes, notes)


def _notes(view: Reader, additions: Additions) -> Iterator[str]:
    yield (
        "the file describes no mesh, services or gateways, so none were made: it has settings for "
        "what others, such as Terraform, made"
    )
    for name in additions.adopted:
        if discovery.find(view, name) is None:
            known = ", ".join(service.name for service in discovery.discover(view))
            yield (
                f"[adopted.{name}]: there is no such service of others yet ({known or 'none'} "
                "found); it holds as soon as there is"
            )
