"""Asks Cloud Map, AWS's own or another control plane's, by boto3.

It needs ``servicediscovery:DiscoverInstances`` and ``servicediscovery:DiscoverInstancesRevision``.
https://docs.aws.amazon.com/cloud-map/latest/api/API_DiscoverInstancesRevision.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from tealmesh.discovery.schedule import Place
from tealmesh.discovery.settling import Seen
from tealmesh.model.errors import (
    DiscoveryError,
    DiscoveryRefused,
    DiscoveryThrottled,
    NoSuchService,
)

if TYPE_CHECKING:
    from types_boto3_servicediscovery.client import ServiceDiscoveryClient

R = TypeVar("R")

MOST_INSTANCES = 1000
"""That DiscoverInstances answers at once; a service cannot have more."""

_THROTTLED = frozenset(
    {"RequestLimitExceeded", "ThrottlingException", "Throttling", "TooManyRequestsException"}
)
_REFUSED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_ABSENT = frozenset({"NamespaceNotFound", "ServiceNotFound"})


@dataclass(frozen=True)
class Answer:
    """The instances of one service."""

    revision: int
    """Rises whenever an instance comes or goes."""
    instances: tuple[Seen, ...]


class Asking(Protocol):
    """What answers questions. Blocking, in any number of threads. Both raise DiscoveryError."""

    def revision(self, place: Place) -> int: ...
    def instances(self, place: Place) -> Answer: ...


class CloudMapClient:
    """`Asking` by a boto3 client that does not retry: the schedule asks again, and knows how often
    the account may.
    """

    def __init__(self, client: ServiceDiscoveryClient) -> None:
        self._client = client

    def revision(self, place: Place) -> int:
        def call() -> int:
            answer = self._client.discover_instances_revision(
                NamespaceName=place.namespace, ServiceName=place.service
            )
            return answer["InstancesRevision"]

        return _answered(place, "DiscoverInstancesRevision", call)

    def instances(self, place: Place) -> Answer:
        def call() -> Answer:
            answer = self._client.discover_instances(
                NamespaceName=place.namespace,
                ServiceName=place.service,
                HealthStatus="ALL",
                MaxResults=MOST_INSTANCES,
            )
            seen = (
                Seen(
                    one["InstanceId"],
                    tuple(sorted(one.get("Attributes", {}).items())),
                    one.get("HealthStatus") != "UNHEALTHY",
                )
                for one in answer["Instances"]
            )
            return Answer(answer["InstancesRevision"], tuple(seen))

        return _answered(place, "DiscoverInstances", call)


def _answered(place: Place, operation: str, call: Callable[[], R]) -> R:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    action = f"servicediscovery:{operation}"
    try:
        return call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        message = error.response.get("Error", {}).get("Message") or code
        if code in _ABSENT:
            raise NoSuchService(f"Cloud Map knows no service {place}: {message}") from error
        if code in _THROTTLED:
            raise DiscoveryThrottled(f"Cloud Map throttles this account: {message}") from error
        if code in _REFUSED:
            raise DiscoveryRefused(
                f"{action} of {place} is refused ({code}): {message}: its virtual nodes keep the "
                "instances that are known"
            ) from error
        raise DiscoveryError(f"Cloud Map answers {code}: {message}") from error
    except NoCredentialsError as error:
        raise DiscoveryRefused(f"{action} of {place} cannot be signed: {error}") from error
    except BotoCoreError as error:
        raise DiscoveryError(f"Cloud Map cannot be asked: {error}") from error
