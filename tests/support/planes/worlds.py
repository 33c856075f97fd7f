"""Whole meshes of generated specifications, created through the App Mesh service itself.

`plan` chooses what the resources of a mesh know of each other (names, ports, protocols), lets
`specs.Writer` choose the rest at random, and yields the requests in an order in which references
always have a target. A mesh has `SPECS` of them, a fixed number of each kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tealmesh.apis.appmesh.nouns import NOUNS
from tealmesh.apis.appmesh.quotas import Quotas
from tealmesh.aws.wire.validation import validate
from tealmesh.model.certificates import Material
from tealmesh.model.mesh import Instance, Kind, MeshSnapshot, Proxy
from tests.support.meshes.specs import CHOSEN, MODEL, OMIT, Writer
from tests.support.planes.appmesh import Direct

Spec = dict[str, Any]
Port = tuple[int, str]
"""A listener's port and protocol."""

NODES, ROUTERS, SERVICES, ROUTES, GATEWAYS, GATEWAY_ROUTES = 8, 6, 8, 16, 3, 8
SPECS = 1 + NODES + ROUTERS + SERVICES + ROUTES + GATEWAYS + GATEWAY_ROUTES
PROTOCOLS = ("http", "http2", "grpc", "tcp")
UNBOUNDED = Quotas(dict.fromkeys(Kind, 10_000))
_MEMBERS = {"http": "httpRoute", "http2": "http2Route", "grpc": "grpcRoute", "tcp": "tcpRoute"}


@dataclass(frozen=True)
class Made:
    """A specification, with the names of its resource below the mesh."""

    kind: Kind
    names: tuple[str, ...]
    spec: Spec

    def request(self, mesh: str) -> dict[str, Any]:
        """The parameters of Create or Update."""
        names = () if self.kind is Kind.MESH else self.names
        members = NOUNS[self.kind].name_members
        return {**dict(zip(members, (mesh, *names), strict=True)), "spec": self.spec}


def plan(writer: Writer) -> Iterator[Made]:
    """The specifications of one mesh, in the order of creation."""
    yield Made(Kind.MESH, (), writer.spec(Kind.MESH, {}))
    services = [f"s{index}.local" for index in range(SERVICES)]
    # Each protocol has a node and a router, so that routes of each kind have a target.
    nodes = {f"n{i}": _ports(writer, PROTOCOLS[i % 4], PROTOCOLS) for i in range(NODES - 1)}
    routers = {f"r{i}": _ports(writer, PROTOCOLS[i % 4], PROTOCOLS) for i in range(ROUTERS)}
    gateways = {f"g{i}": _ports(writer, PROTOCOLS[i % 3], PROTOCOLS[:3]) for i in range(GATEWAYS)}
    known = [port for ports in nodes.values() for port, _ in ports]
    for name, ports in {**nodes, "caller": []}.items():
        yield Made(Kind.VIRTUAL_NODE, (name,), _node(writer, ports, services, known))
    for name, ports in routers.items():
        yield Made(Kind.VIRTUAL_ROUTER, (name,), _router(writer, ports))
    listening = {}
    for index, name in enumerate(services):
        router, node = f"r{index % ROUTERS}", f"n{index % (NODES - 1)}"
        by_node = index % 3 == 2
        listening[name] = nodes[node] if by_node else routers[router]
        yield Made(Kind.VIRTUAL_SERVICE, (name,), _service(writer, by_node, router, node))
    for index in range(ROUTES):
        router = f"r{index % ROUTERS}"
        yield Made(Kind.ROUTE, (router, f"t{index}"), _route(writer, routers[router], nodes))
    for name, ports in gateways.items():
        yield Made(Kind.VIRTUAL_GATEWAY, (name,), _gateway(writer, ports, known))
    for index in range(GATEWAY_ROUTES):
        name = f"g{index % GATEWAYS}"
        spec = _gateway_route(writer, gateways[name], listening)
        yield Made(Kind.GATEWAY_ROUTE, (name, f"e{index}"), spec)


