"""The operations of our API that are about deployments."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from tealmesh.apis.tealmesh import answers, telling
from tealmesh.apis.tealmesh.control import Control
from tealmesh.apis.tealmesh.ports import Deployments, Inventory, Operations, Troubles
from tealmesh.apis.tealmesh.terraform import holder
from tealmesh.model import wire
from tealmesh.model.clock import system_clock
from tealmesh.model.config.deployments import CANARY_STEPS, LINEAR_STEP, TYPES, linear_steps
from tealmesh.model.config.parse import parse_any
from tealmesh.model.config.strategies import Strategy, StrategyType
from tealmesh.model.errors import AwsError, ConfigError
from tealmesh.model.identity.caller import Caller
from tealmesh.model.rollout import Deployment, JournalEntry, Status
from tealmesh.store import Store, View, tables
from tealmesh.supervision.trouble import Trouble, concerning, described

DEFAULT_JOURNAL_ENTRIES = 1000


class DeploymentOperations(Control):
    """The part of the service that starts and shows deployments."""

    def __init__(
        self,
        store: Store,
        deployments: Deployments,
        operations: Operations,
        inventory: Inventory,
        troubles: Troubles,
    ) -> None:
        super().__init__(store, deployments, operations)
        self._inventory = inventory
        self._troubles = troubles

    async def deploy(self, caller: Caller, request: wire.DeployInput) -> wire.DeployOutput:
        service = request["service"]
        strategy = _strategy(self._operations.strategy(service), request)
        image, token = request["image"], request.get("clientToken", "")
        instead = request.get("replace", False)
        if instead and "terraform" in request:
            raise AwsError(
                "BadRequestException",
                "replace and terraform: give only one of them; `teal abort` ends what runs",
            )
        notes = await self._operations.forecast.preflight(
            service, image, strategy, token, force=request.get("force", False), instead=instead
        )
        deployment = await self._deployments.deploy(
            caller.actor,
            service,
            image,
            strategy,
            token,
            instead,
            force=request.get("force", False),
            by=holder(caller, request.get("terraform")),
        )
        return {"deployment": answers.deployment(deployment), "notes": notes}

    async def plan_deployment(
        self, caller: Caller, request: wire.PlanDeploymentInput
    ) -> wire.PlanDeploymentOutput:
        service = request["service"]
        strategy = _strategy(self._operations.strategy(service), request)
        plan = await self._operations.forecast.plan(
            service,
            request["image"],
            strategy,
            force=request.get("force", False),
            instead=request.get("replace", False),
        )
        return telling.planned(plan)

    async def lint(self, caller: Caller, request: wire.LintInput) -> wire.LintOutput:
        config = None
        if "text" in request:
            try:
                config = parse_any(request["text"], request.get("file", "teal.toml"))
            except ConfigError as error:
                raise AwsError("BadRequestException", str(error)) from error
        found = await self._operations.forecast.lint(config)
        return {"findings": [telling.finding(one) for one in found]}

    async def get_deployment(
        self, caller: Caller, request: wire.GetDeploymentInput
    ) -> wire.GetDeploymentOutput:
        service, identity = request["service"], request.get("deploymentId")
        deployment = self._deployment(service, identity)
        output: wire.GetDeploymentOutput = {"deployment": answers.deployment(deployment)}
        if "waitUntil" in request:
            seconds = request.get("waitSeconds", 0)
            output["reached"] = await self._reaches(
                deployment.id, deployment.service, request["waitUntil"], seconds
            )
            output["deployment"] = answers.deployment(self._deployment(service, deployment.id))
        telling.add_beside(output["deployment"], self._store.view)
        self._explain(output["deployment"], self._troubles())
        self._add_hooks(output["deployment"])
        return output

    async def list_deployments(
        self, caller: Caller, request: wire.ListDeploymentsInput
    ) -> wire.ListDeploymentsOutput:
        history = self._deployments.history(request["service"])
        return {"deployments": [answers.deployment(deployment) for deployment in history]}

    async def list_journal(
        self, caller: Caller, request: wire.ListJournalInput
    ) -> wire.ListJournalOutput:
        deployment = self._deployment(request["service"], request.get("deploymentId")).id
        after = request.get("after", 0)
        limit = request.get("limit", DEFAULT_JOURNAL_ENTRIES)
        entries: list[JournalEntry] = []
        try:
            async with asyncio.timeout(request.get("waitSeconds", 0) or None):
                async for view in self._store.watch():
                    entries = _journal(view, deployment, after)
                    if entries or not request.get("waitSeconds"):
                        break
        except TimeoutError:
            entries = []
        return {
            "deploymentId": deployment,
            "entries": [answers.journal_entry(entry) for entry in entries[:limit]],
        }

    async def explain(self, caller: Caller, request: wire.ExplainInput) -> wire.ExplainOutput:
        deployment = self._begins(request["service"], request.get("deploymentId"))
        explanation = self._operations.explain(deployment, system_clock())
        journal = _journal(self._store.view, deployment.id, 0)
        changed = self._operations.definition(deployment)
        answer = telling.explained(deployment, explanation, changed, journal)
        self._explain(answer["deployment"], self._troubles())
        self._add_hooks(answer["deployment"])
        return answer

    async def get_evidence(
        self, caller: Caller, request: wire.GetEvidenceInput
    ) -> wire.GetEvidenceOutput:
        deployment = self._begins(request["service"], request.get("deploymentId"))
        bundle, page = self._operations.evidence(deployment)
        answer: wire.GetEvidenceOutput = {"deploymentId": deployment.id, "bundle": bundle}
        if request.get("page"):
            answer["page"] = page
        return answer

    async def backtest(self, caller: Caller, request: wire.BacktestInput) -> wire.BacktestOutput:
        named = request.get("service")
        names = [named] if named else self._deployed()
        tried = [d for name in names for d in self._deployments.history(name)]
        found = self._operations.backtest(tried, request.get("gates", ""))
        return {"deployments": [telling.backtested(one) for one in found]}

    def _deployed(self) -> list[str]:
        """The services that have been deployed."""
        stored = self._store.view.list(tables.DEPLOYMENTS)
        return sorted({document.body["service"] for document in stored})

    def _begins(self, service: str, beginning: str | None) -> Deployment:
        """The newest deployment whose id begins so; without, the newest of all."""
        if beginning is None:
            return self._deployment(service, None)
        if (found := self._deployments.one(service, beginning)) is not None:
            return found
        history = self._deployments.history(service)
        found = next((d for d in history if d.id.startswith(beginning)), None)
        return found or self._deployment(service, beginning)

    def _deployment(self, service: str, identity: str | None) -> Deployment:
        """The deployment with this id; without an id, the newest. Raises NotFoundException."""
        if (found := self._deployments.one(service, identity)) is not None:
            return found
        which = f"deployment {identity}" if identity else "deployment yet"
        raise AwsError("NotFoundException", f"{service} has no {which}")

    def _add_hooks(self, deployment: wire.Deployment) -> None:
        if found := telling.hooks(self._store.view, deployment["deploymentId"]):
            deployment["hooks"] = found

    def _explain(self, deployment: wire.Deployment, troubles: Sequence[Trouble]) -> None:
        """Say of a running deployment that it stands still because a worker fails."""
        if deployment["status"] != Status.IN_PROGRESS.value or not troubles:
            return
        sides = self._inventory.ecs_services(deployment["service"])
        for trouble in concerning(troubles, [deployment["service"], *sides]):
            why = f"{trouble.worker}, which fails: {described(trouble)}"
            waiting = deployment.get("waitingFor")
            deployment["waitingFor"] = f"{why}; {waiting}" if waiting else why


def _journal(view: View, deployment: str, after: int) -> list[JournalEntry]:
    """The entries with a sequence number above ``after``."""
    entries = (JournalEntry.from_json(d.body) for d in view.list(tables.JOURNAL, deployment))
    return [entry for entry in entries if entry.sequence > after]


def _strategy(
    configured: Strategy, request: wire.DeployInput | wire.PlanDeploymentInput
) -> Strategy | None:
    """The strategy that a Deploy asks for; None to use the one in teal.toml.

    Raises BadRequestException unless the steps rise to 100.
    """
    asked, sent, step = request.get("strategy"), request.get("steps"), request.get("step")
    if asked is None and sent is None and step is None:
        return None
    kind = _type(asked or _meant(configured, sent, step))
    if step is not None and kind != "linear":
        raise _bad(f"step = {step}: must be left out for strategy {kind}, which has steps")
    if kind == "linear":
        if sent is not None:
            raise _bad(
                f"steps = {list(sent)}: must be left out for strategy linear, which has step"
            )
        kept = step is None and configured.type == "linear"
        return (
            configured if kept else configured.with_steps(kind, linear_steps(step or LINEAR_STEP))
        )
    if kind == "ab" and configured.match is None:
        raise _bad("strategy = 'ab': needs the match of [services.NAME.strategy] or [adopted.NAME]")
    if sent is not None:
        steps = tuple(sent)
    elif kind in ("bluegreen", "ab"):
        steps = (100,)
    else:
        steps = configured.steps if configured.type == "canary" else CANARY_STEPS
    if steps[-1] != 100 or any(a >= b for a, b in pairwise(steps)):
        raise _bad(f"steps = {list(steps)}: must rise and end with 100")
    if kind in ("bluegreen", "ab") and steps != (100,):
        raise _bad(f"steps = {list(steps)}: must be [100] for strategy {kind}")
    return configured.with_steps(kind, steps)


def _meant(configured: Strategy, steps: Sequence[int] | None, step: int | None) -> str:
    """The type of strategy that fits what was sent."""
    if step is not None:
        return "linear"
    if steps is not None:
        return "canary" if len(steps) > 1 or configured.type == "linear" else configured.type
    return configured.type


def _type(asked: str) -> StrategyType:
    """The model of the API allows no other value."""
    return next((kind for kind in TYPES if kind == asked), "bluegreen")


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message)
