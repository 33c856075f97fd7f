"""Commands that deploy: deploy, approve, weights."""

from __future__ import annotations

import uuid
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from tealmesh.cli import completing
from tealmesh.cli.following.ending import Ending, ends, follow_or_report, say_that_it_runs
from tealmesh.cli.groups import commands
from tealmesh.cli.groups.choosing import or_group, with_group
from tealmesh.cli.options import each_once, print_json, with_client, with_json
from tealmesh.cli.services import find_service
from tealmesh.cli.terraform.options import with_terraform
from tealmesh.model.errors import AwsError, TealError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tealmesh.cli.client import Client
    from tealmesh.cli.terraform.driving import Asked
    from tealmesh.model import wire

CONVERGENCE_SECONDS = 15
"""How long `teal weights` waits until every Envoy has acknowledged them."""


@click.command()
@click.argument("words", nargs=-1, metavar="SERVICE [IMAGE]", shell_complete=completing.to_deploy)
@with_group
@click.option(
    "--image",
    metavar="IMAGE",
    help="The new image, or :TAG for another tag of the current one.",
)
@click.option(
    "--strategy",
    type=click.Choice(["bluegreen", "canary", "linear"]),
    help="Overrides the strategy in teal.toml.",
)
@click.option("--steps", metavar="10,50,100", help="Overrides the steps in teal.toml.")
@click.option(
    "--step",
    type=click.IntRange(1, 100),
    metavar="PERCENT",
    help="With strategy linear: by how much each step raises the weight.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Deploy the image even if SERVICE already runs it, and in a freeze.",
)
@click.option(
    "--replace",
    "instead",
    is_flag=True,
    help="End a running deployment first: the weight that it has shifted goes back.",
)
@click.option("--plan", is_flag=True, help="Show what would happen, and change nothing.")
@ends
@with_terraform
@with_client
def deploy(
    words: tuple[str, ...],
    group: str | None,
    image: str | None,
    strategy: str | None,
    steps: str | None,
    step: int | None,
    force: bool,
    instead: bool,
    plan: bool,
    by: Asked | None,
    ending: Ending,
    client: Client,
) -> None:
    """Deploy another image to the idle side of SERVICE and shift traffic to it, step by step.

    An image that cannot be started is refused, and one that SERVICE already runs is left as it is.
    Ctrl-C stops following; the deployment continues in the control plane.

    With --group GROUP and a SERVICE=IMAGE for each service, deploys them together: none takes
    weight before all are ready, and if one fails, all go back.

    With --terraform DIR, each change is made by an apply there, whose plan may touch nothing else.
    """
    percentages = _steps(steps)
    if by is not None and (group is not None or instead or plan):
        raise click.UsageError("--terraform goes with none of --group, --replace and --plan")
    if by is not None and by.resume:
        from tealmesh.cli.terraform.driving import resumed

        resumed(client, _service(words)[0], by, ending)
        return
    if group is not None:
        _refuse_own(image, strategy, percentages, step, instead)
        images = {name: _image(client, name, one) for name, one in _images(words).items()}
        commands.deploy(client, group, images, force=force, plan=plan, ending=ending)
        return
    service, image_argument = _service(words)
    full = _image(client, service, _wanted(image_argument, image))
    if plan:
        from tealmesh.cli.screens.planned import show_plan

        planned = client.plan_deployment(service, full, strategy, percentages, force, step, instead)
        show_plan(planned, ending.as_json)
        return

    start = partial(
        client.deploy,
        service,
        full,
        strategy,
        percentages,
        client_token=uuid.uuid4().hex,
        force=force,
        step=step,
        instead=instead,
    )
    begin = partial(_begun, start)
    try:
        if by is not None:
            from tealmesh.cli.terraform.driving import deployed

            deployed(client, service, by, ending, begin)
            return
        deployment = begin()
    except AwsError as error:
        say_that_it_runs(error, ending)
        return
    follow_or_report(client, deployment, ending)


def _refuse_own(*given: object) -> None:
    """Raise UsageError for what each service of a group says for itself."""
    if any(given):
        raise click.UsageError(
            "--group: give SERVICE=IMAGE for each service, and no --image, --strategy, "
            "--steps, --step or --replace: each service follows its own strategy"
        )


