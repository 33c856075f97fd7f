"""Tells EventBridge what happens in ECS, in the regions in which somebody has made a rule.

What was told is in the store, and is written after it was told: an event may come twice if the
control plane is killed in between, as from AWS, and none is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from tealmesh.model.batches import batches
from tealmesh.model.clients import Connect
from tealmesh.model.ecs.events import ToldBody
from tealmesh.model.load_balancers import RegionBody
from tealmesh.seams.events.content import Event, Subject, subjects
from tealmesh.store import Store, Transaction, View, tables

log = logging.getLogger(__name__)

_BATCH = 10
"""Events in one PutEvents."""


class Events:
    """Tells the default event bus."""

    def __init__(self, store: Store, connect: Connect) -> None:
        self._store = store
        self._connect = connect

    async def listen(self, region: str) -> None:
        """Somebody has made a rule: from now on the region is told what happens."""
        if self._store.view.get(tables.EVENT_REGIONS, region) is not None:
            return

        def note(tx: Transaction) -> None:
            body: RegionBody = {"region": region}
            tx.put(tables.EVENT_REGIONS, region, body=body)
            # What is already so is no event.
            for subject in subjects(tx, {}):
                if subject.region == region:
                    _mark(tx, subject)

        await self._store.write("tealmesh", "ListenToEvents", note)

    async def run(self) -> None:
        """Tell what is new, until cancelled."""
        async for view in self._store.watch():
            regions = {document.body["region"] for document in view.list(tables.EVENT_REGIONS)}
            if regions:
                await self._tell(view, regions)

    async def _tell(self, view: View, regions: set[str]) -> None:
        marks = {
            tuple(document.body["key"]): document.body["mark"]
            for document in view.list(tables.EVENTS_TOLD)
        }
        present = [one for one in subjects(view, marks) if one.region in regions]
        fresh = [one for one in present if marks.get(one.key) != one.mark]
        gone = set(marks) - {one.key for one in present}
        for region in regions:
            events = [e for one in fresh if one.region == region for e in one.events]
            if events:
                await asyncio.to_thread(self._put, region, events)
        if not fresh and not gone:
            return

        def remember(tx: Transaction) -> None:
            for subject in fresh:
                _mark(tx, subject)
            for key in gone:
                tx.delete(tables.EVENTS_TOLD, *key)

        await self._store.write("engine", "EventsTold", remember)

    def _put(self, region: str, events: Sequence[Event]) -> None:
        client = self._connect("events", region)
        for batch in batches([event.entry() for event in events], _BATCH):
            answer = client.put_events(Entries=batch)
            for entry in answer["Entries"]:
                if entry.get("ErrorCode"):
                    log.warning("EventBridge refused an event: %s", entry.get("ErrorMessage"))


def _mark(tx: Transaction, subject: Subject) -> None:
    body: ToldBody = {"key": list(subject.key), "mark": subject.mark}
    tx.put(tables.EVENTS_TOLD, *subject.key, body=body)
