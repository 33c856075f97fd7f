"""The system of a rehearsal: a teal.toml with free ports, short times and faulty images."""

from __future__ import annotations

import contextlib
import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tealmesh.cli.demo.system import free_port
from tealmesh.cli.options import read_text
from tealmesh.model.config.parse import image_for, parse
from tealmesh.model.config.table import duration
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.rehearse.faults import Fault
    from tealmesh.model.config.nouns import Image, TealConfig

TIMES = ("step_time", "bake_time", "warm_up")
"""The times of a strategy that a rehearsal shortens."""


START_SECONDS = 45.0
"""The longest wait for tasks to start."""


class Stage:
    """A teal.toml as it is rehearsed.

    Raises TealError where the service cannot be rehearsed: it has no command, or no gateway leads
    to it.
    """

    def __init__(self, file: Path, service: str, longest: float, path: str = "") -> None:
        self.file = file
        self.text = read_text(file)
        _refuse_adopted(self.text, service)
        self.config = parse(self.text, str(file))
        self.service = service
        self._longest = longest
        self._path = path
        if service not in self.config.services:
            known = ", ".join(self.config.services) or "none"
            raise TealError(f"{file} has no service {service} (known: {known})")
        self.image = _image(self.config, service)
        self.prefix, self._gateway = _way_in(self.config, service)
        self.ports = {name: free_port() for name in self.config.gateways}

    @property
    def directory(self) -> str:
        """Where the commands of images run."""
        return str(self.file.absolute().parent)

    @property
    def url(self) -> str:
        """Where requests to the service are sent."""
        return f"http://127.0.0.1:{self.ports[self._gateway]}{self._path or self.prefix}"

    def faulty_image(self, fault: Fault) -> str:
        """The name of the new version."""
        return f"rehearsal/{self.service}:{fault.name}"

    def toml(self, faults: tuple[Fault, ...]) -> str:
        """The teal.toml to apply."""
        data = tomllib.loads(self.text)
        for name, port in self.ports.items():
            data["gateways"][name] |= {"port": port, "address": "127.0.0.1"}
        strategy = data["services"][self.service].setdefault("strategy", {})
        read = self.config.services[self.service].strategy
        for key in TIMES:
            if hasattr(read, key):
                strategy[key] = min(getattr(read, key), self._longest)
        strategy["start_timeout"] = min(read.start_timeout, START_SECONDS)
        for step in strategy.get("steps", []):
            if isinstance(step, dict) and (duration(step.get("time")) or 0.0) > self._longest:
                step["time"] = self._longest
        data.pop("notices", None)
        images = data.setdefault("images", {})
        for fault in faults:
            images[self.faulty_image(fault)] = {
                "command": self._command(fault),
                "environment": dict(self.image.environment),
            }
        return "".join(f"{json.dumps(key)} = {_toml(value)}\n" for key, value in data.items())

    def _command(self, fault: Fault) -> list[str]:
        if fault.wrong is None:
            return list(self.image.command)
        health_path = self.config.services[self.service].health_path
        proxy = [sys.executable, "-m", "tealmesh.cli.rehearse.faulty", json.dumps(fault.wrong)]
        return [*proxy, health_path, *self.image.command]


def _refuse_adopted(text: str, service: str) -> None:
    """Raises TealError for a service that others made. A file that is no TOML is not looked at."""
    with contextlib.suppress(ValueError, RecursionError):
        adopted = tomllib.loads(text).get("adopted")
        if isinstance(adopted, Mapping) and service in adopted:
            raise TealError(
                f"{service} was made by others ([adopted.{service}]), and a rehearsal makes its "
                f"system anew, from teal.toml alone: describe it as [services.{service}], with its "
                "strategy and gates, in a file of its own for --config"
            )


def _image(config: TealConfig, service: str) -> Image:
    wanted = config.services[service].image
    image = image_for(config.images, wanted)
    if image is None:
        raise TealError(
            f"{service} runs {wanted} as a container: a rehearsal puts its faults in front of a "
            "command, so [images] needs one for it"
        )
    return image


def _way_in(config: TealConfig, service: str) -> tuple[str, str]:
    """The path prefix and the gateway that lead to the service."""
    for name, gateway in config.gateways.items():
        for prefix, target in gateway.routes.items():
            if target == service:
                return prefix, name
    raise TealError(
        f"no gateway leads to {service}: a rehearsal sends requests through one, such as "
        f'[gateways.edge] with routes = {{ "/" = "{service}" }}'
    )


def _toml(value: object) -> str:
    """A value as TOML: what JSON writes is TOML, but for tables and the control character DEL."""
    if isinstance(value, Mapping):
        members = (f"{_toml(str(key))} = {_toml(one)}" for key, one in value.items())
        return "{ " + ", ".join(members) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, str | bool | int | float):
        return json.dumps(value).replace("\x7f", "\\u007F")
    return str(value)  # Dates and times.
