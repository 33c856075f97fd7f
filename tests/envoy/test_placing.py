"""A node that is translated once, with a task's own addresses put in, is what would have been
translated for that task alone.
"""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from hypothesis import given, settings

from tealmesh.envoy.placing import ADDRESS, Addresses, shared
from tealmesh.envoy.resources import Resource
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.envoy.translate import Translator
from tealmesh.model.mesh import Kind, MeshSnapshot, Proxy
from tealmesh.xds.protocol.barrier import of_type
from tealmesh.xds.protocol.encode import Encoder, _borne
from tealmesh.xds.protocol.exchange import Change, Request
from tealmesh.xds.protocol.own import Own
from tealmesh.xds.protocol.session import Send
from tealmesh.xds.protocol.stencil import Stencils
from tests.support.drills import examples
from tests.support.meshes.builder import MeshBuilder

CHECK = {
    "protocol": "http",
    "path": "/",
    "healthyThreshold": 2,
    "intervalMillis": 5000,
    "timeoutMillis": 2000,
    "unhealthyThreshold": 2,
}
LIKE_A_PLACEHOLDER = "{address}"


def world() -> MeshSnapshot:
    """A caller, a node with a TCP port, a host that somebody named badly, and a gateway."""
    made = MeshBuilder()
    made.node("app", protocol="http2")
    made.node("db", port=5432, protocol="tcp")
    named = {"dns": {"hostname": LIKE_A_PLACEHOLDER}}
    made.node("outside", serviceDiscovery=named)
    made.instances("app", "10.0.0.1", "10.0.0.2")
    for service, node in (("app.local", "app"), ("db.local", "db"), ("out.local", "outside")):
        protocol, port = ("tcp", 5432) if node == "db" else ("http", 8080)
        made.service(service, f"r-{node}", port=port, protocol=protocol)
        member = "tcpRoute" if node == "db" else "httpRoute"
        more = {"match": {}} if node == "db" else {}
        made.route(f"r-{node}", "all", {node: 1}, member=member, **more)
    made.caller("web", "app.local", "db.local", "out.local")
    made.gateway("edge", port=9000, listener={"healthCheck": CHECK})
    made.gateway_route("edge", "all", "app.local")
    return made.snapshot()


WORLD = world()
LONG = st.ip_addresses().map(str)
ADDRESSES = st.sampled_from(["127.0.0.1", "127.0.0.10", "127.7.0.2", "::1", "10.0.0.1"])


@st.composite
def proxies(draw: st.DrawFn) -> Proxy:
    kinds = [(Kind.VIRTUAL_NODE, name) for name in ("app", "db", "outside", "web")]
    kind, name = draw(st.sampled_from([*kinds, (Kind.VIRTUAL_GATEWAY, "edge")]))
    proxy = Proxy("m", kind, name)
    if draw(st.booleans()):
        proxy = replace(proxy, address=draw(ADDRESSES))
    return replace(
        proxy,
        app_address=draw(ADDRESSES),
        publish_address=draw(st.just("") | ADDRESSES),
        counts_parts=draw(st.booleans()),
    )


@given(proxy=proxies())
@settings(max_examples=examples(60), deadline=None)
def test_it_is_what_the_task_alone_would_get(proxy: Proxy) -> None:
    translator = Translator()
    common, addresses = shared(proxy)
    alone = translator.translate(WORLD, proxy)
    together = Own(addresses).resources(translator.translate(WORLD, common))
    for type_ in T:
        expected, got = of_type(alone, type_), of_type(together, type_)
        assert got.keys() == expected.keys()
        for name, resource in expected.items():
            assert (got[name].body, got[name].refers_to) == (resource.body, resource.refers_to)


@given(first=proxies(), address=ADDRESSES, app_address=ADDRESSES)
def test_those_that_differ_in_addresses_have_one_in_common(
    first: Proxy, address: str, app_address: str
) -> None:
    if not first.address or first.publish_address in (first.address, address):
        return
    default = Proxy.app_address in (first.app_address, app_address)
    second = replace(first, address=address, app_address=app_address)
    same = shared(first)[0] == shared(second)[0]
    assert same or (default and first.app_address != app_address)
    assert shared(first)[1] != shared(second)[1] or first == second


