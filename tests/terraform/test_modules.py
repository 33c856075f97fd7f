"""The modules: valid, tested with mocks, and applied to `teal up` by the real provider."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import free_port
from tests.support.planes.control_plane import control_plane
from tests.support.planes.sample import IMAGES, finished
from tests.support.programs.terraform import (
    NO_TERRAFORM,
    Terraform,
    provider_running,
    terraform_binary,
)
from tests.support.programs.traffic import traffic

TERRAFORM = Path(__file__).parents[2] / "terraform"
MODULES = sorted(path.parent for path in TERRAFORM.glob("modules/*/versions.tf"))

BLOCKS = re.MULTILINE | re.DOTALL

pytestmark = pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM)


def test_the_two_modules_of_a_service_differ_in_who_owns_the_weights_alone() -> None:
    make = runpy.run_path(str(TERRAFORM / "modules" / "make_rollouts.py"))
    there = TERRAFORM / "modules" / "bluegreen-service-rollouts"
    assert {p.name: p.read_text() for p in there.glob("*.tf")} == make["files"]()


def test_they_are_formatted() -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", str(TERRAFORM)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with provider_running() as made:
        yield made


@pytest.mark.parametrize("module", MODULES, ids=[path.name for path in MODULES])
def test_all_that_a_module_takes_and_gives_is_described(module: Path) -> None:
    """As a registry shows it: https://developer.hashicorp.com/terraform/language/modules/publish"""
    for name in ("variables.tf", "outputs.tf"):
        blocks = re.findall(
            r'^(?:variable|output) "(\w+)" {\n(.*?)^}', (module / name).read_text(), BLOCKS
        )
        assert blocks, name
        for named, body in blocks:
            described = re.search(r'^  description = "(.+)"$', body, re.MULTILINE)
            assert described, f"{name}: {named}"
            assert name == "outputs.tf" or "  type" in body, f"{name}: {named}"


@pytest.mark.parametrize("module", MODULES, ids=[path.name for path in MODULES])
def test_a_module_is_valid_and_does_what_its_tests_say(
    module: Path, provider: str, tmp_path: Path
) -> None:
    shutil.copytree(TERRAFORM, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform*"))
    directory = tmp_path / "terraform" / "modules" / module.name
    it = Terraform(directory, provider=provider).init()
    # Terraform has no root whose providers somebody else configures.
    providers = it.directory / "providers.tf"
    if "configuration_aliases" in (it.directory / "versions.tf").read_text():
        providers.write_text('provider "aws" {\n  alias = "mesh"\n}\n')
    assert "The configuration is valid" in it.run("validate", "-no-color").stdout
    providers.unlink(missing_ok=True)
    printed = it.run("test", "-no-color").stdout
    assert " 0 failed" in printed
    assert "Success! 0 passed" not in printed


@pytest.mark.drill
@pytest.mark.timeout(600)
def test_the_example_is_released_both_ways_and_changes_its_mode_under_load(tmp_path: Path) -> None:
    """The four steps by variables; then `teal deploy`, during and after which a plan is empty; then
    Terraform owns the weights again. No request is lost.
    """
    shutil.copytree(TERRAFORM, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform*"))
    directory = tmp_path / "terraform" / "examples" / "shop"
    config = tmp_path / "teal.toml"
    config.write_text(images() + STRATEGY)
    with control_plane(tmp_path, config) as plane, provider_running() as provider:
        port = free_port()
        override = plane.teal("env", "--terraform", "3", "--alias", "mesh").stdout
        (directory / "teal_override.tf").write_text(override)
        shop = Terraform(directory, {"gateway_port": port}, provider).init()
        shop.apply()
        assert shop.changes() == ""
        with traffic((f"http://127.0.0.1:{port}/", 100.0)) as load:
            for step in FOUR_STEPS:
                shop.apply(**step)
            assert shop.changes() == ""
            owned_by(directory, "bluegreen-service-rollouts")
            shop.run("init")
            shop.apply()
            plane.teal("deploy", "web", "--image", "example/sample:0.0.1", "--no-follow")
            assert shop.changes() == "", "during a deployment"
            assert finished(plane, timeout=120)["status"] == "SUCCESSFUL"
            assert shop.changes() == "", "after it"
            total = load.stop()
    assert not total.failures, total
    assert total.sent > 1000


def images() -> str:
    lines = [f"{json.dumps(name)} = {json.dumps(command)}" for name, command in IMAGES.items()]
    return "\n".join(["[images]", *lines, ""])


STRATEGY = """
[adopted.web.strategy]
steps = [50, 100]
step_time = "2s"
bake_time = "2s"

[adopted.web.gates]
min_requests = 20
"""


def side(is_active: bool, weight: int, version: int) -> dict[str, Any]:
    return {"is_active": is_active, "weight": weight, "image": f"example/sample:0.0.{version}"}


FOUR_STEPS = (
    {"green": side(True, 0, 2)},
    {"green": side(True, 1, 2)},
    {"blue": side(True, 0, 1)},
    {"blue": side(False, 0, 1)},
)


def owned_by(directory: Path, module: str) -> None:
    """Change the source of the service's module."""
    main = directory / "main.tf"
    text = main.read_text()
    assert text.count('"../../modules/bluegreen-service"') == 1
    main.write_text(text.replace('modules/bluegreen-service"', f'modules/{module}"'))
