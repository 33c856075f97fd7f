"""With what a control plane is configured, and what it reports once it is ready."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tealmesh.engine.runtimes.choice import Mode
from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION
from tealmesh.model.plane.listening import Listening
from tealmesh.rollout.running.work import OnTransition


@dataclass(frozen=True)
class CommonConfig:
    """The configuration that every control plane has."""

    data_dir: Path
    """Its secrets, and what else it keeps in files."""
    port: int = 4566
    """Of the AWS APIs and our own."""
    xds_port: int = 18000
    """Of the gRPC server that Envoys connect to."""
    route_grace: float = 5.0
    """Seconds that a router's last route is still served after its deletion; 0 for none."""
    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    on_transition: OnTransition | None = None
    """Called at every committed transition of a deployment; for tests."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides those of loopback that the Host header may have."""
    sts_endpoint: str = ""
    """URL of the STS that proofs of AWS identities are for; empty to take none."""
    oidc: Path | None = None
    """The file that says which proxies name people, and who of them is let in; None for none."""
    listening: Listening = field(default_factory=Listening)
    """Where it listens beyond loopback."""
    stream_age: float = 0.0
    """Seconds after which an Envoy's connection is ended, so that it connects again, perhaps at
    another replica; 0 for never."""
    stream_drain: float = 0.0
    """Seconds over which Envoys are let go when the control plane stops."""
    keep_events: int = 200_000
    """Entries of the audit log."""
    keep_deployments: int = 500
    """Finished deployments of each service, and of each group."""


@dataclass(frozen=True)
class AppConfig(CommonConfig):
    """The configuration of a one-machine cloud, whose database and tasks are in ``data_dir``."""

    config_file: Path | None = None
    """A teal.toml whose ``[images]`` and ``[adopted]`` are used from the start."""
    runtime: Mode = "auto"
    """What tasks run as: see `engine.runtimes.choice`."""
    dns_port: int | None = None
    """Of the DNS server for Cloud Map names; None for no server."""
    lb_port: int | None = None
    """Where the Host header selects a load balancer; None for no such port."""
    allowed_host_paths: tuple[Path, ...] = ()
    """Directories of which containers may mount parts, besides that of ``config_file``."""
    task_user: str = ""
    """Whom processes run as whose container definition has no ``user``; empty for our own user."""
    trace: float = 0.0
    """Of which share of their requests Envoys that it starts tell traces, 0 to 1."""
    scaling_minute: float = 60.0
    """Seconds that a minute of CloudWatch lasts for automatic scaling; less for tests."""

    moto_memory: int = 2048
    """What the process of the other AWS services may take, in MiB."""
    moto_seconds: float = 30.0
    """How long one of their calls may take before that process is ended."""

    @property
    def host_paths(self) -> tuple[Path, ...]:
        """Every directory of which containers may mount parts."""
        project = (self.config_file.parent,) if self.config_file is not None else ()
        return (*project, *self.allowed_host_paths)


@dataclass(frozen=True)
class ServeConfig(CommonConfig):
    """The configuration of `teal serve`, whose secrets are in ``data_dir``: the same ones for every
    replica."""

    stream_age: float = 1800.0
    stream_drain: float = 10.0
    database: str = field(default="", repr=False)
    """URL of the database, which may have a password, or the path of one of SQLite."""
    advertise: str = ""
    """HOST:PORT where the other replicas reach our API; empty if there are none."""
    xds_advertise: str = ""
    """HOST:PORT where Envoys of services of teal.toml find us; empty if whoever starts them knows
    it."""
    ecs_endpoint: str = ""
    """URL of ECS; empty for AWS's in our region."""
    cloud_map_endpoint: str = ""
    """URL of Cloud Map; empty for AWS's in our region."""
    ecs_clusters: tuple[str, ...] = ()
    """The clusters that are read; empty for all of the account in our region."""


@dataclass(frozen=True)
class AppInfo:
    """What a control plane reports when it is ready."""

    endpoint: str
    data_dir: Path
    runtime: str = ""
    """What tasks run as and why, in words."""
