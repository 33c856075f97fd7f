"""The operations of our API by which Terraform makes the changes of a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.apis.tealmesh import answers
from tealmesh.model import wire
from tealmesh.model.identity.caller import Caller
from tealmesh.model.rollout.terraform import Holder

if TYPE_CHECKING:
    from tealmesh.apis.tealmesh.ports import Deployments
    from tealmesh.model.rollout.terraform import StepBody


def holder(caller: Caller, told: wire.TerraformRun | None) -> Holder | None:
    """Who makes the changes of a deployment with Terraform; None if nobody does."""
    return None if told is None else _holder(caller, told)


class TerraformOperations:
    """The part of the service that `teal deploy --terraform` asks what to apply."""

    _deployments: Deployments

    async def take_terraform_step(
        self, caller: Caller, request: wire.TakeTerraformStepInput
    ) -> wire.TakeTerraformStepOutput:
        deployment, step = await self._deployments.take_step(
            caller.actor,
            request["service"],
            _holder(caller, request["terraform"]),
            take_over=request.get("takeOver", False),
        )
        answer: wire.TakeTerraformStepOutput = {"deployment": answers.deployment(deployment)}
        if step is not None:
            answer["step"] = _step(step)
        return answer

    async def answer_terraform_step(
        self, caller: Caller, request: wire.AnswerTerraformStepInput
    ) -> wire.AnswerTerraformStepOutput:
        await self._deployments.answer_step(
            caller.actor,
            request["service"],
            request["holder"],
            request["number"],
            request.get("error", ""),
            retryable=request.get("retryable", False),
        )
        return {}


def _holder(caller: Caller, told: wire.TerraformRun) -> Holder:
    return Holder(told["holder"], f"{caller.actor} on {told['host']}", told["directory"])


def _step(step: StepBody) -> wire.TerraformStep:
    sides: list[wire.TerraformSide] = []
    for name, names in step["names"].items():
        side: wire.TerraformSide = {
            "side": name,
            "virtualNode": names["virtualNode"],
            "ecsService": names["ecsService"],
        }
        if names["family"]:
            side["family"] = names["family"]
        if (values := step["values"].get(name)) is not None:
            side["active"] = values["active"]
            side["weight"] = values["weight"]
            if "image" in values:
                side["image"] = values["image"]
        sides.append(side)
    return {
        "number": step["number"],
        "kind": step["kind"],
        "side": step["side"],
        "mesh": step["mesh"],
        "router": step["router"],
        "routes": step["routes"],
        "sides": sides,
    }
