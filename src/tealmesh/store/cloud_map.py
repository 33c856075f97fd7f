"""The instances of Cloud Map's services as Envoys' snapshots have them, kept up with the store:
those of our own Cloud Map, and those that were discovered in another (`tealmesh.discovery`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from tealmesh.model.cloudmap import (
    DiscoveredBody,
    DiscoveryServiceBody,
    DnsService,
    InstanceBody,
    NamespaceBody,
    Zones,
)
from tealmesh.model.mesh import Instance
from tealmesh.store import tables
from tealmesh.store.views import Document, Name, View

_Service = tuple[NamespaceBody, DiscoveryServiceBody]


@dataclass
class CloudMap:
    """What one view has. `follow` makes new dictionaries, so snapshots may keep these."""

    instances: Mapping[tuple[str, str], tuple[Instance, ...]] = field(default_factory=dict)
    """By (namespace name, service name)."""
    zones: Zones = field(default_factory=dict)
    """The DNS namespaces, and their services with records."""
    services: Mapping[str, _Service] = field(default_factory=dict)
    """By id."""
    ambiguous: bool = False
    """Whether two services have the same names, so that one hides the other."""

    @classmethod
    def of(cls, view: View) -> CloudMap:
        """All of it."""
        services = dict(_services(view))
        found = _discovered(view)
        zones: dict[str, dict[str, DnsService]] = {
            document.body["name"].lower(): {}
            for document in view.list(tables.NAMESPACES)
            if document.body["wire"]["Type"] != "HTTP"
        }
        named = set()
        by_service = _by_service(view)
        for identity, (namespace, service) in services.items():
            instances = by_service.get(identity, ())
            found[namespace["name"], service["name"]] = instances
            named.add((namespace["name"].lower(), service["name"].lower()))
            records = _records(namespace, service, instances)
            if records is not None and namespace["name"].lower() in zones:
                zones[namespace["name"].lower()].setdefault(service["name"].lower(), records)
        return cls(found, zones, services, ambiguous=len(named) < len(services))

    def follow(self, view: View, changed: set[Name]) -> bool:
        """Take over which instances have changed; False if that is not enough and all has to be
        read anew.
        """
        collections = {collection for collection, _ in changed}
        if not collections.isdisjoint((tables.NAMESPACES, tables.SD_SERVICES)):
            return False
        self._rediscover(view, changed)
        keys = (key for collection, key in changed if collection == tables.INSTANCES)
        identities = {unquote(key.partition("/")[0]) for key in keys}
        if not identities:
            return True
        if self.ambiguous:
            return False
        for identity in identities & self.services.keys():
            self._replace(view, identity)
        return True

    def _rediscover(self, view: View, changed: set[Name]) -> None:
        """Take over what was discovered. Our own services hide others of the same names."""
        keys = (key.split("/") for collection, key in changed if collection == tables.DISCOVERED)
        places = {(unquote(key[0]), unquote(key[1])) for key in keys}
        ours = {
            (namespace["name"], service["name"]) for namespace, service in self.services.values()
        }
        for place in places - ours:
            known = tuple(_found(one) for one in view.list(tables.DISCOVERED, *place))
            others = {at: there for at, there in self.instances.items() if at != place}
            self.instances = {**others, place: known} if known else others

    def _replace(self, view: View, identity: str) -> None:
        namespace, service = self.services[identity]
        instances = tuple(_instance(one) for one in view.list(tables.INSTANCES, identity))
        self.instances = {**self.instances, (namespace["name"], service["name"]): instances}
        records = _records(namespace, service, instances)
        zone = namespace["name"].lower()
        if records is not None and zone in self.zones:
            own = {**self.zones[zone], service["name"].lower(): records}
            self.zones = {**self.zones, zone: own}


def _records(
    namespace: NamespaceBody, service: DiscoveryServiceBody, instances: tuple[Instance, ...]
) -> DnsService | None:
    """A service as DNS knows it; None if it does not."""
    config = service["wire"].get("DnsConfig")
    if not config or namespace["wire"]["Type"] == "HTTP":
        return None
    if "HealthCheckCustomConfig" not in service["wire"]:
        instances = tuple(replace(one, healthy=True) for one in instances)
    return DnsService(frozenset(record["Type"] for record in config["DnsRecords"]), instances)


def _services(view: View) -> Iterator[tuple[str, _Service]]:
    """Every service of Cloud Map with its namespace, by id."""
    namespaces = {d.body["id"]: d.body for d in view.list(tables.NAMESPACES)}
    for document in view.list(tables.SD_SERVICES):
        service = document.body
        namespace = namespaces.get(service["namespaceId"])
        if namespace is not None:
            yield service["id"], (namespace, service)


def _by_service(view: View) -> dict[str, tuple[Instance, ...]]:
    """The instances of each service, which are sorted by id."""
    found: dict[str, list[Instance]] = {}
    for one in view.list(tables.INSTANCES):
        found.setdefault(one.body["serviceId"], []).append(_instance(one))
    return {identity: tuple(instances) for identity, instances in found.items()}


def _discovered(view: View) -> dict[tuple[str, str], tuple[Instance, ...]]:
    """What was discovered, by (namespace name, service name)."""
    found: dict[tuple[str, str], list[Instance]] = {}
    for one in view.list(tables.DISCOVERED):
        found.setdefault((one.body["namespace"], one.body["service"]), []).append(_found(one))
    return {place: tuple(instances) for place, instances in found.items()}


def _found(document: Document[DiscoveredBody]) -> Instance:
    body = document.body
    return Instance(
        id=body["id"],
        attributes=tuple(sorted(body["attributes"].items())),
        healthy=body["healthy"],
        draining="gone" in body or body.get("draining", False),
    )


def _instance(document: Document[InstanceBody]) -> Instance:
    body = document.body
    return Instance(
        id=body["id"],
        attributes=tuple(sorted(body["attributes"].items())),
        healthy=body.get("health", "HEALTHY") != "UNHEALTHY",
        draining=body.get("draining", False),
    )