@pytest.mark.parametrize("delta", [True, False])
def test_responses_bear_the_addresses_of_each(delta: bool) -> None:
    proxy = Proxy("m", Kind.VIRTUAL_NODE, "app", address="127.7.0.2", app_address="127.7.0.3")
    common, addresses = shared(proxy)
    resources = Translator().translate(WORLD, common)
    encoder, own = Encoder(), Own(addresses)
    other = Own(shared(replace(proxy, address="127.7.0.4"))[1])
    removed = frozenset({"lds_ingress_{address}_1"})
    for type_ in (T.CLUSTER, T.LISTENER, T.ROUTE):
        change = Change(of_type(resources, type_), removed, "v")
        send = Send(type_.value, "7", change)
        encoder.encode(send, other, delta=delta)
        sent = encoder.encode(send, own, delta=delta)
        expected = own.change(change)
        assert _read(sent, delta=delta) == ("7", "v", type_.value, *_of(expected, delta=delta))
        assert b"{" not in b"".join(one.body for one in expected.resources.values())
    assert encoder.encodes == 3


@given(address=ADDRESSES | LONG, app_address=ADDRESSES, others=st.lists(ADDRESSES, max_size=4))
@settings(max_examples=examples(30), deadline=None)
def test_what_is_filled_in_is_what_would_have_been_encoded(
    address: str, app_address: str, others: list[str]
) -> None:
    proxy = Proxy("m", Kind.VIRTUAL_NODE, "app", address=address, app_address=app_address)
    common, addresses = shared(proxy)
    resources = Translator().translate(WORLD, common)
    calls: list[Own] = []
    for type_ in (T.CLUSTER, T.LISTENER):
        change = Change(of_type(resources, type_), frozenset({"lds_{address}_1"}), "v")

        def encode(own: Own, change: Change = change) -> bytes:
            calls.append(own)
            return _borne(change, True, own)

        stencils, before = Stencils(encode), len(calls)
        for one in (Own(addresses), *(Own(_moved(addresses, other)) for other in others)):
            assert stencils.filled(one) == _borne(change, True, one)
        lengths = {len(address), *map(len, others)}
        assert len(calls) - before == 2 * len(lengths)  # marks, and other marks


def _moved(addresses: Addresses, to: str) -> Addresses:
    return tuple((name, to if name == ADDRESS else old) for name, old in addresses)


def test_an_address_that_is_none_is_not_filled_in() -> None:
    stencils = Stencils(lambda own: own.text("<{address}>").encode())
    for address in ("1.2.3.4", "\x01\x02", "ü", "fe80::1%eth0"):
        assert stencils.filled(Own(((ADDRESS, address),))) == f"<{address}>".encode()


def _of(change: Change, *, delta: bool) -> tuple[object, ...]:
    bodies = sorted(one.body for one in change.resources.values())
    named = sorted((one.name, one.version) for one in change.resources.values())
    return (bodies, named, sorted(change.removed)) if delta else (bodies,)


def _read(sent: bytes, *, delta: bool) -> tuple[object, ...]:
    if not delta:
        world = discovery_pb2.DiscoveryResponse.FromString(sent)
        bodies = sorted(one.SerializeToString(deterministic=True) for one in world.resources)
        return world.nonce, world.version_info, world.type_url, bodies
    answer = discovery_pb2.DeltaDiscoveryResponse.FromString(sent)
    bodies = sorted(one.resource.SerializeToString(deterministic=True) for one in answer.resources)
    named = sorted((one.name, one.version) for one in answer.resources)
    removed = sorted(answer.removed_resources)
    version = answer.system_version_info
    return answer.nonce, version, answer.type_url, bodies, named, removed


def test_what_an_envoy_asks_for_is_understood() -> None:
    own = Own((("{address}", "127.0.0.1"),))
    name, common = "lds_ingress_127.0.0.1_80", "lds_ingress_{address}_80"
    asked = Request(
        names=(name,),
        subscribe=(name, "*"),
        unsubscribe=("x",),
        initial_versions={name: "1"},
        error=f"{name}: not now, 127.0.0.12",
    )
    understood = own.request(T.LISTENER, asked)
    assert (understood.names, understood.subscribe) == ((common,), (common, "*"))
    assert (understood.unsubscribe, understood.initial_versions) == (("x",), {common: "1"})
    assert own.text(understood.error or "") == asked.error
    # Names of other types are users': none of them bears an address.
    assert own.request(T.CLUSTER, Request(names=(name,))).names == (name,)


def test_names_that_no_placeholder_is_in_stay() -> None:
    own = Own((("{app_address}", "127.0.0.9"),))
    resource = Resource("c", "1", b"no message, {app_addres}")
    assert own.resource(resource) is resource
