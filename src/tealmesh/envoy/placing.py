"""What is one task's own in the configuration of its node: addresses, and names that contain them.

The tasks of a node are configured alike, except that those without redirection (plain processes)
bind listeners at an address of their own, and that their applications do. So a node is translated
once, with placeholders for addresses (`shared`), and a task's own stand in for them (`placed`) in
what is sent to its Envoy. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from google.protobuf import any_pb2

from tealmesh.envoy.protos import serialized
from tealmesh.envoy.resources import Resource, ResourceType
from tealmesh.model.mesh import Proxy

ADDRESS, APP_ADDRESS, PUBLISH_ADDRESS = "{address}", "{app_address}", "{publish_address}"
"""Placeholders: no address can be confused with them."""
_PLACEHOLDERS = tuple(one.encode() for one in (ADDRESS, APP_ADDRESS, PUBLISH_ADDRESS))

Addresses: TypeAlias = tuple[tuple[str, str], ...]
"""A task's own: each placeholder with what stands in for it."""


def shared(proxy: Proxy) -> tuple[Proxy, Addresses]:
    """The Envoy that all tasks which are configured alike have in common, and the addresses of this
    one. The same Envoy and no addresses for one that has none of its own.
    """
    own: dict[str, str] = {}
    address, app_address, published = proxy.address, proxy.app_address, proxy.publish_address
    if address:
        own[ADDRESS] = address
        address = ADDRESS
    if app_address != Proxy.app_address:
        own[APP_ADDRESS] = app_address
        app_address = APP_ADDRESS
    if published == proxy.address:
        published = address  # then nothing is published beside it
    elif published:
        own[PUBLISH_ADDRESS] = published
        published = PUBLISH_ADDRESS
    if not own:
        return proxy, ()
    common = replace(proxy, address=address, app_address=app_address, publish_address=published)
    return common, tuple(own.items())


def bears(resource: Resource) -> bool:
    """Whether ``resource`` may have a placeholder. Some text of a user may look like one: that is
    left as it is.
    """
    return any(one in resource.body for one in _PLACEHOLDERS) or ADDRESS in resource.name


def placed(resource: Resource, addresses: Addresses) -> Resource:
    """``resource`` with a task's own addresses. Its version stays, so that it says what the task's
    Envoy holds: as long as this Envoy runs its addresses do not change.
    """
    holder = any_pb2.Any.FromString(resource.body)
    own = dict(addresses)
    name = resource.name
    if holder.type_url == ResourceType.LISTENER:
        name = named(name, addresses)
        holder.value = _listener(holder.value, name, own)
    elif holder.type_url == ResourceType.CLUSTER:
        holder.value = _cluster(holder.value, own)
    else:
        return resource
    return replace(resource, name=name, body=serialized(holder))


def named(text: str, addresses: Addresses) -> str:
    """The name of a listener, or text that contains it, with the task's own address."""
    for placeholder, own in addresses:
        if placeholder == ADDRESS:
            return text.replace(ADDRESS, own)
    return text


def _listener(body: bytes, name: str, own: dict[str, str]) -> bytes:
    listener = listener_pb2.Listener.FromString(body)
    listener.name = name
    bound = [listener.address, *(one.address for one in listener.additional_addresses)]
    for address in bound:
        given = address.socket_address.address
        if given in own:
            address.socket_address.address = own[given]
    return serialized(listener)


def _cluster(body: bytes, own: dict[str, str]) -> bytes:
    """A cluster that leads to the task itself. Others that name hosts look them up: their names are
    users' own.
    """
    cluster = cluster_pb2.Cluster.FromString(body)
    if cluster.type != cluster_pb2.Cluster.DiscoveryType.STATIC:
        return body
    for locality in cluster.load_assignment.endpoints:
        for one in locality.lb_endpoints:
            given = one.endpoint.address.socket_address.address
            if given in own:
                one.endpoint.address.socket_address.address = own[given]
    return serialized(cluster)
