"""The options with which a command makes the changes of a deployment with Terraform."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from tealmesh.cli.options import config_option, read_text

if TYPE_CHECKING:
    from tealmesh.cli.terraform.driving import Asked

F = TypeVar("F", bound=Callable[..., Any])


def with_terraform(command: F) -> F:
    """Add --terraform, --resume, --allow and --config, which pass ``by`` to the command: None
    without --terraform.
    """

    @functools.wraps(command)
    def with_asked(
        *,
        terraform: Path | None,
        resume: bool,
        allow: tuple[str, ...],
        config_file: Path,
        **rest: Any,
    ) -> Any:
        if terraform is None and (resume or allow):
            raise click.UsageError("--resume and --allow go with --terraform DIR alone")
        by = None if terraform is None else _asked(terraform, config_file, allow, resume=resume)
        return command(by=by, **rest)

    for option in (
        config_option("The teal.toml whose [terraform] has the names of the variables."),
        click.option(
            "--allow",
            multiple=True,
            metavar="ADDRESS",
            help="With --terraform: a further resource that its steps may change.",
        ),
        click.option(
            "--resume",
            is_flag=True,
            help="With --terraform: continue the running deployment, in place of whoever ran"
            " Terraform for it.",
        ),
        click.option(
            "--terraform",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            metavar="DIR",
            help="Terraform owns the weights: make each change by a `terraform apply` in DIR,"
            " on this machine.",
        ),
    ):
        option(with_asked)
    return cast(F, with_asked)


def _asked(directory: Path, config: Path, allowed: tuple[str, ...], *, resume: bool) -> Asked:
    from tealmesh.cli.terraform.driving import Asked
    from tealmesh.model.config.nouns import TerraformNames
    from tealmesh.model.config.parse import parse_additions

    names = TerraformNames()
    if config.exists():
        names = parse_additions(read_text(config), str(config)).terraform
    return Asked(directory, names, allowed, resume)
