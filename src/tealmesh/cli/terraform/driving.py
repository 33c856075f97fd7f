"""Does what a deployment asks for with Terraform, beside what is shown of it."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from tealmesh.cli.client import Client
from tealmesh.cli.following.ending import Ending, follow_or_report
from tealmesh.cli.following.follow import FINAL_STATUSES, patiently
from tealmesh.cli.options import read_text
from tealmesh.cli.terraform import plans, variables
from tealmesh.cli.terraform.running import Terraform
from tealmesh.model import wire
from tealmesh.model.config.nouns import TerraformNames
from tealmesh.model.errors import AwsError, TealError, TerraformFailed

_ASK_SECONDS = 0.5
_MOST_NAMED = 5


@dataclass(frozen=True)
class Asked:
    """What the command line says of Terraform."""

    directory: Path
    names: TerraformNames
    allowed: tuple[str, ...] = ()
    """Addresses of further resources that a step may change."""
    resume: bool = False


def deployed(
    client: Client,
    service: str,
    asked: Asked,
    ending: Ending,
    begin: Callable[[wire.TerraformRun], wire.Deployment],
    wanted: Collection[str] = ("SUCCESSFUL",),
) -> None:
    """Begin a deployment by ``begin``, make its changes with Terraform and follow it to its end.
    Raises TealError as `follow_or_report` does.
    """
    terraform = _terraform(asked, ending)
    values, run = _present(client, service, terraform, asked), _run(asked)
    deployment = begin(run)
    with _Applier(client, deployment["service"], terraform, asked, values, run):
        follow_or_report(client, deployment, ending, wanted)


def resumed(client: Client, service: str, asked: Asked, ending: Ending) -> None:
    """Make the changes of the deployment that runs, in the place of whoever made them."""
    terraform = _terraform(asked, ending)
    values, run = _present(client, service, terraform, asked), _run(asked)
    answer = client.take_terraform_step(service, run, take_over=True)
    deployment, step = answer["deployment"], answer.get("step")
    if deployment["status"] in FINAL_STATUSES:
        raise TealError(f"no deployment of {service} is running: there is none to resume")
    wanted = ("SUCCESSFUL",)
    if deployment["status"].startswith("ROLLBACK"):
        wanted = ("ROLLBACK_SUCCESSFUL",)
    with _Applier(client, deployment["service"], terraform, asked, values, run, step):
        follow_or_report(client, deployment, ending, wanted)


def _terraform(asked: Asked, ending: Ending) -> Terraform:
    if not ending.follow or ending.stage:
        raise click.UsageError(
            "--terraform goes with none of --no-follow and --wait-until: Terraform runs here until "
            "the deployment has ended"
        )
    return Terraform(asked.directory)


def _run(asked: Asked) -> wire.TerraformRun:
    return {
        "holder": uuid.uuid4().hex,
        "host": socket.gethostname(),
        "directory": str(asked.directory.absolute()),
    }


def _present(client: Client, service: str, terraform: Terraform, asked: Asked) -> dict[str, object]:
    """The present values of the variables. Raises TealError if a plan is not empty before the
    deployment, whose steps would do more than their own then.
    """
    click.echo(f"terraform plan in {asked.directory} …", err=True)
    described = client.get_service(service)
    with terraform.plan() as plan:
        sides = [side["side"] for side in described["sides"]]
        variables.check(asked.names, described["name"], sides, plan.variables)
        others = [str(one) for one in plan.changes if one.address not in asked.allowed]
        if others and not asked.resume:
            raise TealError(
                f"a plan in {asked.directory} is not empty before the deployment: "
                f"{_named(others)}; apply or undo that first"
            )
        return plan.variables


class _Applier:
    """Applies each step in a thread of its own, while the deployment is followed."""

    def __init__(
        self,
        client: Client,
        service: str,
        terraform: Terraform,
        asked: Asked,
        values: dict[str, object],
        run: wire.TerraformRun,
        first: wire.TerraformStep | None = None,
    ) -> None:
        """``first``: a step that has been taken already."""
        self._first = first
        self._client, self._service, self._asked = client, service, asked
        self._terraform, self._values, self._run = terraform, values, run
        self._file = terraform.directory / variables.FILE
        self._over = threading.Event()
        self._finished = False
        self._thread = threading.Thread(target=self._work, name="terraform")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """Wait for the apply that runs, and say so if nobody goes on with the deployment."""
        self._over.set()
        if self._thread.is_alive():
            click.echo("waiting for Terraform to end what it has begun …", err=True)
        self._thread.join()
        if not self._finished:
            click.echo(
                f"nobody runs Terraform for the deployment of {self._service} now: `teal deploy "
                f"{self._service} --terraform {self._asked.directory} --resume` goes on",
                err=True,
            )

    def _work(self) -> None:
        try:
            if self._first is not None:
                self._answer(self._first)
            while not self._over.is_set():
                take = partial(self._client.take_terraform_step, self._service, self._run)
                answer = patiently(take)
                if answer["deployment"]["status"] in FINAL_STATUSES:
                    self._finished = True
                    return
                if "step" in answer:
                    self._answer(answer["step"])
                else:
                    self._over.wait(_ASK_SECONDS)
        except TealError as error:
            # Somebody else has taken over, or no control plane has answered for long.
            self._finished = isinstance(error, AwsError)
            click.echo(f"terraform: {error}", err=True)

    def _answer(self, step: wire.TerraformStep) -> None:
        """Apply a step and tell how that ended."""
        error, retryable = "", False
        try:
            self._apply(step)
        except TerraformFailed as failed:
            error, retryable = str(failed), failed.retryable
        except (TealError, OSError) as refused:
            error = str(refused)
        except click.UsageError as refused:  # the file of variables is no text
            error = refused.format_message()
        patiently(
            partial(
                self._client.answer_terraform_step,
                self._service,
                self._run["holder"],
                step["number"],
                error,
                retryable,
            )
        )

    def _apply(self, step: wire.TerraformStep) -> None:
        """Write the values, and apply a plan that changes nothing else than the step's own. What
        was written is taken back if there is no such plan.
        """
        before = read_text(self._file, "--terraform") if self._file.exists() else None
        names = self._asked.names
        changed = variables.changed(self._values, names, self._service, step)
        if changed:
            _write(self._file, variables.merged(before or "", changed))
        try:
            with self._terraform.plan() as plan:
                self._refuse(step, plan.changes)
                self._values = plan.variables
                if plan.changes:
                    self._terraform.apply(plan)
        except TerraformFailed:
            raise
        except TealError:
            _restore(self._file, before)
            raise

    def _refuse(self, step: wire.TerraformStep, planned: list[plans.Change]) -> None:
        others = plans.strangers(planned, step, self._asked.allowed)
        if others:
            raise TealError(
                f"the plan changes what is not of this step: {_named(others)}; nothing was "
                "applied. --allow ADDRESS lets it change a resource nevertheless"
            )


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(text)
    os.replace(new, file)


def _restore(file: Path, before: str | None) -> None:
    if before is None:
        file.unlink(missing_ok=True)
    else:
        _write(file, before)


def _named(lines: Collection[str]) -> str:
    some = list(lines)[:_MOST_NAMED]
    more = len(lines) - len(some)
    return "; ".join(some) + (f"; and {more} more" if more else "")
