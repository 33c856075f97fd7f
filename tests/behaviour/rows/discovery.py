"""Service discovery: how a node's instances are found by Cloud Map and DNS, and IP preferences.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_ServiceDiscovery.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.behaviour.table import Row, call, cloud_map, listener, route

AT = "virtualNode.serviceDiscovery"
BOTH = frozenset({"blue", "green"})


def _node(discovery: Any, port: Any = None) -> dict[str, Any]:
    return {"listeners": [listener("http", port)], "serviceDiscovery": discovery}


def _dns() -> Iterator[Row]:
    def row(name: str, says: str, paths: tuple[str, ...], dns: Any, *calls: Any) -> Row:
        proves = tuple(f"{AT}.dns.{path}" for path in paths)
        return Row(name, says, proves, calls, nodes={"blue": _node({"dns": dns})})

    yield row(
        "dns-hostname",
        "requests to a node go to the address of its DNS name",
        ("hostname",),
        {"hostname": "outside.test"},
        call("/", "green", times=3),
    )
    yield row(
        "dns-endpoints",
        "ENDPOINTS: requests are balanced over all addresses of the name",
        ("responseType", "hostname"),
        {"hostname": "both.test", "responseType": "ENDPOINTS"},
        call(times=12, spread=BOTH),
    )
    yield row(
        "dns-loadbalancer",
        "LOADBALANCER: the name is that of one load balancer; its first address is used",
        ("responseType",),
        {"hostname": "both.test", "responseType": "LOADBALANCER"},
        call(times=12, spread=frozenset({"blue"})),
    )
    yield row(
        "dns-default",
        "without a response type the name is that of one load balancer",
        ("hostname",),
        {"hostname": "both.test"},
        call(times=12, spread=frozenset({"blue"})),
    )
    yield row(
        "dns-unknown",
        "requests to a name that does not exist get 503",
        ("hostname",),
        {"hostname": "nowhere.test", "responseType": "ENDPOINTS"},
        call(status=503, tries=0),
    )


FAMILIES = {
    "IPv4_ONLY": "blue",
    "IPv6_ONLY": "six",
    "IPv4_PREFERRED": "blue",
    "IPv6_PREFERRED": "six",
}


def _families() -> Iterator[Row]:
    instances = {"blue": (("blue", {"attributes": {"AWS_INSTANCE_IPV6": "::1"}}),)}
    for preference, answers in FAMILIES.items():
        name = preference.lower().replace("_", "-")
        by_name = {"dns": {"hostname": "mixed.test", "ipPreference": preference}}
        by_map = cloud_map("blue", ipPreference=preference)
        in_mesh = {"serviceDiscovery": {"ipPreference": preference}}
        says = f"{preference}: which address is used of a node that has both families"
        yield Row(
            f"dns-{name}",
            says,
            (f"{AT}.dns.ipPreference",),
            (call("/", answers, times=2),),
            nodes={"blue": _node(by_name, "$SIX_PORT")},
        )
        yield Row(
            f"cloud-map-{name}",
            says,
            (f"{AT}.awsCloudMap.ipPreference",),
            (call("/", answers, times=2),),
            nodes={"blue": _node(by_map, "$SIX_PORT")},
            instances=instances,
        )
        yield Row(
            f"mesh-{name}",
            f"{says}, unless the node has a preference",
            ("mesh.serviceDiscovery.ipPreference",),
            (call("/", answers, times=2),),
            mesh=in_mesh,
            nodes={"blue": _node(cloud_map("blue"), "$SIX_PORT")},
            instances=instances,
        )
    yield Row(
        "ip-preference-of-the-node",
        "the node's own preference overrides the mesh's",
        ("mesh.serviceDiscovery.ipPreference", f"{AT}.awsCloudMap.ipPreference"),
        (call("/", "six", times=2),),
        mesh={"serviceDiscovery": {"ipPreference": "IPv4_ONLY"}},
        nodes={"blue": _node(cloud_map("blue", ipPreference="IPv6_ONLY"), "$SIX_PORT")},
        instances=instances,
    )


def _cloud_map() -> Iterator[Row]:
    at = f"{AT}.awsCloudMap"
    instances = (
        ("blue", {"attributes": {"VERSION": "1", "ZONE": "a"}}),
        ("green", {"attributes": {"VERSION": "1", "ZONE": "b"}}),
        ("moody", {"attributes": {"VERSION": "2", "ZONE": "a"}}),
        ("sick", {"attributes": {"VERSION": "1", "ZONE": "a"}, "healthy": False}),
        ("dead", {"attributes": {"VERSION": "1", "ZONE": "a"}, "draining": True}),
    )

    def attributes(**wanted: str) -> dict[str, Any]:
        pairs = [{"key": key, "value": value} for key, value in wanted.items()]
        return dict(cloud_map("blue", attributes=pairs))

    yield Row(
        "cloud-map-service",
        "requests to a node go to the instances of its service in its namespace",
        (f"{at}.namespaceName", f"{at}.serviceName"),
        (call(times=12, spread=BOTH),),
        instances={"blue": ("blue", "green")},
    )
    yield Row(
        "cloud-map-attributes",
        "only healthy instances that have all the attributes get requests",
        (f"{at}.attributes[].key", f"{at}.attributes[].value"),
        (call("/one", "blue", times=6), call("/two", times=12, spread=BOTH)),
        nodes={
            "one": _node(attributes(VERSION="1", ZONE="a")),
            "two": _node(attributes(VERSION="1")),
        },
        instances={"blue": instances},
        routes={"one": route("one", {"prefix": "/one"}), "two": route("two", {"prefix": "/two"})},
    )
    yield Row(
        "cloud-map-unhealthy",
        "an instance unhealthy in Cloud Map gets no requests; with no other instance, 503",
        (f"{at}.serviceName",),
        (call(status=503, tries=0),),
        instances={"blue": (("blue", {"healthy": False}),)},
    )


def _namespaces() -> Iterator[Row]:
    """Names in DNS namespaces of Cloud Map: what Route 53 answers there in a VPC."""
    address = ("A",)
    unhealthy = {"healthy": False}

    def row(name: str, says: str, services: Any, *calls: Any, **dns: Any) -> Row:
        own = {"hostname": "blue.d.local", **dns}
        proves = tuple(f"{AT}.dns.{member}" for member in own)
        zones = {"d.local": services, "local": {"blue.d": (address, ("dead",))}}
        return Row(
            f"dns-namespace-{name}",
            says,
            proves,
            calls,
            nodes={"blue": _node({"dns": own})},
            zones=zones,
        )

    both = {"blue": (address, ("blue", "green"))}
    for response in ("ENDPOINTS", "LOADBALANCER"):
        yield row(
            response.lower(),
            f"{response}: a name in a DNS namespace leads to all instances of its service",
            both,
            call(times=12, spread=BOTH),
            responseType=response,
        )
    yield row(
        "case",
        "upper and lower case are the same in names of namespaces",
        both,
        call(times=12, spread=BOTH),
        hostname="Blue.D.Local.",
    )
    yield row(
        "unhealthy",
        "instances that are unhealthy in Cloud Map or drain get no requests",
        {"blue": (address, ("green", ("sick", unhealthy), ("dead", {"draining": True})))},
        call("/", "green", times=6),
    )
    yield row(
        "none-healthy",
        "if all instances are unhealthy in Cloud Map, Route 53 answers with all",
        {"blue": (address, (("green", unhealthy), ("dead", {"draining": True})))},
        call("/", "green", times=6),
    )
    yield row(
        "srv",
        "a service with SRV records alone has no address, so requests get 503",
        {"blue": (("SRV",), ("green",))},
        call(status=503, tries=0),
    )
    yield row(
        "srv-instance",
        "an instance's own name in a service with SRV records leads to that instance",
        {"blue": (("SRV",), (("green", {"id": "One"}), "blue"))},
        call("/", "green", times=4),
        hostname="one.blue.d.local",
    )
    yield row(
        "unknown",
        "a name that no service of the namespace has does not exist: requests get 503",
        {"other": (address, ("green",))},
        call(status=503, tries=0),
    )
    alias = ("dead", {"attributes": {"AWS_INSTANCE_CNAME": "outside.test."}})
    yield row(
        "cname",
        "a CNAME record is followed out of the namespace",
        {"blue": (("CNAME",), (alias,))},
        call("/", "green", times=3),
    )
    inward = ("dead", {"attributes": {"AWS_INSTANCE_CNAME": "shop.d.local"}})
    yield row(
        "cname-inside",
        "a CNAME record is followed within the namespace",
        {"blue": (("CNAME",), (inward,)), "shop": (address, ("green",))},
        call("/", "green", times=3),
    )
    six = (("blue", {"attributes": {"AWS_INSTANCE_IPV6": "::1"}}),)
    for preference, answers in FAMILIES.items():
        name = preference.lower().replace("_", "-")
        yield Row(
            f"dns-namespace-{name}",
            f"{preference}: which records of a service with A and AAAA records are used",
            (f"{AT}.dns.ipPreference",),
            (call("/", answers, times=2),),
            nodes={
                "blue": _node(
                    {"dns": {"hostname": "blue.d.local", "ipPreference": preference}}, "$SIX_PORT"
                )
            },
            zones={"d.local": {"blue": (("A", "AAAA"), six)}},
        )


ROWS: tuple[Row, ...] = (*_dns(), *_namespaces(), *_families(), *_cloud_map())
