"""`teal image` builds with whichever engine is there: programs that note what they are asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tealmesh.cli.main import teal
from tests.support.machine import REPOSITORY


def engine(directory: Path, name: str, code: int = 0) -> Path:
    """A program that appends its arguments to ``asked``."""
    asked = directory / "asked"
    program = directory / name
    program.write_text(f'#!/bin/sh\necho "$@" >> {asked}\nexit {code}\n')
    program.chmod(0o755)
    return asked


def invoke(directory: Path, *words: str, **environment: str) -> Result:
    given = {"PATH": str(directory), "DOCKER_HOST": "", "CONTAINER_HOST": "", **environment}
    return CliRunner().invoke(teal, ["image", *words], env=given)


@pytest.mark.parametrize(
    ("which", "name"),
    [("envoy", "localhost/tealmesh-envoy:local"), ("control-plane", "registry.example/teal:1")],
)
def test_docker_builds_tags_and_pushes(tmp_path: Path, which: str, name: str) -> None:
    asked = engine(tmp_path, "docker")
    engine(tmp_path, "podman")
    pushed = "registry.example/teal:1"
    done = invoke(tmp_path, which, "--base", "python:3.13", "--tag", name, "--push", pushed)
    assert done.exit_code == 0, done.output
    lines = asked.read_text().splitlines()
    file = REPOSITORY / "images" / which / "Containerfile"
    assert lines[0] == (
        f"build --file {file} --build-arg BASE=python:3.13 --tag {name} {REPOSITORY}"
    )
    assert lines[1:] == [*([f"tag {name} {pushed}"] if name != pushed else []), f"push {pushed}"]


def test_podman_where_it_is_told_to_be(tmp_path: Path) -> None:
    asked = engine(tmp_path, "podman")
    done = invoke(tmp_path, "envoy", "--base", "b:1", DOCKER_HOST="unix:///run/p.sock")
    assert done.exit_code == 0, done.output
    assert asked.read_text().startswith("--url unix:///run/p.sock build --file ")
    assert "--format docker" in asked.read_text()


def test_what_cannot_be_done_is_one_line(tmp_path: Path) -> None:
    nothing = invoke(tmp_path, "envoy", "--base", "b:1")
    assert "neither `docker` nor `podman` is on PATH" in str(nothing.exception)
    engine(tmp_path, "docker", code=3)
    failed = invoke(tmp_path, "envoy", "--base", "b:1")
    assert "has failed with exit code 3" in str(failed.exception)
    elsewhere = invoke(tmp_path, "envoy", "--source", str(tmp_path))
    assert "is not a checkout of Tealmesh" in str(elsewhere.exception)


def test_an_image_that_teal_up_would_not_know_is_told(tmp_path: Path) -> None:
    engine(tmp_path, "docker")
    done = invoke(tmp_path, "envoy", "--push", "registry.example/proxy:1")
    assert "knows Envoy by tealmesh-envoy" in done.output
