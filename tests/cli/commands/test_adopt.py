"""adopt and terraform vars: what they request and print."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from tests.cli.command_line import DEPLOYMENT, assert_one_line, teal
from tests.cli.teal_api import TealApi

SERVICE: dict[str, Any] = {
    "name": "sample",
    "mesh": "m",
    "hostname": "sample.m.local",
    "container": "app",
    "sides": [
        {"side": "blue", "virtualNode": "sample-blue", "exists": False, "weight": 0},
        {
            "side": "green",
            "virtualNode": "sample-green",
            "exists": True,
            "cluster": "c",
            "ecsService": "c-sample-green",
            "taskDefinition": "arn:aws:ecs:us-east-1:1:task-definition/sample-green:3",
            "image": "example/${sample}:2",
            "weight": 100,
        },
    ],
}
NAMES = """
[terraform]
weight = "{side}_weight"
image = "app_image_{side}"
active = "{side}_is_active"
virtual_node = 'node.side["{side}"]'
task_definition = "definition.{service}_{side}"
"""


def described(api: TealApi, *deployments: dict[str, Any]) -> None:
    api.operations["Adopt"] = lambda body: {"service": SERVICE}
    api.operations["GetService"] = lambda body: {"service": SERVICE}
    api.operations["ListDeployments"] = lambda body: {"deployments": list(deployments)}


def test_adopt_tells_and_shows(api: TealApi) -> None:
    described(api)
    done = teal(
        "adopt", "sample", "--side", "green=c/x", "--node", "green=n", "--node", "blue=o",
        "--clean-up", "stop", "--route", "web", "--route", "api", endpoint=api.endpoint,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert api.requests("Adopt") == [
        {
            "service": "sample",
            "sides": {
                "green": {"ecsService": "c/x", "virtualNode": "n"},
                "blue": {"virtualNode": "o"},
            },
            "routes": ["web", "api"],
            "cleanUp": "stop",
        }
    ]
    lines = done.stdout.splitlines()
    assert lines[0] == "sample: sample.m.local in mesh m"
    assert lines[2].endswith("weight 0, made by the next deployment")
    assert "virtual node sample-green, ECS service c/c-sample-green, weight 100" in lines[3]
    wrong = teal("adopt", "sample", "--side", "green", endpoint=api.endpoint)
    assert wrong.returncode == 2
    assert "--side green: must be SIDE=[CLUSTER/]ECS_SERVICE" in wrong.stderr


def test_terraform_vars_and_commands(api: TealApi, tmp_path: Path) -> None:
    described(api, {**DEPLOYMENT, "status": "SUCCESSFUL"})
    config = tmp_path / "teal.toml"
    config.write_text(NAMES)
    asked = ("terraform", "vars", "sample", "--config", str(config))
    done = teal(*asked, endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    variables, _, commands = done.stdout.partition("\n\n")
    assert variables.splitlines() == [
        "blue_is_active = false",
        "blue_weight = 0",
        "green_is_active = true",
        "green_weight = 100",
        'app_image_green = "example/$${sample}:2"',
    ]
    assert [shlex.split(line)[1:] for line in commands.splitlines()] == [
        [
            "state",
            "rm",
            'node.side["blue"]',
            "definition.sample_blue",
            'node.side["green"]',
            "definition.sample_green",
        ],
        ["import", 'node.side["green"]', "m/sample-green"],
        [
            "import",
            "definition.sample_green",
            "arn:aws:ecs:us-east-1:1:task-definition/sample-green:3",
        ],
    ]
    only = teal(*asked, "--only", "commands", endpoint=api.endpoint)
    assert only.stdout == commands


def test_terraform_vars_needs_names_and_a_finished_deployment(api: TealApi, tmp_path: Path) -> None:
    config = tmp_path / "teal.toml"
    config.write_text("[images]\n")
    asked = ("terraform", "vars", "sample", "--config", str(config))
    assert_one_line(
        teal(*asked, endpoint=api.endpoint),
        f"teal: {config} has no [terraform]: give the names of your variables there, such as "
        'weight = "{side}_weight"',
    )
    described(api, {**DEPLOYMENT, "status": "IN_PROGRESS"})
    config.write_text(NAMES)
    assert_one_line(
        teal(*asked, endpoint=api.endpoint),
        "teal: a deployment of sample is running: wait until it has finished",
    )
