"""What commands do with `--group` in place of SERVICE."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from tealmesh.cli.following import watching
from tealmesh.cli.following.ending import Ending, say_that_it_runs
from tealmesh.cli.options import print_json
from tealmesh.model.errors import AwsError, TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire


def deploy(
    client: Client,
    group: str,
    images: Mapping[str, str],
    *,
    force: bool,
    plan: bool,
    ending: Ending,
) -> None:
    """Deploy several services together."""
    if plan:
        _plan(client, group, images, force, ending.as_json)
        return
    try:
        answer = client.deploy_group(group, images, uuid.uuid4().hex, force)
    except AwsError as error:
        say_that_it_runs(error, ending)
        return
    for note in answer["notes"]:
        click.echo(f"note: {note}", err=True)
    _end(client, answer["groupDeployment"], ending)


def _plan(
    client: Client, group: str, images: Mapping[str, str], force: bool, as_json: bool
) -> None:
    answer = client.plan_group(group, images, force)
    if as_json:
        print_json(answer)
    else:
        from tealmesh.cli.groups.screens import plan_view
        from tealmesh.cli.screens.render import console

        out = console()
        out.print(plan_view(answer, out.width))
    refused = [
        f"{plan['service']}: {one['detail']}"
        for plan in answer["plans"]
        for one in plan["known"]
        if one["bearing"] == "refused"
    ]
    if refused:
        raise TealError(f"group {group}: it would be refused: {'; '.join(refused)}")


def approve(group: str, ending: Ending, client: Client) -> None:
    _end(client, client.approve_group(group), ending)


def promote(group: str, full: bool, ending: Ending, client: Client) -> None:
    _end(client, client.promote_group(group, full), ending)


def pause(group: str, as_json: bool, client: Client) -> None:
    paused = client.pause_group(group)
    if as_json:
        print_json(paused)
        return
    click.echo(
        f"group {group}: paused in {paused['state']}; no weight grows: `teal resume --group "
        f"{group}` goes on, `teal abort --group {group}` goes back"
    )


def resume(group: str, take_over: bool, ending: Ending, client: Client) -> None:
    if take_over:
        raise click.UsageError(
            "--take-over and --group: take over the service that is held, by its name"
        )
    resumed = client.resume_group(group)
    back = resumed["status"].startswith("ROLLBACK")
    _end(client, resumed, ending, "ROLLBACK_SUCCESSFUL" if back else "SUCCESSFUL")


def abort(group: str, give_up: bool, ending: Ending, client: Client) -> None:
    g = client.abort_group(group, give_up)
    back = not give_up and g["kind"] == "DEPLOY"
    _end(client, g, ending, "ROLLBACK_SUCCESSFUL" if back else "STOPPED")


def retry(group: str, ending: Ending, client: Client) -> None:
    _end(client, client.retry_group(group, uuid.uuid4().hex), ending)


def rollback(
    group: str, revision: int | None, gradual: bool, ending: Ending, client: Client
) -> None:
    if revision is not None:
        raise click.UsageError(f"{revision} and --group: a group goes back to what was before")
    answer = client.rollback_group(group, gradual)
    if "message" in answer:
        if ending.as_json:
            print_json(answer)
        else:
            click.echo(answer["message"])
        return
    g = answer["groupDeployment"]
    _end(client, g, ending, "SUCCESSFUL" if g["kind"] == "ROLLBACK" else "ROLLBACK_SUCCESSFUL")


def explain(
    group: str,
    deployment: str | None,
    windows: bool,
    callers: bool,
    as_json: bool,
    client: Client,
) -> None:
    if windows:
        raise click.UsageError("--windows and --group: a service has windows, so give its name")
    if callers:
        raise click.UsageError("--callers and --group: a service has callers, so give its name")
    g = client.get_group_deployment(group, deployment)
    if as_json:
        print_json(g)
        return
    from tealmesh.cli.groups.screens import explained_view
    from tealmesh.cli.screens.render import console

    console().print(explained_view(g))


def status(group: str, watch: bool, as_json: bool, client: Client) -> None:
    """``watch``: again and again, as JSON; `cli.live` does it for people."""

    def found() -> tuple[wire.GroupDeployment | None, wire.Group | None]:
        """Its newest deployment, and what the settings say of it."""
        known = next((g for g in client.list_groups() if g["name"] == group), None)
        return (known.get("latest") if known else client.get_group_deployment(group)), known

    if as_json:
        watching.show_json(lambda: next(filter(None, found()), None), watch)
        return
    from tealmesh.cli.groups.screens import group_view
    from tealmesh.cli.screens.render import console

    latest, known = found()
    if latest is not None:
        console().print(group_view(latest))
        return
    services = known["services"] if known else []
    click.echo(f"group {group} ({', '.join(services)}): not deployed yet")


def history(group: str, deployment: str | None, number: int, as_json: bool, client: Client) -> None:
    listed = client.list_group_deployments(group)
    if deployment is not None:
        listed = [g for g in listed if g["groupDeploymentId"].startswith(deployment)]
    if as_json:
        print_json(listed[:number])
        return
    from tealmesh.cli.groups.screens import history_table
    from tealmesh.cli.screens.render import console

    if not listed:
        click.echo(f"group {group}: no deployments yet")
        return
    console().print(history_table(listed[:number]))


def _end(
    client: Client, g: wire.GroupDeployment, ending: Ending, wanted: str = "SUCCESSFUL"
) -> None:
    from tealmesh.cli.groups.following import follow_or_report

    follow_or_report(client, g, ending, (wanted,))
