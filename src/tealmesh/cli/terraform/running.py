"""Terraform in a directory: plans and applies, as whoever runs `teal` would by hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tealmesh.cli.terraform import plans
from tealmesh.model.errors import TealError, TerraformFailed

_LOCKED = "Error acquiring the state lock"
_MOST_CHARACTERS = 600


@dataclass(frozen=True)
class Plan:
    """A plan that has been made and can be applied."""

    file: Path
    changes: list[plans.Change]
    variables: dict[str, object]
    """The values of the root module's variables."""


class Terraform:
    """The configuration of a directory, with the state, the credentials and the workspace that
    Terraform finds there and in the environment. Raises TerraformFailed.
    """

    def __init__(self, directory: Path, option: str = "--terraform") -> None:
        """``option``: the one that says ``directory``."""
        program = shutil.which("terraform")
        if program is None:
            raise TealError(f"there is no `terraform` on PATH, which {option} needs")
        if not any(directory.glob("*.tf")) and not any(directory.glob("*.tf.json")):
            raise TealError(f"{option} {directory}: no configuration (*.tf) is there")
        self._program, self.directory = program, directory

    @contextmanager
    def plan(self) -> Iterator[Plan]:
        """What an apply would do now. The plan, which has secrets, is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="teal-plan-") as private:
            file = Path(private, "plan")
            self._run("plan", "-input=false", "-no-color", f"-out={file}")
            plan = _plan_of(self._run("show", "-json", str(file)))
            yield Plan(file, plans.changes(plan), plans.variables(plan))

    def apply(self, plan: Plan) -> None:
        """Apply a plan, which has not to be older than the state."""
        self._run("apply", "-input=false", "-no-color", str(plan.file))

    def shown(self) -> str:
        """The state as JSON."""
        return self._run("show", "-json")

    def _run(self, *arguments: str) -> str:
        # In a session of its own: Ctrl-C ends the following, and no apply in its middle.
        done = subprocess.run(
            [self._program, *arguments],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if done.returncode:
            raise TerraformFailed(
                f"`terraform {arguments[0]}` in {self.directory}: {told(done.stderr)}",
                retryable=_LOCKED in done.stderr,
            )
        return done.stdout


def found_version() -> tuple[int, int] | None:
    """Major and minor version of the Terraform on PATH; None if there is none that tells."""
    program = shutil.which("terraform")
    if program is None:
        return None
    done = subprocess.run(
        [program, "version", "-json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    match = re.search(r'"terraform_version": *"(\d+)\.(\d+)', done.stdout)
    return (int(match.group(1)), int(match.group(2))) if match else None


def _plan_of(text: str) -> Mapping[str, object]:
    """What `terraform show -json` printed. Raises TerraformFailed if that is no plan, as of a
    program of that name which is another one.
    """
    try:
        shown: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        said = f"`terraform show -json` printed no JSON: {error}"
        raise TerraformFailed(said, retryable=False) from error
    if not isinstance(shown, dict) or "format_version" not in shown:
        raise TerraformFailed("`terraform show -json` printed no plan", retryable=False)
    return shown


def told(stderr: str) -> str:
    """What Terraform says is wrong, in one line."""
    plain = re.sub("[╷│╵]", " ", re.sub(r"\x1b\[[0-9;]*m", "", stderr))
    errors = re.findall(r"Error: (.*?)(?=\n\s*Error: |\Z)", plain, re.DOTALL)
    text = "; ".join(" ".join(error.split()) for error in errors) or " ".join(plain.split())
    return text[:_MOST_CHARACTERS] or "it failed and said nothing"
