"""What a runtime that gives tasks a network of their own is told, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Place:
    """A task's own network: its ``address``, the process ``pid`` whose namespace it is, and
    ``gateway``, this machine's address as the task sees it.
    """

    address: str
    pid: int
    gateway: str


@dataclass(frozen=True)
class TaskSpec:
    """A task that is to be given a place. ``local``: whether the image map has a command for each
    of its applications (for anything at all, where it has none); ``published``: it needs a port of
    this machine. ``rules`` makes the packet filter rules of its namespace.
    """

    directory: Path
    hostname: str
    local: bool
    published: bool
    rules: Callable[[Place], str]


@dataclass(frozen=True)
class ImageSpec:
    """The image of a container and what an engine is told beside it; empty members leave what
    the image says. ``mounts``: (source, path inside, read only). ``instead`` is taken when the
    image cannot be had. ``arguments``, where given, replace the container's command.
    """

    image: str
    entry_point: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    user: str = ""
    mounts: tuple[tuple[str, str, bool], ...] = ()
    host_config: Mapping[str, Any] = field(default_factory=dict)
    instead: ImageSpec | None = None
