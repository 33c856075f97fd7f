"""The hooks of deployments that are being asked, and what they have answered.

What a hook has answered is stored before anyone acts on it, and that it is asked before it is: a
restart of the control plane asks those again that had no verdict, with the same identity.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tealmesh.model import said
from tealmesh.model.clock import Clock
from tealmesh.model.rollout import Deployment, GateResult, Verdict
from tealmesh.model.rollout.hooks import detail
from tealmesh.model.said import say
from tealmesh.rollout.asking.command import end_former
from tealmesh.rollout.asking.once import Asker
from tealmesh.rollout.hooks.answers import Answer, exhausted
from tealmesh.rollout.hooks.due import MOST_TOLD_TRIES, Due, Group
from tealmesh.rollout.system import Service
from tealmesh.store import Reader, Store, tables
from tealmesh.supervision.trouble import last_line

if TYPE_CHECKING:
    from tealmesh.model.rollout.hooks import HookBody, ProcessBody

log = logging.getLogger(__name__)

Place = tuple[str, int, int]
"""A hook that was asked: deployment, step, index."""


@dataclass
class Hooks:
    """Hooks that are asked, each in a task of its own."""

    store: Store
    asker: Asker
    wall: Clock
    _asking: dict[Place, asyncio.Task[None]] = field(default_factory=dict)
    _told: dict[Place, asyncio.Task[None]] = field(default_factory=dict)

    def verdicts(
        self, d: Deployment, service: Service, groups: tuple[Group, ...]
    ) -> tuple[GateResult, ...]:
        """The verdicts of the hooks that are due; those whose turn it is are asked. All others of
        the deployment are not waited for any more.
        """
        due_now = {_place(d, due) for group in groups for due in group.hooks}
        self.forget(d.id, but=due_now)
        results: list[GateResult] = []
        waits_for = ""
        for group in groups:
            waits_for = waits_for or group.waits_for
            found = [self._verdict(d, service, due, waits_for) for due in group.hooks]
            results += found
            if any(one.verdict is not Verdict.PASS for one in found):
                waits_for = waits_for or f"the hooks before it ({found[0].gate})"
        return tuple(results)

    def tell(self, d: Deployment, service: Service, due: Due) -> None:
        """Tell a hook of what a deployment does, if that has not been done."""
        place = _place(d, due)
        record = read(self.store.view, place)
        if place in self._told or (record is not None and record["finished_at"] is not None):
            return
        task = asyncio.create_task(self._ask(d, service, due), name=f"tell-{due.hook.name}")
        self._told[place] = task
        task.add_done_callback(lambda _: self._told.pop(place, None))

    def forget(self, deployment: str, but: set[Place] | None = None) -> None:
        """Do not wait for the hooks of a deployment any more, except those in ``but``."""
        for place, task in list(self._asking.items()):
            if place[0] == deployment and place not in (but or set()):
                task.cancel()

    async def close(self) -> None:
        """Stop asking. What had no verdict is asked again by the next control plane."""
        tasks = [*self._asking.values(), *self._told.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _verdict(self, d: Deployment, service: Service, due: Due, waits_for: str) -> GateResult:
        place = _place(d, due)
        record = read(self.store.view, place)
        if record is not None and record["finished_at"] is not None:
            return GateResult(due.gate, Verdict(record["verdict"]), detail(record))
        if waits_for:
            return GateResult(
                due.gate, Verdict.NEED_DATA, say("is asked after {waits_for}", waits_for=waits_for)
            )
        if place not in self._asking:
            task = asyncio.create_task(self._ask(d, service, due), name=f"ask-{due.hook.name}")
            self._asking[place] = task
            task.add_done_callback(lambda done: self._gone(place, done))
        if record is None or not record["verdict"]:
            return GateResult(due.gate, Verdict.NEED_DATA, say("is being asked"))
        told = detail(record)
        if record["tries"] > 1:
            told = say("{told} (asked {tries} times)", told=told, tries=record["tries"])
        return GateResult(due.gate, Verdict(record["verdict"]), told)

    def _gone(self, place: Place, task: asyncio.Task[None]) -> None:
        if self._asking.get(place) is task:
            del self._asking[place]

    async def _ask(self, d: Deployment, service: Service, due: Due) -> None:
        """Ask a hook until it gives a verdict."""
        place, hook = _place(d, due), due.hook
        retries = hook.retries
        if due.told and retries is None:
            retries = MOST_TOLD_TRIES - 1
        while True:
            record = read(self.store.view, place) or _first(d, due, self.wall())
            try:
                if record["process"] is not None:
                    await end_former(record["process"])
                record = {**record, "tries": record["tries"] + 1, "process": None}
                await self._write(d, place, "AskHook", record)
                tries, details = record["tries"], record["details"]
                began = partial(self._began, d, place, record)
                answer = await self.asker.ask(d, service, due, tries, details, began)
            except Exception as error:
                # Nobody foresaw it; it says nothing of the version.
                log.exception("deployment of %s: hook %s failed", d.service, hook.name)
                why = say("could not be asked: {error}", error=last_line(error))
                answer = Answer(Verdict.UNKNOWN, why)
            answer = exhausted(answer, record["tries"], retries)
            ended = answer.verdict in (Verdict.PASS, Verdict.FAIL)
            # Who is only told has heard it, whatever is still to be done there.
            ended = ended or (due.told and answer.verdict is Verdict.NEED_DATA)
            record = {
                **record,
                "verdict": answer.verdict.value,
                "detail": answer.detail,
                "said": said.body(answer.detail),
                "details": answer.details or record["details"],
                "process": None,
                "finished_at": self.wall() if ended else None,
            }
            await self._write(d, place, "HookAnswered", record)
            log.info("deployment of %s: hook %s %s", d.service, hook.name, answer.detail)
            if ended:
                return
            await asyncio.sleep(hook.interval if answer.delay is None else answer.delay)

    async def _began(
        self, d: Deployment, place: Place, record: HookBody, process: ProcessBody
    ) -> None:
        await self._write(d, place, "HookRuns", {**record, "process": process})

    async def _write(self, d: Deployment, place: Place, operation: str, record: HookBody) -> None:
        await self.store.write(
            f"rollout/{d.service}",
            operation,
            lambda t: t.put(tables.HOOKS, *_key(place), body=record),
        )


def read(view: Reader, place: Place) -> HookBody | None:
    """How far a hook is; None if it has not been asked."""
    document = view.get(tables.HOOKS, *_key(place))
    return document.body if document else None


def _first(d: Deployment, due: Due, now: float) -> HookBody:
    return {
        "deployment": d.id,
        "service": d.service,
        "stage": due.hook.stage,
        "when": due.hook.when,
        "step": due.step,
        "index": due.index,
        "name": due.hook.name,
        "tries": 0,
        "verdict": "",
        "detail": "",
        "details": "",
        "process": None,
        "started_at": now,
        "finished_at": None,
    }


def _place(d: Deployment, due: Due) -> Place:
    return d.id, due.step, due.index


def _key(place: Place) -> tuple[str, str, str]:
    deployment, step, index = place
    return deployment, f"{step:03}", f"{index:03}"
