"""Commands that make a system and take it away: apply, delete."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli import completing
from tealmesh.cli.options import (
    Number,
    config_option,
    print_json,
    read_text,
    with_client,
    with_json,
)
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire

yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.command()
@config_option("The teal.toml to apply.")
@click.option("--plan", is_flag=True, help="Show what would change, and change nothing.")
@click.option(
    "--prune",
    is_flag=True,
    help="Remove the services and gateways that teal.toml no longer describes; asks first.",
)
@yes_option
@click.option(
    "--wait",
    "wait",
    type=Number(0, 3600),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until every task is healthy; 0 to not wait.",
)
@with_json
@with_client
def apply(
    config_file: Path,
    plan: bool,
    prune: bool,
    yes: bool,
    wait: float,
    as_json: bool,
    client: Client,
) -> None:
    """Create or update the system that teal.toml describes, and wait until it is healthy.

    Without --prune nothing is removed, and what teal.toml does not describe any more is named. The
    image of a running service is never changed: use `teal deploy`.
    """
    from tealmesh.cli.screens import changes

    read = _Read(config_file)
    if plan:
        planned = read.apply(client, plan=True)
        changes.show(planned["changes"], err=as_json)
        removed = _show_left_over(client, planned, err=as_json) if prune else []
        total = changes.counted([*planned["changes"], *removed], planned=True)
        click.echo(
            f"plan: {total}; nothing was changed" if total else "nothing would change", err=as_json
        )
        _say_rest(planned, prune, err=as_json)
        if as_json:
            print_json({**planned, "removals": removed})
        _refused(planned)
        return
    gone = _remove_gateways(client, read, yes, err=as_json) if prune else []
    applied = read.apply(client)
    if "changes" in applied:
        changes.show(applied["changes"], err=as_json)
        total = changes.counted(applied["changes"], planned=False)
        click.echo(
            total or "nothing to change: everything is as teal.toml describes it", err=as_json
        )
        _say_rest(applied, prune, err=as_json)
    else:  # A control plane that is older than this command.
        click.echo("\n".join(applied["summary"]), err=as_json)
    if prune:
        _remove_rest(client, applied, asked=bool(gone), err=as_json)
    if as_json:
        print_json(applied)
    _wait(client, applied, wait, err=as_json)
    _refused(applied)


class _Read:
    """A teal.toml that has been read and checked."""

    def __init__(self, file: Path) -> None:
        """Raises click.UsageError if it cannot be read, and ConfigError if it is wrong."""
        from tealmesh.model.config.parse import parse_applied

        self._text, self._file = read_text(file), str(file)
        self._directory = str(file.absolute().parent)
        parse_applied(self._text, self._file)

    def apply(self, client: Client, *, plan: bool = False) -> wire.ApplyOutput:
        return client.apply(self._text, self._file, self._directory, plan)


def _show_left_over(client: Client, planned: wire.ApplyOutput, *, err: bool) -> list[wire.Change]:
    """Print what pruning would delete, and return it."""
    from tealmesh.cli.system.removing import show_removal

    shown = [show_removal(client, name, err=err) for name in planned["leftOver"]]
    return [change for one in shown for change in one["changes"]]


def _remove_gateways(client: Client, read: _Read, yes: bool, *, err: bool) -> list[str]:
    """Show all that is to be removed, ask, and remove the gateways among it at once: the gateway
    that takes their place may want the same port. Returns the names of all that is to be removed.
    """
    from tealmesh.cli.system import removing

    planned = read.apply(client, plan=True)
    names = planned["leftOver"]
    if not names:
        return []
    shown = {name: removing.show_removal(client, name, err=err) for name in names}
    gateways = [name for name, one in shown.items() if one["kind"] == "gateway"]
    for name in names:
        removing.refuse_unfinished(client, name)
    if not removing.ask(f"Remove {', '.join(names)}?", yes, "teal apply --prune"):
        raise TealError("nothing was changed or removed")
    removing.remove(client, gateways, lambda line: click.echo(line, err=True), err=err)
    return names


def _remove_rest(client: Client, applied: wire.ApplyOutput, *, asked: bool, err: bool) -> None:
    """Remove the services that are left over, now that nothing of teal.toml calls them."""
    from tealmesh.cli.system import removing

    if asked:
        say = functools.partial(click.echo, err=True)
        removing.remove(client, applied["leftOver"], say, err=err)


def _say_rest(applied: wire.ApplyOutput, prune: bool, *, err: bool) -> None:
    for note in applied["notes"]:
        # What is pruned is removed first, and its port with it.
        if not (prune and applied["leftOver"] and note.startswith("as things are, ")):
            click.echo(note, err=err)
    if applied["leftOver"] and not prune:
        click.echo(
            f"no longer in teal.toml: {', '.join(applied['leftOver'])}: "
            "`teal apply --prune` removes what it does not describe",
            err=err,
        )


def _refused(applied: wire.ApplyOutput) -> None:
    """Raise TealError if something was not applied; the rest was."""
    from tealmesh.model.errors import TealError

    if applied.get("refused"):
        raise TealError("\n".join(applied["refused"]))


def _wait(client: Client, applied: wire.ApplyOutput, seconds: float, *, err: bool) -> None:
    """Wait until every task is healthy, and print where gateways listen."""
    from tealmesh.cli.following.ready import wait_ready

    names = {resource["name"] for resource in (*applied["services"], *applied["gateways"])}
    if not seconds or not names:
        return
    for gateway in wait_ready(client, names, seconds)["gateways"]:
        if gateway["name"] in names:
            click.echo(
                f"{gateway['name']}: http://{gateway['address']}:{gateway['port']}/", err=err
            )


@click.command()
@click.argument("name", shell_complete=completing.names)
@yes_option
@with_json
@with_client
def delete(name: str, yes: bool, as_json: bool, client: Client) -> None:
    """Drain and stop the tasks of a service or gateway, and delete everything that `teal apply`
    made for it. Nothing that others made is touched.

    Shows what will be deleted and what calls it, and asks. It is refused while a deployment runs.
    If it is interrupted, repeat it. `teal apply` makes the service anew as long as teal.toml
    describes it.
    """
    from tealmesh.cli.system import removing

    planned = removing.show_removal(client, name, err=as_json)
    removing.refuse_unfinished(client, name)
    if not removing.ask(f"Remove {name}?", yes, f"teal delete {name}"):
        raise TealError("nothing was removed")
    removing.remove(client, [name], functools.partial(click.echo, err=True), err=as_json)
    if as_json:
        print_json({**planned, "done": True})


COMMANDS = (apply, delete)