async def create(direct: Direct, mesh: str, made: Made) -> None:
    """Create the resource as the gateway would: validate it by the model, then call the service."""
    noun, request = NOUNS[made.kind], made.request(mesh)
    validate(MODEL, f"Create{noun.title}", request)
    await direct.call_async(f"create_{noun.verb_object}", **request)


def proxies(snapshot: MeshSnapshot, address: str = "") -> list[Proxy]:
    """The Envoy of every node and gateway: all at ``address``, or redirected if it is empty."""
    named = [
        *((Kind.VIRTUAL_NODE, name) for name in snapshot.virtual_nodes),
        *((Kind.VIRTUAL_GATEWAY, name) for name in snapshot.virtual_gateways),
    ]
    return [Proxy(snapshot.mesh.name, kind, name, address=address) for kind, name in named]


def populated(
    snapshot: MeshSnapshot, chance: Random, material: Mapping[str, Material]
) -> MeshSnapshot:
    """The snapshot with certificates from ACM, and with Cloud Map instances of both IP families for
    two of three nodes.
    """
    cloud_map = {}
    for node in snapshot.virtual_nodes.values():
        source = node.spec.get("serviceDiscovery", {}).get("awsCloudMap")
        if source and chance.random() < 0.7:
            asked = [(one["key"], one["value"]) for one in source.get("attributes", ())]
            where = (source["namespaceName"], source["serviceName"])
            cloud_map[where] = tuple(_instance(chance, index, asked) for index in range(3))
    return replace(snapshot, cloud_map=cloud_map, material=material)


def _instance(chance: Random, index: int, asked: list[tuple[str, str]]) -> Instance:
    addresses = [("AWS_INSTANCE_IPV4", f"127.0.1.{index}"), ("AWS_INSTANCE_IPV6", "::1")]
    shown = chance.sample(addresses, chance.randint(1, 2))
    attributes = tuple(sorted([*asked, *shown]))
    return Instance(f"i{index}", attributes, chance.random() < 0.8, chance.random() < 0.2)


def _ports(writer: Writer, first: str, protocols: tuple[str, ...]) -> list[Port]:
    """One to three listeners, one of them with protocol ``first``."""
    spoken = [first, *writer.chance.choices(protocols, k=writer.chance.randint(0, 2))]
    numbers = writer.chance.sample(range(1024, 15000), len(spoken))
    return list(zip(numbers, spoken, strict=True))


def _listener(writer: Writer, kind: Kind, port: int, protocol: str) -> Spec:
    at = "listeners[]"
    given: dict[str, Any] = {
        f"{at}.portMapping": {"port": port, "protocol": protocol},
        f"{at}.healthCheck.port": port if writer.often() else OMIT,
    }
    if protocol in ("http", "tcp"):
        checked = ("http", "http2") if kind is Kind.VIRTUAL_GATEWAY else ("http", "http2", "tcp")
        given[f"{at}.healthCheck.protocol"] = lambda: writer.chance.choice(checked)
    # A structure may be left out; if it is written, it has the protocol's member.
    for member in ("timeout", "connectionPool"):
        given[f"{at}.{member}.{protocol}"] = CHOSEN
    for member in ("interval", "baseEjectionDuration"):
        given[f"{at}.outlierDetection.{member}.value"] = writer.chance.choice((1, 30, 2**31 - 1))
    made: Spec = writer.part(kind, "listeners", given)
    return made


def _policy_ports(writer: Writer, at: str, known: list[int]) -> dict[str, Any]:
    """The ports of a client policy are ports that exist."""
    return {f"{at}.clientPolicy.tls.ports[]": lambda: writer.chance.choice(known)}


