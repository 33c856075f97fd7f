"""Which parts are put together: the map of what runs in a control plane.

| part | what it does | `teal up` | `teal serve` |
|---|---|---|---|
| `ground` | configuration, store, secrets, calls to our own port | yes | yes |
| `ports.OtherServices` | IAM, STS, ACM and what else is called | `own_aws`: moto | `aws`: AWS's |
| `Entrance` | who calls the API, and who may do what | yes | yes |
| `streams` | Envoys: who is let in, ADS, what they count, traces | yes | yes |
| `ports.Cloud` | where tasks run | `machine`: engine, DNS, ECS API | `elsewhere`: copies of ECS |
| `plane` | App Mesh API, our own API, deployments, page, metrics | yes | yes |
"""

from __future__ import annotations

from tealmesh.app.callers.entrance import Entrance
from tealmesh.app.parts.aws import AwsEndpoints
from tealmesh.app.parts.elsewhere import Elsewhere
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.machine import Machine
from tealmesh.app.parts.own_aws import OwnAws
from tealmesh.app.parts.plane import Plane
from tealmesh.app.parts.streams import Streams
from tealmesh.app.settings import AppConfig, ServeConfig
from tealmesh.aws.moto.apart.keeper import Keeper
from tealmesh.engine.runtimes.build import Built


def on_one_machine(
    ground: Ground, config: AppConfig, built: Built, moto: Keeper
) -> tuple[Plane, Machine]:
    """What `teal up` is made of."""
    aws = OwnAws(ground, config, moto)
    entrance = Entrance(ground, aws.iam)
    streams = Streams(ground, entrance, aws, built.xds_socket)
    machine = Machine(ground, config, built, aws, entrance, streams)
    return Plane(ground, entrance, aws, streams, machine), machine


def in_production(ground: Ground, config: ServeConfig) -> tuple[Plane, Elsewhere]:
    """What `teal serve` is made of."""
    aws = AwsEndpoints(ground, config)
    entrance = Entrance(ground, aws.iam)
    streams = Streams(ground, entrance, aws)
    cloud = Elsewhere(ground, config, aws)
    streams.admission.hurry = cloud.workloads.hurry
    return Plane(ground, entrance, aws, streams, cloud), cloud
