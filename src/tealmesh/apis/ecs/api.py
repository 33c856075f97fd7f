"""The Amazon ECS API, version 2014-11-13.

Every operation is a method of `Ecs`; the gateway refuses all others by name, with the reason from
`refused`.

- `clusters`, `capacity_providers`: where tasks run
- `definitions`, checked by `definition_rules`: task definitions
- `services`, checked by `service_rules`: services and their deployments
- `service_deployments`: the history of deployments, and rolling back
- `tasks`: run, stop, describe and list tasks
- `tagging`, `settings`: tags and account settings

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from tealmesh.apis.ecs.capacity_providers import CapacityProviders
from tealmesh.apis.ecs.clusters import Clusters
from tealmesh.apis.ecs.definitions import Definitions
from tealmesh.apis.ecs.service_deployments import ServiceDeployments
from tealmesh.apis.ecs.services import Services
from tealmesh.apis.ecs.settings import Settings
from tealmesh.apis.ecs.tagging import Tagging
from tealmesh.apis.ecs.tasks import Tasks


class Ecs(
    Clusters,
    CapacityProviders,
    Definitions,
    Services,
    ServiceDeployments,
    Tasks,
    Tagging,
    Settings,
):
    """All operations: ``await ecs.create_cluster(caller, request)`` returns the output structure.

    The codec has validated ``request``. Each change makes all its checks inside one transaction.
    Raises AwsError with ECS's own codes and texts.
    """
