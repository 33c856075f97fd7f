"""Runs the README's ```sh blocks in order, in a fresh clone: `python docs/readme.py`.

Each section runs in the clone, by one bash that ends at the first command that fails. Where the
README's ports are in use on this machine, free ones take their place.

`--sections WORDS…`: only the sections whose headings contain one of these words. `--quick`: with
short steps. `--without-deployments`: what takes long is left out. Without Terraform, its section is
skipped, and it is said.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PORTS = {4566: "API", 18000: "Envoys", 4580: "load balancers", 9080: "gateway"}
TERRAFORM = "Terraform"


def blocks(text: str) -> dict[str, str]:
    """The commands of each section that has any, by its heading."""
    found: dict[str, str] = {}
    heading, inside = "", False
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("```"):
            inside = line == "```sh"
        elif inside:
            found[heading] = found.get(heading, "") + line + "\n"
    return found


def taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def at_gateway(port: int) -> str:
    """The command that gives the gateway in the teal.toml of `teal init` this port, whichever it
    has: it avoids a port that is in use.
    """
    return f"sed -i -E 's/^port = 90[0-9]+/port = {port}/' teal.toml"


def adapted(script: str, ports: dict[int, int], *, quick: bool) -> str:
    """The commands with other ports, and with shorter times if ``quick``."""
    api, xds, lb, gateway = (ports[port] for port in PORTS)
    change = f"sed -i 's/9080/{gateway}/'"
    if ports != {port: port for port in PORTS}:
        options = f"--port {api} --xds-port {xds} --lb-port {lb}"
        script = re.sub(r"^(teal up -d)", rf"\1 {options}", script, flags=re.MULTILINE)
        script = re.sub(
            r"^cd examples/terraform$",
            f"{change} examples/terraform/*.tf\ncd examples/terraform",
            script,
            flags=re.MULTILINE,
        )
        script = re.sub(
            r"^(teal init.*)$", rf"\1\n{at_gateway(gateway)}", script, flags=re.MULTILINE
        )
        script = script.replace(":9080", f":{gateway}").replace(":4566", f":{api}")
    if quick:
        short = 'sed -i -E \'s/^(step|bake)_time = "5s"/\\1_time = "1s"/\' teal.toml'
        first = re.compile(r"^teal up -d", re.MULTILINE)
        script = first.sub(lambda found: f"{short}\n{found[0]}", script, count=1)
    return script


def terraform_settings(directory: Path) -> dict[str, str]:
    """Settings with which Terraform takes the provider that the tests have fetched, if they have:
    the registry may be out of reach.
    """
    mirror = Path(sys.prefix) / "terraform" / "mirror"
    if not mirror.is_dir():
        return {}
    file = directory / "cli.tfrc"
    file.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
    )
    return {"TF_CLI_CONFIG_FILE": str(file), "CHECKPOINT_DISABLE": "1"}


def run(heading: str, script: str, clone: Path, environment: dict[str, str]) -> bool:
    """Whether all commands of a section succeeded."""
    print(f"=== {heading}", flush=True)
    whole = f"set -euo pipefail; set -m; set -v\n{script}"
    done = subprocess.run(["bash", "-c", whole], cwd=clone, env=environment, check=False)
    if done.returncode:
        for directory in (
            environment["XDG_STATE_HOME"] + "/tealmesh",
            str(clone.parent / "article"),
        ):
            if Path(directory).is_dir():
                down = ["teal", "down", "--data-dir", directory]
                subprocess.run(down, env=environment, check=False, stdout=subprocess.DEVNULL)
    print(f"=== {heading}: {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
    return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sections", nargs="*", default=[""])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--without-deployments", action="store_true")
    arguments = parser.parse_args()
    sections = {
        heading: script
        for heading, script in blocks((ROOT / "README.md").read_text()).items()
        if any(word in heading for word in arguments.sections)
    }
    if not sections:
        sys.exit("no such section")
    busy = any(taken(port) for port in PORTS)
    ports = {port: free_port() if busy else port for port in PORTS}
    results = []
    with tempfile.TemporaryDirectory(prefix="teal-readme-") as directory:
        clone = Path(directory) / "clone"
        if (ROOT / ".git").exists():
            subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        else:  # An unpacked archive.
            shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(".venv", "build", ".*cache"))
        state = Path(directory) / "state"
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "XDG_STATE_HOME": str(state),
            "TEAL_ENDPOINT": f"http://127.0.0.1:{ports[4566]}",
            "TF_VAR_endpoint": f"http://127.0.0.1:{ports[4566]}",
            "PYTHONUNBUFFERED": "1",
            **terraform_settings(Path(directory)),
        }
        for heading, script in sections.items():
            if TERRAFORM in heading and shutil.which("terraform", path=environment["PATH"]) is None:
                print(f"=== {heading}: skipped, as there is no terraform on PATH")
                continue
            # Terraform's data directory is a fixed one in the README.
            own = script.replace("/tmp/teal-article", str(Path(directory) / "article"))
            if arguments.without_deployments:
                own = re.sub(r"^teal (deploy|rollback|history) .*\n", "", own, flags=re.MULTILINE)
            adapted_script = adapted(own, ports, quick=arguments.quick)
            results.append(run(heading, adapted_script, clone, environment))
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
