"""The unfinished deployments that this control plane works on, with their newest observations.

Not every observation is stored. A control plane that does not work on deployments, since another
replica does, knows them as they are stored, and shows them with what that one has published.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace

from tealmesh.model.rollout import Deployment
from tealmesh.rollout import documents
from tealmesh.store import Store, View, tables


class Live:
    """By id."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: dict[str, Deployment] = {}
        self._newest: dict[str, tuple[object, Deployment]] = {}
        """By service, the document of the deployment that started last, and what it says."""
        self._elsewhere: dict[str, Deployment] = {}
        """As another replica has published those that it works on."""
        self._published: dict[str, tuple[Deployment, str]] = {}
        self.woken: dict[str, asyncio.Event] = {}
        """What wakes the worker of each."""

    def __contains__(self, deployment_id: str) -> bool:
        return deployment_id in self._live

    def __getitem__(self, deployment_id: str) -> Deployment:
        return self._live[deployment_id]

    def put(self, d: Deployment) -> None:
        """It has become this."""
        self._live[d.id] = d

    def begin(self, d: Deployment) -> None:
        """It is worked on from now on, unless it is already."""
        self._live.setdefault(d.id, d)

    def end(self, deployment_id: str) -> Deployment:
        """It is not worked on any more."""
        self.woken.pop(deployment_id, None)
        return self._live.pop(deployment_id)

    def clear(self) -> None:
        """None is worked on any more."""
        self._live.clear()
        self.woken.clear()

    def wake(self, deployment_id: str) -> None:
        if deployment_id in self.woken:
            self.woken[deployment_id].set()

    def published(self) -> dict[str, str]:
        """The unfinished ones as JSON, for other replicas to show."""
        before, live = self._published, [d for d in self._live.values() if not d.finished]
        self._published = {
            d.id: known
            if (known := before.get(d.id)) is not None and known[0] is d
            else (d, json.dumps(d.to_json()))
            for d in live
        }
        return {identity: text for identity, (_, text) in self._published.items()}

    def heard(self, bodies: Mapping[str, str]) -> None:
        """What the replica has published that works on them."""
        found = (Deployment.from_json(json.loads(body)) for body in bodies.values())
        self._elsewhere = {d.id: d for d in found}

    def shown(self, d: Deployment) -> Deployment:
        """A deployment with the newest observations, wherever they were made. What was published
        before its last transition says nothing of it any more.
        """
        other = self._elsewhere.get(d.id)
        newer = other is not None and other.sequence == d.sequence and d.id not in self._live
        return other if other is not None and newer else d

    def present(self, deployment_id: str) -> Deployment:
        """A deployment with its newest observations, or as it is stored."""
        return self._live.get(deployment_id) or documents.deployment(
            self._store.view, deployment_id
        )

    def read_again(self, deployment_id: str) -> None:
        """Take one as it is stored: somebody else has made a transition of it."""
        if deployment_id in self._live:
            self.put(documents.deployment(self._store.view, deployment_id))

    def running(self, service: str) -> Deployment | None:
        """The unfinished deployment of a service, with its newest observations."""
        own = [d for d in self._live.values() if d.service == service]
        running = next((d for d in own if not d.finished), None)
        if running is not None:
            return running
        ended = {d.id for d in own}
        for document in self._store.view.list(tables.DEPLOYMENTS, service):
            if document.body["finished_at"] is None and document.body["id"] not in ended:
                return Deployment.from_json(document.body)
        return None

    def latest(self, service: str) -> Deployment | None:
        """The running deployment of a service, or else the one that started last: the first of
        `all`. An open page asks for it of every service each second, so the others are not read.
        """
        view = self._store.view
        own = [d for d in self._live.values() if d.service == service]
        running = next((d for d in own if not d.finished), None)
        if running is not None:
            same = view.get(tables.DEPLOYMENTS, service, running.id)
            behind = same is not None and same.body["sequence"] > running.sequence
            return self.all(service)[0] if behind else running
        stored, ended = view.list(tables.DEPLOYMENTS, service), {d.id for d in own}
        unfinished = (
            one for one in stored if one.body["finished_at"] is None and one.body["id"] not in ended
        )
        newest = next(unfinished, None) or max(stored, key=lambda d: d.revision, default=None)
        if newest is None:
            self._newest.pop(service, None)
            return None
        known = self._newest.get(service)
        if known is None or known[0] is not newest:
            d = Deployment.from_json(newest.body)
            known = self._newest[service] = newest, replace(d, number=d.number or len(stored))
        return known[1]

    def one(self, service: str, deployment_id: str) -> Deployment | None:
        """One of `all`, by its id; the others are not read."""
        view, running = self._store.view, self.running(service)
        stored = view.get(tables.DEPLOYMENTS, service, deployment_id)
        # A transition is stored, and in the journal, a moment before it is live here.
        least = 0 if stored is None else stored.body["sequence"]
        if running is not None and running.id == deployment_id and running.sequence >= least:
            return running
        return None if stored is None else documents.read(view, stored)

    def all(self, service: str) -> list[Deployment]:
        """The deployments of a service, newest first; a running one with its newest observations,
        which are not stored one by one.
        """
        running = self.running(service)
        stored = documents.deployments(self._store.view, service)
        if running is None:
            return stored
        older = [d for d in stored if d.id != running.id]
        # A transition is stored, and in the journal, a moment before it is live here.
        same = next((d for d in stored if d.id == running.id), running)
        return [running if running.sequence >= same.sequence else same, *older]

    def moved_elsewhere(self, view: View) -> list[Deployment]:
        """Those of which another replica has stored a transition, as they are stored now."""
        found = []
        for d in self._live.values():
            document = view.get(tables.DEPLOYMENTS, d.service, d.id)
            if document is not None and document.body["sequence"] > d.sequence:
                found.append(Deployment.from_json(document.body))
        return found
