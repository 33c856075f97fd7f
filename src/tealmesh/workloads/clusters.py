"""Reads clusters of ECS, AWS's own or a `teal up`'s, by boto3.

A look costs as many calls as services and running tasks need, however many tasks have stopped and
revisions were registered in the hour for which ECS shows them. What the store has of those is not
asked for again, a task that runs no more is asked for by its ARN, and the list of the stopped ones,
which names those that came and went between two looks, is read some pages at a time.

It needs ``ecs:ListClusters``, ``ecs:ListServices``, ``ecs:DescribeServices``, ``ecs:ListTasks``,
``ecs:DescribeTasks``, ``ecs:DescribeTaskDefinition`` and, for services that register in Cloud Map,
``servicediscovery:GetService`` and ``servicediscovery:GetNamespace``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tealmesh.model.arn import last_part
from tealmesh.model.batches import batches
from tealmesh.model.ecs.limits import DESCRIBED_SERVICES, DESCRIBED_TASKS
from tealmesh.model.ecs.names import revision_key
from tealmesh.store import Reader, tables
from tealmesh.workloads import reading
from tealmesh.workloads.changes import Cluster

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskBody, TaskDefinitionBody

_ENDED = "STOPPED"
_MOST_PAGES = 2
"""Of the tasks that have stopped, at one look."""


@dataclass
class _Sweep:
    """The list of a cluster's stopped tasks, as far as it has been read."""

    before: Set[str]
    """The ARNs of those that the store had when it began."""
    token: str = ""
    """What the next page is asked for with; empty at the beginning."""
    seen: set[str] = field(default_factory=set)


class Clusters:
    """Blocking, for one thread at a time."""

    def __init__(self, ecs: Callable[[], Any], cloud_map: Callable[[], Any]) -> None:
        """Both make clients, which have no types: hence Any."""
        self._ecs = ecs
        self._cloud_map = cloud_map
        self._registries: dict[str, tuple[str, str]] = {}
        self._deleted: set[str] = set()
        """ARNs of revisions that ECS has no more."""
        self._sweeps: dict[str, _Sweep] = {}
        """By cluster."""
        self.calls = 0
        """How many have been made."""

    def names(self) -> list[str]:
        """The clusters of the account and region."""
        arns = self._pages("list_clusters", "clusterArns", {})
        return [last_part(arn) for arn in arns]

    def read(self, cluster: str, known: Reader) -> Cluster:
        """One cluster; one that is not there yet is empty. ``known``: what the store has of it.
        Raises whatever boto3 does.
        """
        client = self._ecs()
        try:
            services = self._services(cluster)
        except client.exceptions.ClusterNotFoundException:
            self._sweeps.pop(cluster, None)
            return Cluster(cluster)
        fresh: dict[str, TaskDefinitionBody] = {}
        tasks = self._tasks(cluster, known, fresh)
        for one in services:
            self._definition(one["taskDefinition"], known, fresh)
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
        for part in batches(arns, DESCRIBED_SERVICES):
            answer = self._call(
                "describe_services", cluster=cluster, services=part, include=["TAGS"]
            )
            found += [one for one in answer["services"] if one["status"] != "INACTIVE"]
        return found

    def _tasks(
        self, cluster: str, known: Reader, fresh: dict[str, TaskDefinitionBody]
    ) -> dict[str, TaskBody]:
        """By id, those that run and the stopped ones that ECS shows."""
        before = {one.body["taskArn"]: one.body for one in known.list(tables.TASKS, cluster)}
        ended = {arn: body for arn, body in before.items() if body["lastStatus"] == _ENDED}
        running = self._pages("list_tasks", "taskArns", {"cluster": cluster})
        stopped, forgotten = self._sweep(cluster, ended.keys())
        found = {arn: body for arn, body in ended.items() if arn not in forgotten}
        asked = dict.fromkeys([*running, *before, *stopped])
        for part in batches([arn for arn in asked if arn not in ended], DESCRIBED_TASKS):
            answer = self._call("describe_tasks", cluster=cluster, tasks=part, include=["TAGS"])
            for one in answer["tasks"]:
                definition = self._definition(one["taskDefinitionArn"], known, fresh)
                found[one["taskArn"]] = reading.task(one, definition)
        return {last_part(arn): body for arn, body in found.items()}

    def _sweep(self, cluster: str, ended: Set[str]) -> tuple[set[str], Set[str]]:
        """The ARNs in the next pages of a cluster's stopped tasks, and those of ``ended`` that
        ECS shows no more, which is known at the list's end.
        """
        client = self._ecs()
        sweep = self._sweeps.setdefault(cluster, _Sweep(frozenset(ended)))
        listed: set[str] = set()
        for _ in range(_MOST_PAGES):
            try:
                page, token = self._page(
                    "list_tasks", "taskArns", sweep.token, cluster=cluster, desiredStatus=_ENDED
                )
            except client.exceptions.InvalidParameterException:
                if not sweep.token:
                    raise
                del self._sweeps[cluster]  # the token was valid for a while only
                return listed, frozenset()
            listed.update(page)
            sweep.seen.update(page)
            sweep.token = token
            if not token:
                del self._sweeps[cluster]
                return listed, sweep.before - sweep.seen
        return listed, frozenset()

    def _definition(
        self, arn: str, known: Reader, fresh: dict[str, TaskDefinitionBody]
    ) -> TaskDefinitionBody | None:
        """A revision, which never changes; None if it has been deleted. One that the store does
        not have is ``fresh``.
        """
        family, revision = reading.definition_key(arn)
        stored = known.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
        if stored is not None and stored.body["taskDefinitionArn"] == arn:
            return stored.body
        if arn not in fresh and arn not in self._deleted:
            client = self._ecs()
            self.calls += 1
            try:
                answer = client.describe_task_definition(taskDefinition=arn, include=["TAGS"])
            except client.exceptions.ClientException:
                self._deleted.add(arn)
                return None
            fresh[arn] = reading.definition(answer["taskDefinition"], answer.get("tags", []))
        return fresh.get(arn)

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
        found, token = self._page(operation, member, "", **asked)
        while token:
            page, token = self._page(operation, member, token, **asked)
            found += page
        return found

    def _page(self, operation: str, member: str, token: str, **asked: str) -> tuple[list[str], str]:
        """What a page lists, and the next one's token; empty after the last one."""
        more = {"nextToken": token} if token else {}
        answer = self._call(operation, **asked, maxResults=100, **more)
        return list(answer[member]), answer.get("nextToken") or ""

    def _call(self, operation: str, **asked: object) -> Mapping[str, Any]:
        self.calls += 1
        answer: Mapping[str, Any] = getattr(self._ecs(), operation)(**asked)
        return answer
