"""What the barrier lets through, case by case; test_session.py has every order of events."""

from __future__ import annotations

from tealmesh.envoy.resources import Resource, ResourceSet
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.xds.protocol.barrier import WARMING_SECONDS, Nothing, make_before_break
from tealmesh.xds.protocol.exchange import Flight, unknown


def made(name: str, version: str = "1", *refers_to: str) -> dict[str, Resource]:
    return {name: Resource(name, version, version.encode(), frozenset(refers_to))}


LISTENER = made("l", "1", "r")
BLUE, GREEN = made("blue"), made("green")
TO_BLUE, TO_GREEN = made("r", "1", "blue"), made("r", "2", "green")
TARGET = ResourceSet(GREEN, {}, LISTENER, TO_GREEN)


def held(resources: dict[str, Resource], *flights: Flight) -> Nothing:
    sent = dict(resources)
    for flight in flights:
        sent.update(flight.upserts)
    return Nothing(acked=resources, sent=sent, flights=flights)


def flight(resources: dict[str, Resource], at: float, *removed: str) -> Flight:
    return Flight("n", at, "v", resources, frozenset(removed))


def test_first_clusters_old_and_new() -> None:
    states = {T.CLUSTER: held(BLUE), T.LISTENER: held(LISTENER), T.ROUTE: held(TO_BLUE)}
    permit = make_before_break(TARGET, states, 0.0)
    assert permit.offers[T.CLUSTER].resources == {**BLUE, **GREEN}
    assert permit.offers[T.ROUTE].resources == TO_BLUE


def test_a_route_waits_for_the_ack_for_as_long_as_envoy_warms() -> None:
    clusters = held(BLUE, flight(GREEN, at=100.0))
    states = {T.CLUSTER: clusters, T.LISTENER: held(LISTENER), T.ROUTE: held(TO_BLUE)}
    waiting = make_before_break(TARGET, states, 100.0)
    assert waiting.offers[T.ROUTE].resources == TO_BLUE
    assert waiting.wake_at == 100.0 + WARMING_SECONDS
    over = make_before_break(TARGET, states, 100.0 + WARMING_SECONDS)
    assert over.offers[T.ROUTE].resources == TO_GREEN


def test_a_route_that_is_new_is_withheld_and_its_listener_with_it() -> None:
    states = {T.CLUSTER: held({}, flight(GREEN, at=0.0)), T.LISTENER: held({}), T.ROUTE: held({})}
    permit = make_before_break(TARGET, states, 1.0)
    assert permit.offers[T.ROUTE].withheld == {"r"}
    assert permit.offers[T.LISTENER].withheld == {"l"}


def test_a_cluster_stays_until_the_route_is_acknowledged() -> None:
    both = held({**BLUE, **GREEN})
    under_way = held(TO_BLUE, flight(TO_GREEN, at=0.0))
    states = {T.CLUSTER: both, T.LISTENER: held(LISTENER), T.ROUTE: under_way}
    assert make_before_break(TARGET, states, 0.0).offers[T.CLUSTER].resources.keys() == {
        "blue",
        "green",
    }
    states[T.ROUTE] = held(TO_GREEN)
    assert make_before_break(TARGET, states, 0.0).offers[T.CLUSTER].resources == GREEN


def test_a_cluster_that_is_being_removed_does_not_count_as_present() -> None:
    leaving = held({**BLUE, **GREEN}, flight({}, 0.0, "green"))
    states = {T.CLUSTER: leaving, T.LISTENER: held(LISTENER), T.ROUTE: held(TO_BLUE)}
    assert make_before_break(TARGET, states, 0.0).offers[T.ROUTE].resources == TO_BLUE


def test_a_pure_change_of_weight_waits_for_nothing() -> None:
    heavier = made("r", "3", "blue")
    target = ResourceSet(BLUE, {}, LISTENER, heavier)
    warming_something_else = held(BLUE, flight({**BLUE, **GREEN}, at=0.0))
    states = {
        T.CLUSTER: warming_something_else,
        T.LISTENER: held(LISTENER),
        T.ROUTE: held(TO_BLUE),
    }
    permit = make_before_break(target, states, 0.0)
    assert permit.offers[T.ROUTE].resources == heavier
    assert permit.wake_at is None


def test_endpoints_flow_at_once_and_those_of_old_clusters_stay() -> None:
    target = ResourceSet(GREEN, made("green", "2"), LISTENER, TO_GREEN)
    states = {T.CLUSTER: held(BLUE), T.ENDPOINT: held({**made("blue"), **made("green", "1")})}
    permit = make_before_break(target, states, 0.0)
    assert permit.offers[T.ENDPOINT].resources == {**made("blue"), **made("green", "2")}


def test_a_route_of_unknown_content_keeps_every_cluster() -> None:
    states = {
        T.CLUSTER: held({**BLUE, **GREEN}),
        T.LISTENER: held(LISTENER),
        T.ROUTE: held({"old": unknown("old", "?"), **TO_GREEN}),
    }
    offered = make_before_break(TARGET, states, 0.0).offers[T.CLUSTER].resources
    assert offered.keys() == {"blue", "green"}
