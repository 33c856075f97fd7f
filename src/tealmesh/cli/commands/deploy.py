"""Commands that change something: apply, deploy, approve, rollback, weights."""

from __future__ import annotations

import uuid
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from tealmesh.cli.client import Client
from tealmesh.cli.options import read_text, with_client
from tealmesh.model.errors import TealError

CONVERGENCE_WAIT = 15
"""Seconds that `teal weights` waits for every Envoy."""

follow_option = click.option(
    "--follow/--no-follow", default=True, help="Show the deployment until it is over (default)."
)


@click.command(short_help="Bring the system to what teal.toml describes.")
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("teal.toml"),
    show_default=True,
    metavar="FILE",
    help="What to apply.",
)
@click.option(
    "--wait",
    "wait",
    type=click.FloatRange(0, 3600),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until every task is healthy; 0: not at all.",
)
@with_client
def apply(config_file: Path, wait: float, client: Client) -> None:
    """Create the system that teal.toml describes, or bring it to its state, and wait until it runs.

    Nothing is removed, and an image that differs from the running one is left to `teal deploy`.
    """
    from tealmesh.cli.ready import wait_ready
    from tealmesh.model.config.parse import parse

    text = read_text(config_file)
    parse(text, str(config_file))
    directory = config_file.absolute().parent
    answer = client.call(
        "Apply", wait=60, text=text, file=str(config_file), baseDirectory=str(directory)
    )
    for line in answer["summary"]:
        click.echo(line)
    names = {one["name"] for one in (*answer["services"], *answer["gateways"])}
    if not wait or not names:
        return
    for gateway in wait_ready(client, names, wait)["gateways"]:
        if gateway["name"] in names:
            click.echo(f"{gateway['name']}: http://{gateway['address']}:{gateway['port']}/")


@click.command()
@click.argument("service")
@click.option(
    "--image", required=True, metavar="IMAGE", help="The new image; :TAG is a tag of the present."
)
@click.option(
    "--strategy",
    type=click.Choice(["bluegreen", "canary"]),
    help="Instead of the one in teal.toml.",
)
@click.option("--steps", metavar="10,50,100", help="Instead of those in teal.toml.")
@follow_option
@with_client
def deploy(
    service: str,
    image: str,
    strategy: str | None,
    steps: str | None,
    follow: bool,
    client: Client,
) -> None:
    """Bring SERVICE to another image on its idle side, step by step.

    Ctrl-C stops following; the deployment goes on in the control plane.
    """
    answer = client.call(
        "Deploy",
        service=service,
        image=_image(client, service, image),
        strategy=strategy,
        steps=_steps(steps),
        clientToken=uuid.uuid4().hex,
    )
    _started(client, answer["deployment"], follow)


@click.command()
@click.argument("service")
@follow_option
@with_client
def approve(service: str, follow: bool, client: Client) -> None:
    """Let the deployment of SERVICE that waits for approval go on."""
    answer = client.call("Approve", service=service)
    _started(client, answer["deployment"], follow)


@click.command()
@click.argument("service")
@follow_option
@with_client
def rollback(service: str, follow: bool, client: Client) -> None:
    """Give all weight back to the old side of SERVICE.

    Aborts the deployment that runs. With none running, deploys the image before the present one.
    """
    answer = client.call("Rollback", service=service)
    deployment = answer["deployment"]
    aborted = deployment["status"].startswith("ROLLBACK") or deployment.get("reason")
    _started(client, deployment, follow, wanted="ROLLBACK_SUCCESSFUL" if aborted else "SUCCESSFUL")


@click.command(short_help="Set the weights of SERVICE's sides by hand.")
@click.argument("service")
@click.argument("weights", nargs=-1, required=True, metavar="SIDE=WEIGHT...")
@with_client
def weights(service: str, weights: tuple[str, ...], client: Client) -> None:
    """Set the weights of SERVICE's sides by hand, such as `blue=1 green=0`.

    Weights are relative, 0 to 100. Waits until every Envoy has them.
    """
    wanted = dict(_weight(text) for text in weights)
    answer = client.call("SetWeights", service=service, weights=wanted)
    shown = ", ".join(f"{side}={weight}" for side, weight in sorted(answer["weights"].items()))
    mesh = find_service(client, service)["mesh"]
    seen = client.call(
        "GetConvergence",
        wait=CONVERGENCE_WAIT,
        mesh=mesh,
        revision=answer["revision"],
        waitSeconds=CONVERGENCE_WAIT,
    )
    counted = f"{seen['acknowledged']} of {seen['expected']} Envoys have them"
    if not seen["converged"]:
        refused = "".join(f"; {r['envoy']}: {r['message']}" for r in seen.get("rejected", []))
        raise TealError(f"{service}: {shown} is set, but only {counted}{refused}")
    click.echo(f"{service}: {shown} at revision {answer['revision']}; {counted}")


def find_service(client: Client, name: str) -> dict[str, Any]:
    """A service's part of GetStatus. Raises TealError when there is none of that name."""
    services = client.call("GetStatus")["services"]
    for service in services:
        if service["name"] == name:
            return dict(service)
    known = ", ".join(sorted(service["name"] for service in services))
    raise TealError(
        f"no service {name!r}: there is {known}" if known else f"no service {name!r}: `teal apply`"
    )


def _image(client: Client, service: str, image: str) -> str:
    """The image; ``:TAG`` stands for the present image with another tag."""
    if not image.startswith(":"):
        return image
    present = str(find_service(client, service).get("image", ""))
    name, colon, tag = present.rpartition(":")
    # A colon before a slash separates a registry's port, not a tag.
    name = name if colon and "/" not in tag else present
    if not name:
        raise TealError(f"{service} runs no image that {image} could be a tag of: give the whole")
    return name + image


def _steps(text: str | None) -> list[int] | None:
    if text is None:
        return None
    words = [part.strip() for part in text.split(",")]
    steps = [int(word) for word in words if word.isdecimal()]
    rising = all(a < b for a, b in pairwise([0, *steps]))
    if len(steps) < len(words) or not rising or steps[-1] != 100:
        raise click.UsageError(
            f"--steps {text}: must be rising percentages from 1 that end with 100, with commas "
            "between, such as 10,50,100"
        )
    return steps


def _weight(text: str) -> tuple[str, int]:
    side, _, number = text.partition("=")
    if not side or not number.isdecimal() or int(number) > 100:
        raise click.UsageError(f"{text}: must be SIDE=WEIGHT with a weight from 0 to 100")
    return side, int(number)


def _started(
    client: Client, deployment: dict[str, Any], follow: bool, wanted: str = "SUCCESSFUL"
) -> None:
    name = f"{deployment['service']}: deployment {deployment['deploymentId']}"
    if not follow:
        click.echo(f"{name}: {deployment['status']}; watch it with `teal status -w`")
        return
    from tealmesh.cli.follow import follow as follow_deployment
    from tealmesh.cli.render import console, deployment_line

    final = follow_deployment(client, deployment)
    if final is None:
        return
    if final["status"] != wanted:
        reason = final.get("reason")
        raise TealError(f"{name}: {final['status']}" + (f": {reason}" if reason else ""))
    console().print(deployment_line(final))


COMMANDS = (apply, deploy, approve, rollback, weights)
