"""The Amazon ECS API, 2014-11-13, for one machine.

Every operation is a method of `Ecs`; what is not implemented (container instances, task sets,
daemons, express gateways, …) has none and is refused by name by the gateway.

- `ecs_clusters`: clusters, capacity providers
- `ecs_definitions`, `ecs_definition_rules`: task definitions
- `ecs_services`, `ecs_service_rules`: services and their deployments
- `ecs_service_deployments`: their history, and the way back
- `ecs_tasks`: run, stop, describe and list tasks
- `ecs_tagging`, `ecs_settings`: tags, account settings

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from tealmesh.apis.ecs.clusters import Clusters
from tealmesh.apis.ecs.definitions import Definitions
from tealmesh.apis.ecs.service_deployments import ServiceDeployments
from tealmesh.apis.ecs.services import Services
from tealmesh.apis.ecs.settings import Settings
from tealmesh.apis.ecs.tagging import Tagging
from tealmesh.apis.ecs.tasks import Tasks


class Ecs(Clusters, Definitions, Services, ServiceDeployments, Tasks, Tagging, Settings):
    """The service: ``await ecs.create_cluster(caller, request)`` with a request that the codec
    has validated answers the operation's output structure.

    Made of a store, the account that it answers for, a clock and a source of ids. All checks of a
    change are made inside its one transaction. Raises AwsError with ECS's codes and texts.
    """
