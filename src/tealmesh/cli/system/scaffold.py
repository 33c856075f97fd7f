"""The teal.toml that `teal init` writes. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

SAMPLE_VERSIONS = ("1", "2", "3")


def mesh_name(directory: str) -> str:
    """A mesh name made of a directory's."""
    name = re.sub(r"[^a-z0-9]+", "-", directory.lower()).strip("-")
    return name[:40].strip("-") or "shop"


def sample_images(python: str, program: str) -> str:
    """``[images]`` for the three versions of the sample; the third fails one request in five."""
    lines = []
    for version in SAMPLE_VERSIONS:
        command = [python, program, "--version", version]
        note = ""
        if version == SAMPLE_VERSIONS[-1]:
            command += ["--fail", "0.2"]
            note = "  # fails one request in five"
        lines.append(f'"example/web:{version}" = {_toml(command)}{note}')
    return "\n".join(lines)


def own_images(command: Sequence[str]) -> str:
    """``[images]`` for a command of the user's, whatever the tag is."""
    return f'"example/web:*" = {_toml(list(command))}'


def teal_toml(name: str, images: str, health_path: str, port: int) -> str:
    """A teal.toml with one service behind a gateway, which says what can be changed."""
    return f"""\
# What `teal apply` makes of this directory. `teal help` lists all commands, and
# `teal schema > teal.schema.json` lets an editor complete and check this file, if it begins with
# #:schema ./teal.schema.json

[mesh]
name = {_toml(name)}

# The commands that run on this machine in place of container images, in this directory. An
# application must listen on $HOST:$PORT. Without [images], Docker or Podman runs the images.
[images]
{images}

[services.web]
port = 8080                   # the port by which others in the mesh call it
image = "example/web:1"       # the first version; `teal deploy` brings the next ones
health_path = {_toml(health_path):<16}# a path that answers 200 when a task can serve
desired_count = 2             # tasks of each version
# backends = ["api"]          # the other services of this file that it calls
# environment = {{ LEVEL = "info" }}

# How a new version gets its traffic. Without this table: all of it in one step (blue/green).
[services.web.strategy]
type = "canary"
steps = [10, 50, 100]         # percent of requests for the new version
step_time = "5s"              # the least time at each step
bake_time = "5s"              # the time at 100 % before the old version stops
step_timeout = "5m"           # roll back if a step has not passed by then

# What must hold at each step.
[services.web.gates]
success_rate = 0.99           # share of requests without a 5xx, a reset or a timeout
min_requests = 100            # judge a step by so many requests at least
approval = false              # true: wait for `teal approve web` before the first step

[gateways.edge]
port = {port}                   # http://127.0.0.1:{port}/
routes = {{ "/" = "web" }}      # path prefix = service
"""


def _toml(value: object) -> str:
    """A string or a list of strings as TOML writes it; unlike JSON, it has no bare U+007F."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
