"""Commands about `teal` itself: version, help, env, completion, schema."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

import tealmesh
from tealmesh import __version__
from tealmesh.cli.mistyped import Commands
from tealmesh.cli.options import with_client, with_json
from tealmesh.model.errors import NoControlPlane

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.cli.signing import Keys

APIS = ("appmesh", "ecs", "servicediscovery", "elbv2", "application-autoscaling", "xray")
"""Those of AWS that we implement, as botocore names its models."""
SHELLS = ("bash", "zsh", "fish")


@click.command()
@with_json
@with_client
def version(as_json: bool, client: Client) -> None:
    """The versions of `teal`, Python and Envoy, of the APIs that it speaks, by AWS's models, and
    of the control plane that answers.
    """
    import platform

    from tealmesh.cli.checks import check_envoy

    envoy = check_envoy()
    lines = {
        "teal": __version__,
        "python": platform.python_version(),
        "envoy": envoy.detail,
        "APIs": _models(),
        "control plane": "",
    }
    try:
        health = client.health()
        lines["control plane"] = f"{health.version} at {client.endpoint}"
        if health.version != __version__:
            lines["control plane"] += f" (this is {__version__}: restart it with `teal up`)"
    except NoControlPlane as error:
        lines["control plane"] = str(error)
    if as_json:
        click.echo(json.dumps(lines, indent=2))
        return
    for name, text in lines.items():
        click.echo(f"{name}{':' if name in ('APIs', 'control plane') else ''} {text}")


def _models() -> str:
    """``appmesh 2019-01-25, … (botocore 1.44.5), tealmesh 2026-11-01``. Nothing is imported."""
    from importlib.metadata import version as version_of
    from importlib.util import find_spec

    def newest(directory: Path) -> str:
        versions = sorted(one.name for one in directory.iterdir() if one.name[:1].isdigit())
        return f"{directory.name} {versions[-1]}"

    spec = find_spec("botocore")
    places = spec.submodule_search_locations if spec else None
    found = [newest(Path(place) / "data" / api) for place in places or () for api in APIS]
    ours = newest(Path(tealmesh.__file__).parent / "aws" / "models" / "tealmesh")
    return f"{', '.join(found)} (botocore {version_of('botocore')}), {ours}"


@click.command("help")
@click.argument("command", nargs=-1)
@click.pass_context
def help_(context: click.Context, command: tuple[str, ...]) -> None:
    """What COMMAND does, or all commands."""
    at = context.find_root()
    for word in command:
        group = at.command
        if not isinstance(group, Commands):
            raise click.UsageError(f"`{at.command_path}` has no commands of its own", at)
        found = group.get_command(at, word) or group.fail_unknown(at, word)
        at = click.Context(found, at, info_name=word)
    click.echo(at.get_help())


@click.command()
@click.option(
    "--shell",
    type=click.Choice(["sh", "bash", "zsh", "fish"]),
    help="The shell to quote for (default: $SHELL).",
)
@click.option("--unset", is_flag=True, help="Print the lines that unset these variables.")
@click.option(
    "--terraform",
    metavar="VERSION",
    type=click.IntRange(3, 9),
    help="Print an override file for this major version of the AWS provider instead.",
)
@click.option(
    "--alias",
    multiple=True,
    metavar="NAME",
    help="With --terraform: for the provider with this alias too, such as our modules' mesh.",
)
@with_json
@with_client
def env(
    shell: str | None,
    unset: bool,
    terraform: int | None,
    alias: tuple[str, ...],
    as_json: bool,
    client: Client,
) -> None:
    """The variables with which the AWS CLI, boto3 and Terraform reach the control plane.

    Use them with eval "$(teal env)"; in fish, with teal env | source. A Terraform configuration
    with a provider "aws" block needs no change beside `teal env --terraform 5 > teal_override.tf`.
    """
    if terraform is None and alias:
        raise click.UsageError("--alias goes with --terraform VERSION alone")
    from tealmesh.cli.names import refuse_no_name

    for one in alias:
        refuse_no_name("--alias", one)
    if terraform is not None:
        from tealmesh.cli.screens.terraform import override

        click.echo("\n".join(override(client.endpoint, terraform, alias)))
        return
    variables = environment(client.endpoint, keys_at(client))
    if as_json:
        click.echo(json.dumps(variables, indent=2))
        return
    fish = (shell or Path(os.environ.get("SHELL", "")).name) == "fish"
    for name, value in variables.items():
        click.echo(_line(name, None if unset else value, fish=fish))


def keys_at(client: Client) -> Keys | None:
    """The owner's keys of the control plane that answers; None if none does, or if they are not
    for us.
    """
    from tealmesh.cli.signing import owner_keys

    try:
        directory = client.health().data_dir
    except NoControlPlane:
        return None
    return owner_keys(Path(directory)) if directory else None


def environment(endpoint: str, keys: Keys | None = None) -> dict[str, str]:
    """The variables for SDKs and for `teal` itself. Without ``keys`` those that any program on this
    machine may use that runs as the user of the control plane, which needs none.
    https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
    """
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": keys.id if keys else "test",
        "AWS_SECRET_ACCESS_KEY": keys.secret if keys else "test",
        # Those of other keys do not go with these; older tools read the second.
        "AWS_SESSION_TOKEN": "",
        "AWS_SECURITY_TOKEN": "",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        # DiscoverInstances would go to the host data-127.0.0.1, which does not resolve.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "TEAL_ENDPOINT": endpoint,
    }


def _line(name: str, value: str | None, *, fish: bool) -> str:
    import shlex

    if value is None:
        return f"set -e {name}" if fish else f"unset {name}"
    if fish:
        # https://fishshell.com/docs/current/language.html#quotes
        quoted = "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        return f"set -gx {name} {quoted}"
    return f"export {name}={shlex.quote(value)}"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes `teal` commands in SHELL.

    \b
    bash: echo 'eval "$(teal completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(teal completion zsh)"' >> ~/.zshrc
    fish: teal completion fish > ~/.config/fish/completions/teal.fish
    """
    from click.shell_completion import get_completion_class

    if found := get_completion_class(shell):
        click.echo(found(context.find_root().command, {}, "teal", "_TEAL_COMPLETE").source())


@click.command()
def schema() -> None:
    """Print the JSON Schema of teal.toml, for editors that complete and check it.

    \b
    teal schema > teal.schema.json
    Then let teal.toml begin with:  #:schema ./teal.schema.json
    """
    from tealmesh.model.config.schema import schema as whole

    click.echo(json.dumps(whole(), indent=2))


COMMANDS = (version, help_, env, completion, schema)
