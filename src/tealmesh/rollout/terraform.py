"""Deployments whose changes Terraform makes: what is asked for, taken and answered. Pure.

The control plane decides and says what each step is; `teal deploy --terraform`, which has the
directory and the credentials, applies it (design note 056).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment, JournalEntry
from tealmesh.model.rollout.terraform import Holder
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.running.beginnings import PutFirst
from tealmesh.rollout.system import Service
from tealmesh.store import Reader, Transaction, tables

if TYPE_CHECKING:
    from tealmesh.model.rollout.terraform import StepBody, TerraformBody


def refuse(service: Service, d: Deployment) -> None:
    """Raise BadRequestException for what Terraform cannot deploy."""
    if not isinstance(service, MeshService):
        raise AwsError(
            "BadRequestException",
            f"terraform: {service.name} is described by teal.toml, not by Terraform: deploy it "
            "without --terraform",
        )
    if d.strategy.keep_old:
        raise AwsError(
            "BadRequestException",
            f"terraform: keep_old = {d.strategy.keep_old:g} of {service.name} must be 0: nobody "
            "runs Terraform when that time is over",
        )


def begun_by(holder: Holder | None, put_first: PutFirst) -> PutFirst:
    """``put_first``, with ``holder``, if there is one, as who makes the deployment's changes."""

    def put(t: Transaction, d: Deployment, entry: JournalEntry) -> Deployment:
        begun = put_first(t, d, entry)
        if holder is not None:
            begin(t, begun, holder)
        return begun

    return put


def begin(t: Transaction, d: Deployment, holder: Holder) -> None:
    """Let ``holder`` make the changes of a deployment, which begins."""
    body: TerraformBody = {
        "deployment": d.id,
        "holder": holder.id,
        "who": holder.who,
        "directory": holder.directory,
        "taken": 0,
        "answered": 0,
        "error": "",
        "retryable": False,
    }
    t.put(tables.TERRAFORM, d.service, body=body)


def held(reader: Reader, service: str, deployment: str) -> TerraformBody | None:
    """Who runs Terraform for this deployment of a service; None if nobody does."""
    document = reader.get(tables.TERRAFORM, service)
    if document is None or document.body["deployment"] != deployment:
        return None
    return document.body


def ask(t: Transaction, service: str, body: TerraformBody, step: StepBody) -> TerraformBody:
    """Ask for a step, unless it is what was asked for last."""
    last = body.get("step")
    if last is not None and same(last, step):
        return body
    step = {**step, "number": (last["number"] if last else 0) + 1}
    asked: TerraformBody = {**body, "step": step, "asked": t.moment.stored()}
    t.put(tables.TERRAFORM, service, body=asked)
    return asked


def same(one: StepBody, other: StepBody) -> bool:
    """Whether two steps ask for the same, whatever their numbers are."""
    return {**one, "number": 0} == {**other, "number": 0}


def nothing_new(reader: Reader, d: Deployment, holder: Holder) -> bool:
    """Whether ``holder`` would take nothing now, which needs no write."""
    body = held(reader, d.service, d.id)
    return body is not None and body["holder"] == holder.id and not _due(body)


def _due(body: TerraformBody) -> bool:
    step = body.get("step")
    if step is None:
        return False
    failed = body["answered"] == body["taken"] and bool(body["error"]) and body["retryable"]
    return body["taken"] < step["number"] or failed


def take(
    t: Transaction, service: str, deployment: str, holder: Holder, *, take_over: bool
) -> StepBody | None:
    """The step that is to be applied now; None if there is none. ``take_over``: whoever held the
    deployment has no say any more, and what it took is given anew. Raises ConflictException if
    Terraform does not make the changes of the deployment, or if somebody else holds it.
    """
    body = _mine(t, service, deployment, holder.id, take_over=take_over)
    if take_over:
        body = {**body, "holder": holder.id, "who": holder.who, "directory": holder.directory}
        body["taken"] = body["answered"] = 0
    step = body.get("step")
    due = _due(body)
    if step is not None and due:
        body = {**body, "taken": step["number"], "error": ""}
    if due or take_over:
        t.put(tables.TERRAFORM, service, body=body)
    return step if due else None


def answer(
    t: Transaction,
    service: str,
    deployment: str,
    holder: str,
    number: int,
    error: str,
    *,
    retryable: bool,
) -> None:
    """Keep how a step ended. ``error``: why it could not be applied; empty if it was. ``holder``:
    the id of who took it. Raises ConflictException as `take` does.
    """
    body = _mine(t, service, deployment, holder, take_over=False)
    body = {**body, "answered": number, "error": error, "retryable": retryable}
    t.put(tables.TERRAFORM, service, body=body)


def waits(body: TerraformBody, seconds: float) -> str:
    """What a step waits for, completing "waiting for …". ``seconds``: since it was asked for."""
    step = body["step"]
    what = _words(step)
    where = f"`terraform apply` in {body['directory']}, by {body['who']}"
    if body["answered"] == step["number"]:
        return f"{what}: {where} has ended"
    if body["taken"] == step["number"]:
        return f"{what}: {where}"
    if seconds < TAKEN_SECONDS:
        return f"{where}: {what}"
    return (
        f"{where}, who has not begun for {seconds:.0f} s: {what}. `teal deploy --terraform DIR "
        "--resume` goes on in its place"
    )


TAKEN_SECONDS = 10.0
"""Who follows a deployment takes a step within so long."""


def _words(step: StepBody) -> str:
    if step["kind"] == "SHIFT":
        return "weights " + ", ".join(
            f"{side} = {values['weight']}" for side, values in step["values"].items()
        )
    return f"{step['side']} to {'start' if step['kind'] == 'START' else 'stop'}"


def _mine(
    t: Transaction, service: str, deployment: str, holder: str, *, take_over: bool
) -> TerraformBody:
    body = held(t, service, deployment)
    if body is None:
        raise AwsError(
            "ConflictException",
            f"the running deployment of {service} is not made by Terraform: follow it with `teal "
            "status -w`",
        )
    if body["holder"] != holder and not take_over:
        raise AwsError(
            "ConflictException",
            f"{body['who']} runs Terraform for the deployment of {service}: `teal deploy "
            "--terraform DIR --resume` takes over",
        )
    return body
