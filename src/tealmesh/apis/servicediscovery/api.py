"""The AWS Cloud Map API, 2017-03-14, for one machine: all of its operations.

- `servicediscovery_namespaces`: namespaces, operations, tags
- `servicediscovery_services`: services and their attributes
- `servicediscovery_instances`: instances, health, DiscoverInstances

https://docs.aws.amazon.com/cloud-map/latest/api/API_Operations.html
"""

from __future__ import annotations

from tealmesh.apis.servicediscovery.instances import Instances
from tealmesh.apis.servicediscovery.namespaces import Namespaces
from tealmesh.apis.servicediscovery.services import DiscoveryServices


class ServiceDiscovery(Namespaces, DiscoveryServices, Instances):
    """The service: ``await discovery.get_namespace(caller, request)`` with a request that the
    codec has validated answers the operation's output structure.

    Made of a store, the account that it answers for, a clock and a source of ids. All checks of a
    change are made inside its one transaction. Raises AwsError with Cloud Map's codes.
    """