def _node(writer: Writer, ports: list[Port], services: list[str], known: list[int]) -> Spec:
    named = iter(writer.chance.sample(services, len(services)))
    count = writer.chance.randint(2, len(services))
    given: dict[str, Any] = {
        "backends[].virtualService.virtualServiceName": lambda: next(named),
        **_policy_ports(writer, "backends[].virtualService", known),
        **_policy_ports(writer, "backendDefaults", known),
    }
    given["backends"] = [writer.part(Kind.VIRTUAL_NODE, "backends", given) for _ in range(count)]
    if ports:
        given["listeners"] = [_listener(writer, Kind.VIRTUAL_NODE, *one) for one in ports]
        given["serviceDiscovery"] = CHOSEN
    else:
        given |= {"listeners": OMIT, "serviceDiscovery": OMIT}
    return writer.spec(Kind.VIRTUAL_NODE, given)


def _router(writer: Writer, ports: list[Port]) -> Spec:
    listeners = [{"portMapping": {"port": port, "protocol": spoken}} for port, spoken in ports]
    return writer.spec(Kind.VIRTUAL_ROUTER, {"listeners": listeners})


def _service(writer: Writer, by_node: bool, router: str, node: str) -> Spec:
    given = {
        "provider": CHOSEN,
        f"provider.{'virtualNode' if by_node else 'virtualRouter'}": CHOSEN,
        "provider.virtualNode.virtualNodeName": node,
        "provider.virtualRouter.virtualRouterName": router,
    }
    return writer.spec(Kind.VIRTUAL_SERVICE, given)


def _route(writer: Writer, listening: list[Port], nodes: dict[str, list[Port]]) -> Spec:
    port, spoken = writer.chance.choice(listening)
    member = _MEMBERS[spoken]
    given = {
        member: CHOSEN,
        f"{member}.match": CHOSEN,
        f"{member}.match.port": port if len(listening) > 1 or writer.often() else OMIT,
        f"{member}.action.weightedTargets": _targets(writer, spoken, nodes),
    }
    return writer.spec(Kind.ROUTE, given)


def _targets(writer: Writer, spoken: str, nodes: dict[str, list[Port]]) -> list[Spec]:
    able = [
        (name, port, len(ports))
        for name, ports in nodes.items()
        for port, protocol in ports
        if protocol == spoken
    ]
    chosen = writer.chance.sample(able, writer.chance.randint(1, min(10, len(able))))
    weights = [writer.chance.randint(0, 100 // len(chosen)) for _ in chosen]
    weights[0] = max(weights[0], 1)
    made = []
    for (name, port, listeners), weight in zip(chosen, weights, strict=True):
        at = {"port": port} if listeners > 1 or writer.often() else {}
        made.append({"virtualNode": name, "weight": weight, **at})
    return made


def _gateway(writer: Writer, ports: list[Port], known: list[int]) -> Spec:
    listeners = [_listener(writer, Kind.VIRTUAL_GATEWAY, *one) for one in ports]
    policy = _policy_ports(writer, "backendDefaults", known)
    return writer.spec(Kind.VIRTUAL_GATEWAY, {"listeners": listeners, **policy})


def _gateway_route(writer: Writer, listening: list[Port], services: dict[str, list[Port]]) -> Spec:
    port, spoken = writer.chance.choice(listening)
    member = _MEMBERS[spoken]
    service = writer.chance.choice(list(services))
    at, target = f"{member}.action", services[service]
    several = len(target) > 1
    by = writer.chance.choice(("prefix", "path"))
    given = {
        member: CHOSEN,
        f"{member}.match.port": port if len(listening) > 1 or writer.often() else OMIT,
        # A match decides which rewrites are possible.
        f"{member}.match.{by}": CHOSEN,
        f"{at}.rewrite.{by}": CHOSEN,
        f"{at}.target.port": writer.chance.choice(target)[0] if several or writer.often() else OMIT,
        f"{at}.target.virtualService.virtualServiceName": service,
    }
    return writer.spec(Kind.GATEWAY_ROUTE, given)
