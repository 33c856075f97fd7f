"""The operations of our API by which people steer deployments, and keep others from beginning."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tealmesh.apis.tealmesh import answers
from tealmesh.apis.tealmesh.ports import Deployments, Operations
from tealmesh.apis.tealmesh.terraform import TerraformOperations, holder
from tealmesh.model import wire
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.model.rollout import Deployment, JournalEntry, Phase, State, Status
from tealmesh.store import Store, View, tables

if TYPE_CHECKING:
    from tealmesh.model.rollout.locks import KeptBody, LockBody

LONGEST_LOCK_SECONDS = 366 * 86400.0
_FORWARD = (Status.IN_PROGRESS, Status.SUCCESSFUL)


class Control(TerraformOperations):
    """The part of the service that lets people steer."""

    def __init__(self, store: Store, deployments: Deployments, operations: Operations) -> None:
        self._store = store
        self._deployments = deployments
        self._operations = operations

    async def approve(self, caller: Caller, request: wire.ApproveInput) -> wire.ApproveOutput:
        approved = await self._deployments.approve(caller.actor, request["service"])
        return {"deployment": answers.deployment(approved)}

    async def promote(self, caller: Caller, request: wire.PromoteInput) -> wire.PromoteOutput:
        promoted = await self._deployments.promote(
            caller.actor, request["service"], request.get("full", False)
        )
        return {"deployment": answers.deployment(promoted)}

    async def pause(self, caller: Caller, request: wire.PauseInput) -> wire.PauseOutput:
        paused = await self._deployments.pause(caller.actor, request["service"])
        return {"deployment": answers.deployment(paused)}

    async def resume(self, caller: Caller, request: wire.ResumeInput) -> wire.ResumeOutput:
        deployment = await self._deployments.resume(
            caller.actor, request["service"], request.get("takeOver", False)
        )
        return {"deployment": answers.deployment(deployment)}

    async def abort(self, caller: Caller, request: wire.AbortInput) -> wire.AbortOutput:
        deployment = await self._deployments.abort(
            caller.actor, request["service"], request.get("giveUp", False)
        )
        return {"deployment": answers.deployment(deployment)}

    async def rollback(self, caller: Caller, request: wire.RollbackInput) -> wire.RollbackOutput:
        await self._before_going_back(request["service"])
        deployment, message = await self._deployments.rollback(
            caller.actor,
            request["service"],
            request.get("gradual", False),
            request.get("revision"),
            holder(caller, request.get("terraform")),
        )
        answer: wire.RollbackOutput = {"deployment": answers.deployment(deployment)}
        if message:
            answer["message"] = message
        return answer

    async def retry(self, caller: Caller, request: wire.RetryInput) -> wire.RetryOutput:
        service, token = request["service"], request.get("clientToken", "")
        latest = self._deployments.one(service, None)
        notes: list[str] = []
        if latest is not None and latest.kind == "ROLLBACK":
            await self._before_going_back(service)
        elif latest is not None and latest.state is not State.SUCCEEDED:
            notes = await self._operations.forecast.preflight(
                service, latest.new_image, latest.strategy, token, force=True
            )
        deployment = await self._deployments.retry(caller.actor, service, token)
        return {"deployment": answers.deployment(deployment), "notes": notes}

    async def _before_going_back(self, service: str) -> None:
        """Wait until what has just been made for a service is known, unless a deployment runs: what
        that is of is pinned, and its end has no time.
        """
        latest = next(iter(self._deployments.history(service)), None)
        if latest is not None and latest.finished:
            await self._operations.forecast.settled(service)

    async def lock(self, caller: Caller, request: wire.LockInput) -> wire.LockOutput:
        seconds = request.get("seconds", 0.0)
        if "seconds" in request and not 0 < seconds <= LONGEST_LOCK_SECONDS:
            raise AwsError(
                "BadRequestException",
                f"seconds = {seconds:.9g}: must be more than 0 and at most "
                f"{LONGEST_LOCK_SECONDS:.0f} (366 days); without it, the lock lasts until Unlock",
            )
        body = await self._deployments.lock(
            caller.actor, request["service"], request.get("reason", ""), seconds
        )
        return {"lock": service_lock(body)}

    async def unlock(self, caller: Caller, request: wire.UnlockInput) -> wire.UnlockOutput:
        body = await self._deployments.unlock(caller.actor, request["service"])
        return {"lock": service_lock(body)}

    async def _reaches(self, identity: str, service: str, until: str, seconds: float) -> bool:
        """Whether a deployment has reached a phase, state or status, as soon as it has, or has
        ended, or is held; at the latest after so many seconds.
        """
        allowed = [value.value for kind in (Phase, State, Status) for value in kind]
        if until not in allowed:
            raise AwsError(
                "BadRequestException",
                f"waitUntil = {until}: must be one of {', '.join(dict.fromkeys(allowed))}",
            )
        done = False
        try:
            async with asyncio.timeout(seconds):
                async for view in self._store.watch():
                    d = _stored(view, service, identity)
                    done = reached(d, _journal(view, identity), until)
                    if done or d.finished or d.state is State.HELD:
                        break
        except TimeoutError:
            return False
        return done


def reached(d: Deployment, journal: list[JournalEntry], until: str) -> bool:
    """Whether a deployment is, or has been, in a phase or a later one, or in a state, on its way
    forward; or has a status.
    """
    if until in list(Phase):
        order = list(Phase)
        wanted = order.index(Phase(until))
        return any(
            order.index(entry.phase) >= wanted
            for entry in journal
            if entry.status in _FORWARD and entry.transition != State.HELD
        )
    if until in list(State):
        return any(entry.transition == until for entry in journal)
    return d.status == until


def service_lock(body: LockBody) -> wire.ServiceLock:
    answer: wire.ServiceLock = {"by": body["by"], "since": body["at"]}
    if body["why"]:
        answer["reason"] = body["why"]
    if body["until"] is not None:
        answer["until"] = body["until"]
    return answer


def kept_side(body: KeptBody) -> wire.KeptSide:
    return {
        "side": body["side"],
        "image": body["image"],
        "until": body["until"],
        "deploymentId": body["deployment"],
    }


def _stored(view: View, service: str, identity: str) -> Deployment:
    document = view.get(tables.DEPLOYMENTS, service, identity)
    if document is None:
        raise AwsError("NotFoundException", f"{service} has no deployment {identity}")
    return Deployment.from_json(document.body)


def _journal(view: View, deployment: str) -> list[JournalEntry]:
    return [JournalEntry.from_json(d.body) for d in view.list(tables.JOURNAL, deployment)]
