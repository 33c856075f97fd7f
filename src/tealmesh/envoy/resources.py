"""Envoy resources as bytes, with the references between them.

Bodies are encoded once, deterministically, and shared by every stream that carries them. What a
body refers to stands beside it, because Envoy itself does not check that a route's clusters exist
(https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/rds): we check
every reference before anything is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from google.protobuf import any_pb2


class ResourceType(StrEnum):
    """The v3 resource types, in the order in which several that are due are sent."""

    CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    ENDPOINT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - a type, not a password
    LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
    ROUTE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"


@dataclass(frozen=True)
class Resource:
    """One Envoy resource.

    ``version`` is a hash of the content (16 hexadecimal digits), ``body`` a serialized
    ``google.protobuf.Any``. ``refers_to`` names what it needs: a cluster its endpoints and
    secrets, a route its clusters, a listener its routes (``rds_...``), clusters (``cds_...``) and
    secrets (``certificate:...``, ``trust:...``). A secret's body is a private key: nothing prints
    a body.
    """

    name: str
    version: str
    body: bytes = field(repr=False)
    refers_to: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ResourceSet:
    """Everything that one Envoy shall run with, by type and name."""

    clusters: Mapping[str, Resource] = field(default_factory=dict)
    endpoints: Mapping[str, Resource] = field(default_factory=dict)
    listeners: Mapping[str, Resource] = field(default_factory=dict)
    routes: Mapping[str, Resource] = field(default_factory=dict)
    secrets: Mapping[str, Resource] = field(default_factory=dict)


def encode(name: str, message: Any, refers_to: Iterable[str] = ()) -> Resource:
    """``message`` as the resource ``name``; the same content always gives the same bytes."""
    message_type = f"type.googleapis.com/{message.DESCRIPTOR.full_name}"
    return encoded(name, message_type, message.SerializeToString(deterministic=True), refers_to)


def encoded(name: str, type_url: str, value: bytes, refers_to: Iterable[str] = ()) -> Resource:
    """The same of a message that has been encoded already, deterministically."""
    body: bytes = any_pb2.Any(type_url=type_url, value=value).SerializeToString()
    version = hashlib.sha256(body).hexdigest()[:16]
    return Resource(name, version, body, frozenset(refers_to))


def by_name(resources: Iterable[Resource]) -> dict[str, Resource]:
    """The resources keyed and sorted by name."""
    return {resource.name: resource for resource in sorted(resources, key=lambda r: r.name)}


def dangling(resources: ResourceSet) -> list[str]:
    """One line for each name that is referred to and absent; empty when all is consistent."""
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
