"""Envoy resources as bytes, with the references between them.

Bodies are encoded once, deterministically, and shared by every stream that carries them. The names
that a body refers to stand beside it, because Envoy itself does not check that a route's clusters
exist (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/rds): `xds`
checks every reference before anything is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from google.protobuf import any_pb2, message

from tealmesh.envoy.protos import serialized


class ResourceType(StrEnum):
    """The v3 resource types, in the order in which several that are due are sent."""

    CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    ENDPOINT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - a type, not a password
    LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
    ROUTE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"


@dataclass(frozen=True)
class Resource:
    """One Envoy resource."""

    name: str

    version: str
    """A hash of the content, 16 hexadecimal digits."""

    body: bytes = field(repr=False)
    """A serialized ``google.protobuf.Any``. A secret's is a private key: nothing prints a body."""

    refers_to: frozenset[str] = frozenset()
    """Names of what it needs: a cluster its endpoints and secrets, a route its clusters, a listener
    its routes (``rds_…``), clusters (``cds_…``) and secrets (``certificate:…``, ``trust:…``)."""


@dataclass(frozen=True)
class ResourceSet:
    """All resources of one Envoy, by type and name."""

    clusters: Mapping[str, Resource] = field(default_factory=dict)
    endpoints: Mapping[str, Resource] = field(default_factory=dict)
    listeners: Mapping[str, Resource] = field(default_factory=dict)
    routes: Mapping[str, Resource] = field(default_factory=dict)
    secrets: Mapping[str, Resource] = field(default_factory=dict)


def encode(name: str, content: message.Message, refers_to: Iterable[str] = ()) -> Resource:
    """``content`` as the resource ``name``; the same content always gives the same bytes."""
    type_url = f"type.googleapis.com/{content.DESCRIPTOR.full_name}"
    return encoded(name, type_url, serialized(content), refers_to)


def encoded(name: str, type_url: str, value: bytes, refers_to: Iterable[str] = ()) -> Resource:
    """The resource ``name`` of a message that is already encoded, deterministically."""
    body: bytes = any_pb2.Any(type_url=type_url, value=value).SerializeToString()
    version = hashlib.sha256(body).hexdigest()[:16]
    return Resource(name, version, body, frozenset(refers_to))


def by_name(resources: Iterable[Resource]) -> dict[str, Resource]:
    """The resources keyed and sorted by name."""
    return {resource.name: resource for resource in sorted(resources, key=lambda r: r.name)}


def dangling(resources: ResourceSet) -> list[str]:
    """One line for each reference to an absent resource; empty when the set is consistent."""
    return sorted(_dangling(resources))


def _dangling(resources: ResourceSet) -> Iterator[str]:
    for cluster in resources.clusters.values():
        for name in cluster.refers_to - resources.endpoints.keys() - resources.secrets.keys():
            yield f"cluster {cluster.name} needs {name}, which is absent"
    for route in resources.routes.values():
        for name in route.refers_to - resources.clusters.keys():
            yield f"route {route.name} leads to cluster {name}, which is absent"
    present = resources.routes.keys() | resources.clusters.keys() | resources.secrets.keys()
    for listener in resources.listeners.values():
        for name in listener.refers_to - present:
            yield f"listener {listener.name} needs {name}, which is absent"