def _begun(
    start: Callable[..., wire.DeployOutput], run: wire.TerraformRun | None = None
) -> wire.Deployment:
    """The deployment that ``start`` begins; says its notes."""
    answer = start(terraform=run)
    for note in answer.get("notes", []):
        click.echo(f"note: {note}", err=True)
    return answer["deployment"]


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@ends
@or_group(commands.approve)
@with_client
def approve(service: str, ending: Ending, client: Client) -> None:
    """Continue the deployment of SERVICE that waits for approval."""
    follow_or_report(client, client.approve(service), ending)


@click.command()
@click.argument("service", shell_complete=completing.names)
@click.argument("weights", nargs=-1, required=True, metavar="SIDE=WEIGHT...")
@with_json
@with_client
def weights(service: str, weights: tuple[str, ...], as_json: bool, client: Client) -> None:
    """Set the weights of SERVICE's sides, such as `blue=1 green=0`.

    Weights are relative, from 0 to 100. Waits until every Envoy has acknowledged them.
    """
    wanted = each_once("weight", map(_weight, weights))
    answer = client.set_weights(service, wanted)
    revision = answer["revision"]
    shown = ", ".join(f"{side}={weight}" for side, weight in sorted(answer["weights"].items()))
    mesh = find_service(client, service)["mesh"]
    convergence = client.get_convergence(mesh, revision, CONVERGENCE_SECONDS)
    if as_json:
        print_json({**answer, "convergence": convergence})
    count = f"{convergence['acknowledged']} of {convergence['expected']} Envoys"
    if not convergence["converged"]:
        rejections = "".join(
            f"; {rejected['envoy']}: {rejected['message']}"
            for rejected in convergence.get("rejected", [])
        )
        raise TealError(
            f"{service}: {shown} is set, but only {count} have acknowledged it{rejections}"
        )
    if as_json:
        return
    click.echo(f"{service}: {shown} at revision {revision}, acknowledged by {count}")


def _service(words: tuple[str, ...]) -> tuple[str, str | None]:
    """SERVICE [IMAGE]."""
    if not words:
        raise click.UsageError("Missing argument 'SERVICE'.")
    if len(words) > 2:
        more = " ".join(words[2:])
        raise click.UsageError(f"Got unexpected extra argument{'s' * (len(words) > 3)} ({more})")
    return words[0], words[1] if len(words) == 2 else None


def _images(words: tuple[str, ...]) -> dict[str, str]:
    """The image of each service, from SERVICE=IMAGE."""
    images = each_once("image", map(_service_image, words))
    if not images:
        raise click.UsageError(
            "--group needs images: `teal deploy --group GROUP SERVICE=IMAGE SERVICE=IMAGE`"
        )
    return images


def _service_image(word: str) -> tuple[str, str]:
    service, _, image = word.partition("=")
    if not service or not image:
        raise click.UsageError(f"{word}: must be SERVICE=IMAGE with --group")
    return service, image


def _wanted(argument: str | None, option: str | None) -> str:
    """The image that was given, in one of two ways."""
    if argument is not None and option is not None and argument != option:
        raise click.UsageError(f"{argument} and --image {option}: give only one of them")
    image = argument or option
    if not image:
        raise click.UsageError("an image is needed: `teal deploy SERVICE IMAGE`")
    return image


def _image(client: Client, service: str, image: str) -> str:
    """The image; ``:TAG`` means the current image with another tag."""
    if not image.startswith(":"):
        return image
    current = find_service(client, service).get("image", "")
    name, colon, tag = current.rpartition(":")
    # A colon before a slash separates a registry's port, not a tag.
    name = name if colon and "/" not in tag else current
    if not name:
        raise TealError(
            f"{service} has no image yet that {image} could be a tag of: give the full image name"
        )
    return name + image


def _steps(text: str | None) -> list[int] | None:
    if text is None:
        return None
    words = [part.strip() for part in text.split(",")]
    steps = [int(word) for word in words if word.isdecimal()]
    rising = all(a < b for a, b in pairwise([0, *steps]))
    if len(steps) < len(words) or not rising or steps[-1] != 100:
        raise click.UsageError(
            f"--steps {text}: must be rising percentages from 1 that end with 100, separated by "
            "commas, such as 10,50,100"
        )
    return steps


def _weight(text: str) -> tuple[str, int]:
    side, _, number = text.partition("=")
    if not side or not number.isdecimal() or int(number) > 100:
        raise click.UsageError(f"{text}: must be SIDE=WEIGHT with a weight from 0 to 100")
    return side, int(number)


COMMANDS = (deploy, approve, weights)
