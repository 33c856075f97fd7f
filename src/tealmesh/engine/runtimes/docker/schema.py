"""The members of Docker's API that we read and write.

https://docs.docker.com/reference/api/engine/version/v1.41/
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Component(TypedDict):
    Name: str


class Version(TypedDict, total=False):
    """Answer of ``GET /version``."""

    Version: str
    Components: list[Component] | None


class ContainerState(TypedDict):
    Status: str
    Running: NotRequired[bool]
    ExitCode: int
    Pid: int
    """The container's first process; 0 if it does not run."""
    OOMKilled: NotRequired[bool]


class ContainerNetwork(TypedDict):
    IPAddress: str
    Gateway: str
    """This machine's address, as the container sees it."""


class NetworkSettings(TypedDict):
    Networks: dict[str, ContainerNetwork]


class Inspected(TypedDict):
    """Answer of ``GET /containers/ID/json``."""

    Id: str
    State: ContainerState
    NetworkSettings: NetworkSettings


class Listed(TypedDict):
    """A container in the answer of ``GET /containers/json``."""

    Id: str
    State: str
    Labels: dict[str, str]


class Command(TypedDict):
    """Answer of ``GET /exec/ID/json``."""

    Running: bool
    ExitCode: int
    Pid: int


class Image(TypedDict):
    """Answer of ``GET /images/NAME/json``."""

    Id: str


class PullProgress(TypedDict, total=False):
    """A line of the answer of ``POST /images/create``."""

    id: str
    status: str
    progress: str
    stream: str
    error: str


class Ulimit(TypedDict):
    Name: str
    Soft: int
    Hard: int


class LogConfig(TypedDict):
    Type: str
    Config: dict[str, str]


class HostConfig(TypedDict, total=False):
    NetworkMode: str
    LogConfig: LogConfig
    Binds: list[str]
    """``SOURCE:TARGET:rw`` or ``:ro``."""
    Ulimits: list[Ulimit]
    Memory: int
    MemorySwap: int
    MemoryReservation: int
    CpuShares: int
    ReadonlyRootfs: bool
    Init: bool
    CapAdd: list[str]
    CapDrop: list[str]


class CreateBody(TypedDict, total=False):
    """Body of ``POST /containers/create``. Absent members leave what the image says."""

    Image: str
    Hostname: str
    Env: list[str]
    Labels: dict[str, str]
    HostConfig: HostConfig
    Entrypoint: list[str]
    Cmd: list[str]
    User: str
    WorkingDir: str
