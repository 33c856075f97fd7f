"""What an Envoy gets of a snapshot, or why it gets nothing of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from tealmesh.envoy.resources import ResourceSet, dangling
from tealmesh.model.mesh import Proxy, Snapshot

log = logging.getLogger(__name__)

Translate = Callable[[Snapshot, Proxy], ResourceSet]


@dataclass(frozen=True)
class Translated:
    """What one proxy is sent."""

    snapshot: Snapshot
    """The newest that it was translated from."""
    resources: ResourceSet | str
    """Or why they cannot be sent."""
    since: int
    """The revision from which on they have been these."""


def translated(translate: Translate, snapshot: Snapshot, proxy: Proxy) -> ResourceSet | str:
    """The resources of an Envoy, whose references all lead somewhere; else, in words, why they
    cannot be sent. One node that cannot be translated must not end the streams of the others.
    """
    try:
        resources = translate(snapshot, proxy)
    except Exception as error:
        log.exception("cannot translate %s at revision %d", proxy.resource, snapshot.revision)
        return f"cannot translate {proxy.resource}: {error}"
    absent = dangling(resources)
    if not absent:
        return resources
    reason = f"not sent: {'; '.join(absent)}"
    log.error("%s at revision %d: %s", proxy.resource, snapshot.revision, reason)
    return reason
