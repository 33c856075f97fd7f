"""Deployments whose changes Terraform makes, as they travel in JSON."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tealmesh.model.wire.deployments import Deployment


class TerraformRun(TypedDict):
    """A run of `teal deploy` that makes the changes of a deployment with Terraform."""

    holder: str
    host: str
    directory: str


class TerraformSide(TypedDict):
    """A side as Terraform's variables are to say it, and the resources that make it up."""

    side: str
    virtualNode: str
    ecsService: str
    family: NotRequired[str]
    active: NotRequired[bool]
    weight: NotRequired[int]
    image: NotRequired[str]


class TerraformStep(TypedDict):
    """At most one `terraform apply`."""

    number: int
    kind: str
    side: str
    mesh: str
    router: str
    routes: list[str]
    sides: list[TerraformSide]


class TakeTerraformStepInput(TypedDict):
    service: str
    terraform: TerraformRun
    takeOver: NotRequired[bool]


class TakeTerraformStepOutput(TypedDict):
    """What TakeTerraformStep answers."""

    deployment: Deployment
    step: NotRequired[TerraformStep]


class AnswerTerraformStepInput(TypedDict):
    service: str
    holder: str
    number: int
    error: NotRequired[str]
    retryable: NotRequired[bool]


class AnswerTerraformStepOutput(TypedDict):
    """What AnswerTerraformStep answers: nothing."""
