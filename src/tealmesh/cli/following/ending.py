"""How a command that changes a service ends: it follows the deployment, and says what serves."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from tealmesh.cli.options import print_json, with_json
from tealmesh.model.errors import AwsError, DeploymentHeld, TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire

STAGES = (
    "PRE_SCALE_UP",
    "SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)
"""The stages of a deployment in their order, named as Amazon ECS names them."""
AFTER = {
    "POST_SCALE_UP": "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT": "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT": "BAKE_TIME",
}
"""ECS's stages at the end of others, and the stage that begins then."""
APPROVAL = "AWAITING_APPROVAL"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Ending:
    """How a command ends."""

    follow: bool
    """Show the deployment until it has finished; else say only that it has started."""
    as_json: bool
    """Print the deployment as JSON. What is shown meanwhile goes to standard error."""
    stage: str = ""
    """Follow only until this stage has begun; empty for to the end."""


def ends(command: F) -> F:
    """Add --follow, --wait-until and --json, which pass an ``ending`` to the command."""

    @functools.wraps(command)
    def with_ending(*, follow: bool, wait_until: str | None, as_json: bool, **rest: Any) -> Any:
        if wait_until and not follow:
            raise click.UsageError("--wait-until and --no-follow: give only one of them")
        return command(ending=Ending(follow, as_json, wait_until or ""), **rest)

    for option in (
        click.option(
            "--wait-until",
            type=click.Choice([*STAGES, *AFTER, APPROVAL], case_sensitive=False),
            metavar="STAGE",
            help="Follow only until this stage of the deployment begins, named as ECS names them: "
            f"{', '.join(STAGES[1:])}, and their POST_ stages; or {APPROVAL}.",
        ),
        click.option(
            "--follow/--no-follow",
            default=True,
            help="Show the deployment until it has finished (default).",
        ),
        with_json,
    ):
        option(with_ending)
    return cast(F, with_ending)


def reached(stage: str, entries: Collection[wire.JournalEntry]) -> bool:
    """Whether a deployment with these journal entries has begun a stage on its way forward."""
    for entry in entries:
        if entry["status"] not in ("IN_PROGRESS", "SUCCESSFUL") or entry["transition"] == "HELD":
            continue
        if stage == APPROVAL:
            if entry["transition"] == APPROVAL:
                return True
        elif entry.get("phase") in STAGES[STAGES.index(AFTER.get(stage, stage)) :]:
            return True
    return False


def say_that_it_runs(error: AwsError, ending: Ending) -> None:
    """Say of a deployment that was refused that its images run already. Raises any other error."""
    if error.code != "AlreadyRunsException":
        raise error
    if ending.as_json:
        print_json({"message": error.message})
    else:
        click.echo(error.message)


def follow_or_report(
    client: Client,
    deployment: wire.Deployment,
    ending: Ending,
    wanted: Collection[str] = ("SUCCESSFUL",),
) -> None:
    """Follow a deployment that has started, or report its status and return.

    Raises TealError if it ends in another status than those ``wanted``, and DeploymentHeld if it
    waits for a person's decision.
    """
    name = f"{deployment['service']}: deployment {deployment['deploymentId']}"
    if not ending.follow:
        if ending.as_json:
            print_json(deployment)
        else:
            click.echo(f"{name}: {deployment['status']}; watch it with `teal status -w`")
        return
    from tealmesh.cli.following.follow import follow as follow_deployment
    from tealmesh.cli.screens.render import console, deployment_line
    from tealmesh.cli.screens.standing import outcome

    stage = ending.stage
    done = follow_deployment(
        client,
        deployment,
        console(stderr=ending.as_json),
        (lambda entries: reached(stage, entries)) if stage else None,
    )
    if done is None:
        return
    final, early = done
    if ending.as_json:
        print_json(final)
    if final.get("state") == "HELD":
        raise DeploymentHeld(f"{name} is held and waits for {final.get('waitingFor', 'you')}")
    if "pausedBy" in final:
        raise DeploymentHeld(
            f"{name} is paused by {final['pausedBy']}: `teal resume {final['service']}` goes on, "
            f"`teal abort {final['service']}` goes back"
        )
    if early:
        if not ending.as_json:
            click.echo(f"{name} has reached {stage} and goes on: watch it with `teal status -w`")
        return
    if final["status"] not in wanted:
        words = [outcome(final), final.get("reason", ""), final.get("serves", "")]
        raise TealError(f"{name}: {': '.join(word for word in words if word)}")
    if ending.as_json:
        return
    console().print(deployment_line(final))
    if final.get("serves"):
        click.echo(f"{final['service']}: {final['serves']}")
