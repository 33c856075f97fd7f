"""What `teal --help` lists: the commands by section, what is needed first comes first.

The line that says what a command does stands here, and not at the command, so that `teal --help`
and a shell that completes import no command: that would take three times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Listed(NamedTuple):
    """A command of `teal`."""

    module: str
    """Where it is, below `cli.commands`."""
    summary: str
    """What it does, in one line."""


SECTIONS: dict[str, dict[str, Listed]] = {
    "Begin": {
        "init": Listed("init", "Write a teal.toml to begin with."),
        "up": Listed("plane.run", "Start the control plane."),
        "apply": Listed("apply", "Create or update the system that teal.toml describes."),
        "load": Listed("load", "Send requests at a steady rate, and summarize the answers."),
        "down": Listed("plane.run", "Drain and stop every task, then stop the control plane."),
        "demo": Listed("demo", "Watch two deployments under load."),
        "doctor": Listed("look", "Check this machine and the control plane."),
    },
    "Deploy": {
        "deploy": Listed("deploy", "Deploy another image to SERVICE, step by step."),
        "rollback": Listed("back", "Go back to SERVICE's previous version, at once."),
        "abort": Listed("back", "End the running deployment of SERVICE."),
        "pause": Listed("steer", "Keep SERVICE's deployment at its present weight."),
        "resume": Listed("back", "Continue the held or paused deployment of SERVICE."),
        "promote": Listed("steer", "Skip the rest of the step that SERVICE's deployment is in."),
        "approve": Listed("deploy", "Continue the deployment of SERVICE that waits for approval."),
        "retry": Listed("steer", "Start SERVICE's failed deployment again."),
        "weights": Listed("deploy", "Set the weights of SERVICE's sides."),
        "lock": Listed("steer", "Refuse new deployments of SERVICE."),
        "unlock": Listed("steer", "Allow deployments of SERVICE again."),
        "rehearse": Listed("demo", "Deploy faulty versions, to see them rolled back."),
    },
    "Look": {
        "status": Listed("look", "Services, gateways, tasks: everything, and its traffic."),
        "explain": Listed("explain", "Why a deployment is where it is, and what comes next."),
        "history": Listed("look", "Deployments, one line each, or one of them with its details."),
        "evidence": Listed("explain", "Everything a deployment was decided on, as JSON or a page."),
        "backtest": Listed("explain", "What other gates would have said of past deployments."),
        "open": Listed("plane.page", "Open the page in a browser."),
        "logs": Listed("logs", "The latest log lines of an application."),
        "events": Listed("look", "What changed, when, and who changed it."),
        "envoys": Listed("look", "Every Envoy and the revision that it runs."),
        "mesh": Listed("mesh", "A mesh: what it has, and how requests get through it."),
        "traces": Listed("traces", "What requests did, hop by hop."),
        "lint": Listed("lint", "What is odd or risky in teal.toml, or in what is deployed."),
    },
    "What Terraform and others made": {
        "adopt": Listed("adopt", "Say how a SERVICE that others made is deployed."),
        "terraform": Listed("adopt", "Variables and `moved` blocks for your Terraform."),
        "env": Listed("about", "Variables for the AWS CLI, SDKs and Terraform."),
        "models": Listed("models", "What the AWS CLI and boto3 know of the APIs."),
        "import": Listed("migrate", "Create a mesh from what describes it elsewhere."),
        "export": Listed("migrate", "Write a mesh as Terraform or AWS CLI input."),
    },
    "Remove": {
        "delete": Listed("apply", "Remove a service or gateway of teal.toml."),
        "reset": Listed("plane.reset", "Stop everything, and delete the state."),
    },
    "In production": {
        "serve": Listed("plane.serve", "Run a control plane in production."),
        "database": Listed("plane.database", "Prepare, check, back up or restore a database."),
    },
    "Envoys, images and who may call": {
        "envoy": Listed("envoy", "Envoys that you run yourself."),
        "image": Listed("image", "Make images for Docker or Podman."),
        "credentials": Listed("plane.credentials", "Keys for the API: show, issue and revoke."),
        "token": Listed("plane.page", "Tokens for programs that read the page's data."),
        "keys": Listed("plane.keys", "The secrets that tokens are signed with."),
    },
    "About teal": {
        "help": Listed("about", "What COMMAND does, or all commands."),
        "version": Listed("about", "The versions of everything that answers."),
        "completion": Listed("about", "Print a script that completes commands."),
        "schema": Listed("about", "Print the JSON Schema of teal.toml, for editors."),
    },
}


def listed() -> Iterator[tuple[str, Listed]]:
    """All commands, by name."""
    for commands in SECTIONS.values():
        yield from commands.items()
