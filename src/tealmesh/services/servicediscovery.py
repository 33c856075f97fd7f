"""The AWS Cloud Map API, 2017-03-14, for one machine: all of its operations.

- `servicediscovery_namespaces`: namespaces, operations, tags
- `servicediscovery_services`: services and their attributes
- `servicediscovery_instances`: instances, health, DiscoverInstances

https://docs.aws.amazon.com/cloud-map/latest/api/API_Operations.html
"""

from __future__ import annotations

from tealmesh.services.servicediscovery_instances import Instances
from tealmesh.services.servicediscovery_namespaces import Namespaces
from tealmesh.services.servicediscovery_services import DiscoveryServices


class ServiceDiscovery(Namespaces, DiscoveryServices, Instances):
    """The service: ``await discovery.get_namespace(caller, request)`` with a request that the
    codec has validated answers the operation's output structure.

    Made of a store, the account that it answers for, a clock and a source of ids. All checks of a
    change are made inside its one transaction. Raises AwsError with Cloud Map's codes.
    """
