"""What a `terraform apply` is to bring about for a deployment whose changes Terraform makes
(collection ``teal.terraform``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from tealmesh.model.clock import MomentBody

StepKind = Literal["START", "SHIFT", "STOP"]
"""``START``: the side runs, without weight. ``SHIFT``: the weights. ``STOP``: the side is gone."""


@dataclass(frozen=True)
class Holder:
    """Who runs Terraform for a deployment."""

    id: str
    """Random id of this run of `teal deploy`."""
    who: str
    """For people: the principal, and the host."""
    directory: str
    """Where the configuration is, there; for people."""


class SideValues(TypedDict):
    """A side as Terraform's variables say it."""

    active: bool
    weight: int
    image: NotRequired[str]
    """Absent where that is not to change."""


class SideNames(TypedDict):
    """The resources that make up a side."""

    virtualNode: str
    ecsService: str
    family: str
    """Of its task definitions; empty if it is not known."""


class StepBody(TypedDict):
    """One step: at most one `terraform apply`."""

    number: int
    """Counts the steps of a deployment, from 1."""
    kind: StepKind
    side: str
    """The side that starts or stops, or that is deployed."""
    values: dict[str, SideValues]
    """By side; one that does not exist and is not to be started is left out."""
    mesh: str
    router: str
    routes: list[str]
    names: dict[str, SideNames]
    """By side."""


class TerraformBody(TypedDict):
    """Who runs Terraform for the latest deployment of a service, and how far that is."""

    deployment: str
    """Id of the deployment."""
    holder: str
    """Random id of the run of `teal deploy` that applies; another one has no say any more."""
    who: str
    """The same for people: the principal, and the host."""
    directory: str
    """Where the configuration is, there; for people."""
    step: NotRequired[StepBody]
    """The latest step; absent before the first."""
    asked: NotRequired[MomentBody]
    """When it was asked for."""
    taken: int
    """Number of the step that the holder took last."""
    answered: int
    """Number of the step that it has answered last."""
    error: str
    """Why that could not be applied; empty if it was."""
    retryable: bool
    """Whether it may be applied later, all the same."""
