"""Reads clusters of ECS, AWS's own or a `teal up`'s, by boto3.

It needs ``ecs:ListClusters``, ``ecs:ListServices``, ``ecs:DescribeServices``, ``ecs:ListTasks``,
``ecs:DescribeTasks``, ``ecs:DescribeTaskDefinition`` and, for services that register in Cloud Map,
``servicediscovery:GetService`` and ``servicediscovery:GetNamespace``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from tealmesh.model.arn import last_part
from tealmesh.workloads import reading
from tealmesh.workloads.changes import Cluster

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskBody, TaskDefinitionBody

T = TypeVar("T")

_MOST_SERVICES = 10
_MOST_TASKS = 100
"""That are described at once, at most."""
_ENDED = "STOPPED"


class Clusters:
    """Blocking, for one thread at a time."""

    def __init__(self, ecs: Callable[[], Any], cloud_map: Callable[[], Any]) -> None:
        """Both make clients, which have no types: hence Any."""
        self._ecs = ecs
        self._cloud_map = cloud_map
        self._registries: dict[str, tuple[str, str]] = {}
        self._definitions: dict[str, Mapping[str, Any] | None] = {}
        self._stopped: dict[str, TaskBody] = {}
        """Tasks that have ended, by ARN: they change no more."""
        self.calls = 0
        """How many have been made."""

    def names(self) -> list[str]:
        """The clusters of the account and region."""
        arns = self._pages("list_clusters", "clusterArns", {})
        return [last_part(arn) for arn in arns]

    def read(self, cluster: str) -> Cluster:
        """One cluster; one that is not there yet is empty. Raises whatever boto3 does."""
        client = self._ecs()
        try:
            services = self._services(cluster)
        except client.exceptions.ClusterNotFoundException:
            return Cluster(cluster)
        fresh: dict[str, TaskDefinitionBody] = {}
        tasks = self._tasks(cluster, fresh)
        for one in services:
            self._definition(one["taskDefinition"], fresh)
        registries = self._registries_of(services)
        return Cluster(
            cluster,
            {one["serviceName"]: reading.service(one, registries) for one in services},
            tasks,
            fresh,
        )

    def _services(self, cluster: str) -> list[Mapping[str, Any]]:
        arns = self._pages("list_services", "serviceArns", {"cluster": cluster})
        found: list[Mapping[str, Any]] = []
        for part in _parts(arns, _MOST_SERVICES):
            answer = self._call(
                "describe_services", cluster=cluster, services=part, include=["TAGS"]
            )
            found += [one for one in answer["services"] if one["status"] != "INACTIVE"]
        return found

    def _tasks(self, cluster: str, fresh: dict[str, TaskDefinitionBody]) -> dict[str, TaskBody]:
        running = self._pages("list_tasks", "taskArns", {"cluster": cluster})
        ended = self._pages("list_tasks", "taskArns", {"cluster": cluster, "desiredStatus": _ENDED})
        arns = list(dict.fromkeys([*running, *ended]))
        found = {arn: self._stopped[arn] for arn in arns if arn in self._stopped}
        for part in _parts([arn for arn in arns if arn not in found], _MOST_TASKS):
            answer = self._call("describe_tasks", cluster=cluster, tasks=part, include=["TAGS"])
            for one in answer["tasks"]:
                body = reading.task(one, self._definition(one["taskDefinitionArn"], fresh))
                found[one["taskArn"]] = body
        self._stopped = {
            **{arn: one for arn, one in self._stopped.items() if f"/{cluster}/" not in arn},
            **{arn: one for arn, one in found.items() if one["lastStatus"] == _ENDED},
        }
        return {last_part(arn): body for arn, body in found.items()}

    def _definition(
        self, arn: str, fresh: dict[str, TaskDefinitionBody]
    ) -> Mapping[str, Any] | None:
        """A revision, which never changes; None if it has been deleted."""
        if arn not in self._definitions:
            client = self._ecs()
            self.calls += 1
            try:
                answer = client.describe_task_definition(taskDefinition=arn, include=["TAGS"])
            except client.exceptions.ClientException:
                self._definitions[arn] = None
                return None
            found = answer["taskDefinition"]
            fresh[arn] = reading.definition(found, answer.get("tags", []))
            self._definitions[arn] = found
        return self._definitions[arn]

    def forget_definitions(self) -> None:
        """Read them again the next time: what was read could not be written."""
        self._definitions.clear()

    def _registries_of(self, services: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
        """Namespace and name of Cloud Map services, by ARN. Those that are gone are left out."""
        for one in services:
            for registry in one.get("serviceRegistries", ()):
                arn = registry.get("registryArn", "")
                if arn and arn not in self._registries and (found := self._registry(arn)):
                    self._registries[arn] = found
        return self._registries

    def _registry(self, arn: str) -> tuple[str, str] | None:
        client = self._cloud_map()
        self.calls += 2
        try:
            service = client.get_service(Id=last_part(arn))["Service"]
            namespace = client.get_namespace(Id=service["NamespaceId"])["Namespace"]
        except (client.exceptions.ServiceNotFound, client.exceptions.NamespaceNotFound):
            return None
        return namespace["Name"], service["Name"]

    def _pages(self, operation: str, member: str, asked: Mapping[str, str]) -> list[str]:
        found: list[str] = []
        token = ""
        while True:
            more = {"nextToken": token} if token else {}
            answer = self._call(operation, **asked, maxResults=100, **more)
            found += answer[member]
            token = answer.get("nextToken") or ""
            if not token:
                return found

    def _call(self, operation: str, **asked: object) -> Mapping[str, Any]:
        self.calls += 1
        answer: Mapping[str, Any] = getattr(self._ecs(), operation)(**asked)
        return answer


def _parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
