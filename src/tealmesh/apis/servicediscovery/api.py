"""The AWS Cloud Map API, 2017-03-14, for one machine: all of its operations.

- `namespaces`: namespaces, operations, tags
- `services`: services and their attributes
- `instances`: instances, health, DiscoverInstances

https://docs.aws.amazon.com/cloud-map/latest/api/API_Operations.html
"""

from __future__ import annotations

from tealmesh.apis.servicediscovery.instances import Instances
from tealmesh.apis.servicediscovery.namespaces import Namespaces
from tealmesh.apis.servicediscovery.services import DiscoveryServices


class ServiceDiscovery(Namespaces, DiscoveryServices, Instances):
    """The service: ``await discovery.get_namespace(caller, request)`` takes a validated request and
    returns the operation's output structure.

    ``account`` is the account that it answers for. All checks of a change are part of its one
    transaction. Operations raise AwsError with Cloud Map's codes.
    """
