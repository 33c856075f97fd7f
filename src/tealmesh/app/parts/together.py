"""Which parts are put together: the map of what runs in a control plane.

| part | what it does | `teal up` |
|---|---|---|
| `ground` | configuration, store, secrets, calls to our own port | yes |
| `ports.OtherServices` | IAM, STS, ACM and whatever else is called | `own_aws`: moto |
| `Entrance` | who calls the API, and who may do what | yes |
| `streams` | Envoys: who is let in, ADS, what they count, traces | yes |
| `ports.Cloud` | where tasks run | `machine`: engine, load balancers, DNS |
| `plane` | App Mesh API, our own API, deployments, page, metrics | yes |
"""

from __future__ import annotations

from tealmesh.app.entrance import Entrance
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.machine import Machine
from tealmesh.app.parts.own_aws import OwnAws
from tealmesh.app.parts.plane import Plane
from tealmesh.app.parts.streams import Streams
from tealmesh.app.settings import AppConfig
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
