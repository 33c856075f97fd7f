"""Where load balancers listen: rules that hold for any load balancers, and examples."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.engine.load_balancers.plan import leaving, local_ports, plan
from tealmesh.model.load_balancers import BY_HOST, LoadBalancerBody, PlaceBody

PREFIX = "arn:aws:elasticloadbalancing:us-east-1:123456789012"


def arn_of(name: str, identity: str = "1", region: str = "us-east-1") -> str:
    prefix = f"arn:aws:elasticloadbalancing:{region}:123456789012"
    return f"{prefix}:loadbalancer/app/{name}/{identity}"


def balancer(
    name: str, *ports: int, protocol: str = "HTTP", identity: str = "1"
) -> LoadBalancerBody:
    return {
        "LoadBalancerArn": arn_of(name, identity),
        "LoadBalancerName": name,
        "DNSName": f"{name}-1.us-east-1.elb.amazonaws.com",
        "Type": "application",
        "Scheme": "internet-facing",
        "Attributes": {},
        "Listeners": [
            {
                "ListenerArn": f"{PREFIX}:listener/app/{name}/1/{port}",
                "Port": port,
                "Protocol": protocol,
                "Certificates": [],
                "DefaultActions": [],
                "Rules": [],
                "Attributes": {},
            }
            for port in ports
        ],
    }


def planned(
    bodies: list[LoadBalancerBody],
    places: dict[str, PlaceBody],
    lowest_port: int = 1024,
    by_host: int | None = None,
    taken: Collection[int] = (),
) -> dict[str, PlaceBody]:
    """``taken``: ports that other programs have bound."""
    wanted = {body["LoadBalancerArn"]: body for body in bodies}
    return plan(
        wanted,
        places,
        address=lambda n: f"a{n}",
        lowest_port=lowest_port,
        free=lambda address, port: port not in taken,
        by_host=by_host,
    )


def test_ports_below_1024_are_mapped_for_users_who_are_not_root() -> None:
    front = balancer("front", 80, 443, 8080)
    assert planned([front], {}) == {
        arn_of("front"): {"address": "a0", "ports": {"80": 9080, "443": 8443, "8080": 8080}}
    }
    as_root = planned([front], {}, lowest_port=1)
    assert as_root[arn_of("front")]["ports"] == {"80": 80, "443": 443, "8080": 8080}


def test_a_port_that_another_program_has_is_mapped_too() -> None:
    ports = planned([balancer("front", 80, 9000)], {}, taken=[8080, 9000])[arn_of("front")]["ports"]
    assert ports == {"80": 9080, "9000": 17000}


def test_a_new_listener_takes_no_port_from_another() -> None:
    places = planned([balancer("front", 80)], {})
    assert places[arn_of("front")]["ports"] == {"80": 8080}
    changed = planned([balancer("front", 80, 8080)], places)
    assert changed[arn_of("front")]["ports"] == {"80": 8080, "8080": 16080}


def test_a_port_that_may_no_longer_be_bound_is_mapped_anew() -> None:
    places = planned([balancer("front", 80)], {}, lowest_port=1)
    assert planned([balancer("front", 80)], places)[arn_of("front")]["ports"] == {"80": 8080}


def test_a_name_is_free_again_when_its_former_envoy_is_gone() -> None:
    old = planned([balancer("front", 80)], {})
    new = balancer("front", 80, identity="2")
    assert planned([new], old) == {}
    assert leaving({new["LoadBalancerArn"]: new}, arn_of("front"))
    assert list(planned([new], {})) == [arn_of("front", "2")]


def test_of_two_regions_load_balancers_of_one_name_one_listens() -> None:
    here = balancer("front", 80)
    there: LoadBalancerBody = {**here, "LoadBalancerArn": arn_of("front", region="eu-west-1")}
    assert len(planned([here, there], {})) == 1


def test_the_port_by_host_is_there_while_a_listener_has_no_tls() -> None:
    bodies = [balancer("front", 80)]
    places = planned(bodies, {}, by_host=80)
    assert places[BY_HOST]["ports"] == {"80": 80}
    assert planned(bodies, places, by_host=81)[BY_HOST]["ports"] == {"81": 81}
    assert BY_HOST in planned([balancer("flows", 80, protocol="TCP")], {}, by_host=80)
    tls = balancer("secrets", 443, protocol="TLS")
    assert BY_HOST not in planned([tls], {}, by_host=80)
    assert leaving({tls["LoadBalancerArn"]: tls}, BY_HOST)
    assert BY_HOST not in planned(bodies, {}, by_host=None)


PORTS = st.lists(st.integers(1, 65535), unique=True, max_size=20)


@given(PORTS, PORTS, st.sampled_from([1, 80, 1024]))
def test_local_ports_are_distinct_allowed_and_kept(
    before: list[int], now: list[int], lowest: int
) -> None:
    known = local_ports(before, {}, lowest)
    local = local_ports(now, known, lowest)
    assert set(local) == {str(port) for port in now}
    assert len(set(local.values())) == len(now)
    assert all(lowest <= port <= 65535 for port in local.values())
    assert all(local[port] == known[port] for port in local.keys() & known.keys())


NAMES = st.lists(st.sampled_from("abcde"), unique=True)


@given(st.lists(NAMES, max_size=8))
def test_addresses_are_distinct_and_kept(history: list[list[str]]) -> None:
    places: dict[str, PlaceBody] = {}
    for names in history:
        bodies = [balancer(name, 80) for name in names]
        wanted = {body["LoadBalancerArn"]: body for body in bodies}
        changed = planned(bodies, places)
        assert not changed.keys() & places.keys()
        places |= changed
        addresses = [place["address"] for place in places.values()]
        assert len(set(addresses)) == len(addresses)
        assert wanted.keys() <= places.keys()
        # What leaves has gone by the next time.
        places = {arn: p for arn, p in places.items() if not leaving(wanted, arn)}


def test_containers_reach_the_listeners_own_ports_but_those_that_others_have() -> None:
    bodies = {arn_of("web"): balancer("web", 80, 443)}

    def planned_for(places: dict[str, PlaceBody], taken: Collection[int]) -> dict[str, PlaceBody]:
        return plan(
            bodies,
            places,
            address=lambda n: f"a{n}",
            lowest_port=1,
            free=lambda address, port: address != "in-a0" or port not in taken,
            by_host=None,
            inside="in-{}".format,
        )

    (place,) = planned_for({}, {443}).values()
    assert (place["containerAddress"], place["containerPorts"]) == ("in-a0", [80])
    # Once it has a port there, its own Envoy has it.
    assert planned_for({arn_of("web"): place}, {80, 443}) == {}
    (more,) = planned_for({arn_of("web"): place}, {80}).values()
    assert more["containerPorts"] == [80, 443]
