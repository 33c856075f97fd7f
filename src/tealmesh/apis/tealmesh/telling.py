"""What is told of deployments in words, as structures of our API's model. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tealmesh.apis.tealmesh import answers
from tealmesh.apis.tealmesh.ports import Backtested
from tealmesh.model import wire
from tealmesh.model.config.outside import LASTING
from tealmesh.model.extensions import RouterExtension
from tealmesh.model.linting import Finding
from tealmesh.model.rollout import Deployment, JournalEntry
from tealmesh.model.rollout.explanation import (
    DefinitionChange,
    Difference,
    Explanation,
    StepTold,
)
from tealmesh.model.rollout.hooks import detail
from tealmesh.model.rollout.plan import DeploymentPlan, PlannedStage
from tealmesh.store import View, tables

if TYPE_CHECKING:
    from tealmesh.model.rollout.hooks import HookBody


def explained(
    d: Deployment, e: Explanation, changed: DefinitionChange, journal: Iterable[JournalEntry]
) -> wire.ExplainOutput:
    answer: wire.ExplainOutput = {
        "deployment": answers.deployment(d),
        "sentence": e.sentence,
        "doing": e.doing,
        "why": e.why,
        "following": e.following,
        "latest": e.latest,
        "steps": [_step(step) for step in e.steps],
        "journal": [answers.journal_entry(entry) for entry in journal],
    }
    if e.latest_at is not None:
        answer["latestAt"] = e.latest_at
    if changed.old or changed.new:
        answer["definition"] = _definition(changed)
    return answer


def _definition(changed: DefinitionChange) -> wire.DefinitionChange:
    answer: wire.DefinitionChange = {}
    if changed.old:
        answer["old"] = changed.old
    if changed.new:
        answer["new"] = changed.new
    if changed.complete:
        answer["differences"] = [_difference(one) for one in changed.differences]
    return answer


def _difference(one: Difference) -> wire.DefinitionDifference:
    answer: wire.DefinitionDifference = {"what": one.what}
    if one.before:
        answer["before"] = one.before
    if one.after:
        answer["after"] = one.after
    return answer


def _step(step: StepTold) -> wire.ExplainedStep:
    answer: wire.ExplainedStep = {
        "title": step.title,
        "measured": step.measured,
        "findings": [finding.to_wire() for finding in step.findings],
        "outcome": step.outcome,
        "startedAt": step.began,
    }
    if step.ended is not None:
        answer["finishedAt"] = step.ended
    return answer


def add_beside(answer: wire.Deployment, view: View) -> None:
    """Add how requests reach the new side of a running deployment beside its weight."""
    stored = (RouterExtension.from_json(d.body) for d in view.list(tables.ROUTER_EXTENSIONS))
    for extension in stored:
        if extension.deployment == answer["deploymentId"]:
            answer["beside"] = extension.sentences()


def planned(plan: DeploymentPlan) -> wire.PlanDeploymentOutput:
    answer: wire.PlanDeploymentOutput = {
        "service": plan.service,
        "image": plan.image,
        "starts": plan.starts,
        "known": [
            {"bearing": one.bearing, "about": one.about, "detail": one.detail} for one in plan.known
        ],
        "stages": [_stage(stage) for stage in plan.stages],
        "expectedSeconds": plan.expected,
        "uncertain": list(plan.uncertain),
        "longestSeconds": plan.longest,
    }
    if plan.old_image:
        answer["oldImage"] = plan.old_image
    if plan.stages:
        answer |= {
            "oldSide": plan.old_side,
            "newSide": plan.new_side,
            "wayBack": plan.way_back,
        }
    return answer


def backtested(one: Backtested) -> wire.BacktestedDeployment:
    return {
        "service": one.deployment.service,
        "deploymentId": one.deployment.id,
        "newImage": one.deployment.new_image,
        "was": one.was,
        "wouldBe": one.outcome,
        "because": one.because,
        "afterSeconds": one.seconds,
        "windows": one.windows,
    }


def finding(f: Finding) -> wire.LintFinding:
    return {"level": f.level, "key": f.key, "what": f.what, "why": f.why, "remedy": f.remedy}


def _stage(stage: PlannedStage) -> wire.PlannedStage:
    answer: wire.PlannedStage = {
        "phase": stage.phase.value,
        "title": stage.title,
        "waitsFor": list(stage.waits_for),
        "otherwise": stage.otherwise,
    }
    if stage.weight is not None:
        answer["weight"] = stage.weight
    if stage.expected is not None:
        answer["expectedSeconds"] = stage.expected
    if stage.expected_by:
        answer["expectedBy"] = stage.expected_by
    if stage.longest is not None:
        answer["longestSeconds"] = stage.longest
    return answer


def hooks(view: View, deployment: str) -> list[wire.HookAnswer]:
    """What the hooks of a deployment have answered, in the order in which they were asked."""
    bodies = [document.body for document in view.list(tables.HOOKS, deployment)]
    return [_hook(body) for body in sorted(bodies, key=lambda body: body["started_at"])]


def _hook(body: HookBody) -> wire.HookAnswer:
    answer: wire.HookAnswer = {
        "name": body["name"],
        "stage": body["stage"],
        "step": body["step"],
        "tries": body["tries"],
        "startedAt": body["started_at"],
    }
    if body["stage"] in LASTING:
        answer["when"] = body["when"]
    if body["verdict"]:
        answer["verdict"], answer["detail"] = body["verdict"], detail(body)
    if body["finished_at"] is not None:
        answer["finishedAt"] = body["finished_at"]
    return answer
