"""Which version was before, and where its tasks go. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment, SideTasks, State
from tealmesh.model.said import say
from tealmesh.rollout.machine import shares
from tealmesh.rollout.machine.wording import shown
from tealmesh.rollout.system import Service, other_side


@dataclass(frozen=True)
class Back:
    """A way back."""

    image: str
    """The version to go back to."""
    to: str
    """The side that it goes to."""
    already: bool = False
    """Whether it has all the weight."""


def way_back(
    service: Service,
    history: Sequence[Deployment],
    weights: Mapping[str, int],
    tasks: Mapping[str, SideTasks],
) -> Back:
    """The way back from what serves now. ``history``: newest first, all finished; ``weights`` and
    ``tasks`` by side. Raises ConflictException if there is no version before.

    What is already undone is not undone again, unless what serves then cannot serve any more.
    """
    latest = history[0] if history else None
    live = list(shares(weights))
    if latest is None or not live:
        raise _nothing(service)
    if len(live) > 1:
        undone = latest.kind == "ROLLBACK"
        to = latest.new_side if undone else latest.old_side
        return Back(latest.new_image if undone else latest.old_image, to)
    side = live[0]
    image = tasks[side].image or _image_of(latest, side)
    if _undone(latest, image) and tasks[side].healthy:
        return Back(image, side, already=True)
    for d in history:
        if d.kind == "DEPLOY" and _took_effect(d) and d.new_image == image != d.old_image:
            return Back(d.old_image, other_side(service, side))
    if latest.kind == "DEPLOY" and _took_effect(latest) and latest.old_image == latest.new_image:
        return Back(image, side, already=True)
    raise _nothing(service, image)


def to_revision(
    service: Service,
    history: Sequence[Deployment],
    number: int,
    weights: Mapping[str, int],
    tasks: Mapping[str, SideTasks],
) -> Back:
    """The way back to what the deployment with this number released. Raises NotFoundException if
    there is none, and ConflictException if it released nothing, or if no single side serves.
    """
    name = service.name
    wanted = _released(name, history, number)
    live = list(shares(weights))
    if len(live) != 1:
        raise AwsError(
            "ConflictException",
            say(
                "{name} has weights {weights}: a way back starts from exactly one side with "
                "weight (`teal weights {name}`)",
                name=name,
                weights=shown(weights) or "none",
            ),
        )
    (side,) = live
    if tasks[side].image == wanted.new_image and tasks[side].healthy:
        return Back(wanted.new_image, side, already=True)
    return Back(wanted.new_image, other_side(service, side))


def _released(name: str, history: Sequence[Deployment], number: int) -> Deployment:
    """The deployment with this number. Raises AwsError if there is none or it released nothing."""
    wanted = next((d for d in history if d.number == number), None)
    if wanted is None:
        numbers = [d.number for d in history]
        there = say("{min} to {max}", min=min(numbers), max=max(numbers)) if history else "none"
        raise AwsError(
            "NotFoundException",
            say(
                "{name} has no revision {number} (known: {there})",
                name=name,
                number=number,
                there=there,
            ),
        )
    if wanted.state is not State.SUCCEEDED:
        why = say(": {reason}", reason=wanted.reason) if wanted.reason else ""
        raise AwsError(
            "ConflictException",
            say(
                "revision {number} of {name}, {new_image}, was not released ({status}){why}; "
                "`teal history {name}` shows those that were",
                number=number,
                name=name,
                new_image=wanted.new_image,
                status=wanted.status,
                why=why,
            ),
        )
    return wanted


def _undone(latest: Deployment, image: str) -> bool:
    """Whether the version ``image`` serves because the latest deployment was taken back."""
    if latest.kind == "ROLLBACK":
        return latest.state is State.SUCCEEDED and image == latest.new_image
    return latest.state is not State.SUCCEEDED and image == latest.old_image


def _took_effect(d: Deployment) -> bool:
    return d.state in (State.SUCCEEDED, State.STOPPED)


def _image_of(latest: Deployment, side: str) -> str:
    images = {latest.old_side: latest.old_image, latest.new_side: latest.new_image}
    return images.get(side, "")


def _nothing(service: Service, image: str = "") -> AwsError:
    serves = say(" than {image}, which serves now", image=image) if image else ""
    return AwsError(
        "ConflictException",
        say(
            "{name} has no earlier image to go back to{serves}: `teal deploy {name} --image IMAGE`",
            name=service.name,
            serves=serves,
        ),
    )


def begun(first: Deployment, service: Service, gradual: bool) -> Deployment:
    """The deployment of the version before: at once, without gates but healthy tasks and
    acknowledged weights; or ``gradual``, as any other.
    """
    # What is gone back from is not kept for a way forward.
    if gradual:
        return replace(first, kind="ROLLBACK")
    at_once = service.strategy.with_steps("bluegreen", (100,))
    return replace(first, kind="ROLLBACK", gated=False, strategy=at_once)


def nothing_failed(name: str, latest: Deployment | None) -> str:
    """Why there is nothing to try again."""
    if latest is None:
        return say("{name} has not been deployed yet: nothing to retry", name=name)
    return say("the latest deployment of {name} was successful: nothing to retry", name=name)
