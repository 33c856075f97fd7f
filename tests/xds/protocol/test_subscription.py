"""The rules of the protocol, one by one."""

from __future__ import annotations

import pytest

from tealmesh.envoy.resources import Resource
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.xds.protocol.exchange import Ack, Nack, Offer, Request, version_of
from tealmesh.xds.protocol.subscription import DeltaSubscription, SotwSubscription, Subscription


def made(*versions: str) -> dict[str, Resource]:
    """``a1`` is resource ``a`` in version 1."""
    return {v[0]: Resource(v[0], v, v.encode()) for v in versions}


def sent(subscription: Subscription, offer: Offer, nonce: str) -> tuple[list[str], list[str]]:
    """What goes out, (versions, removed); it is counted as sent under ``nonce``."""
    change = subscription.due(offer)
    assert change is not None
    subscription.commit(change, nonce, 0.0)
    return sorted(r.version for r in change.resources.values()), sorted(change.removed)


VARIANTS = pytest.mark.parametrize("kind", [SotwSubscription, DeltaSubscription])


def ask(kind: type[Subscription], *names: str, **more: str) -> Request:
    if kind is DeltaSubscription:
        return Request(subscribe=names, **more)  # type: ignore[arg-type]
    return Request(names=names, **more)  # type: ignore[arg-type]


@VARIANTS
@pytest.mark.parametrize("type_", [T.CLUSTER, T.LISTENER])
def test_a_first_request_without_names_asks_for_all(kind: type[Subscription], type_: T) -> None:
    subscription = kind(type_)
    subscription.request(ask(kind))
    assert sent(subscription, Offer(made("a1", "b1")), "1") == (["a1", "b1"], [])


@VARIANTS
def test_other_types_have_no_legacy_wildcard(kind: type[Subscription]) -> None:
    subscription = kind(T.ROUTE)
    subscription.request(ask(kind))
    assert subscription.due(Offer(made("a1"))) is None


@VARIANTS
def test_an_explicit_wildcard(kind: type[Subscription]) -> None:
    subscription = kind(T.CLUSTER)
    subscription.request(ask(kind, "*", "a"))
    assert sent(subscription, Offer(made("a1", "b1")), "1") == (["a1", "b1"], [])


def test_names_end_the_legacy_wildcard_of_the_state_of_the_world() -> None:
    subscription = SotwSubscription(T.CLUSTER)
    subscription.request(Request())
    sent(subscription, Offer(made("a1", "b1")), "1")
    subscription.request(Request(nonce="1", names=("a",)))
    assert subscription.due(Offer(made("a1", "b2"))) is None
    assert sent(subscription, Offer(made("a2", "b2")), "2") == (["a2"], [])
    subscription.request(Request(nonce="2"))
    assert subscription.due(Offer(made("a3", "b3"))) is None, "no names: no wildcard any more"


def test_names_add_to_the_legacy_wildcard_of_delta() -> None:
    subscription = DeltaSubscription(T.CLUSTER)
    subscription.request(Request())
    sent(subscription, Offer(made("a1", "b1")), "1")
    subscription.request(Request(subscribe=("a",)))
    assert sent(subscription, Offer(made("a1", "b2")), "2") == (["a1", "b2"], [])
    subscription.request(Request(unsubscribe=("*",)))
    assert sent(subscription, Offer(made("a2", "b3")), "3") == (["a2"], [])


@VARIANTS
def test_ack_and_nack_are_told_apart(kind: type[Subscription]) -> None:
    subscription = kind(T.ROUTE)
    subscription.request(ask(kind, "a"))
    sent(subscription, Offer(made("a1")), "1")
    again = ask(kind, nonce="1") if kind is DeltaSubscription else ask(kind, "a", nonce="1")
    assert subscription.request(again) == Ack("1")
    assert subscription.acked == made("a1")
    sent(subscription, Offer(made("a2")), "2")
    names = () if kind is DeltaSubscription else ("a",)
    refusal = ask(kind, *names, nonce="2", error="no")
    assert subscription.request(refusal) == Nack("2", "no")
    assert subscription.acked == made("a1")
    assert sent(subscription, Offer(made("a1")), "3") == (["a1"], []), "what it has is owed again"


def test_a_stale_request_is_ignored_whole() -> None:
    subscription = SotwSubscription(T.ENDPOINT)
    subscription.request(Request(names=("a",)))
    sent(subscription, Offer(made("a1", "b1")), "1")
    sent(subscription, Offer(made("a2", "b1")), "2")
    assert subscription.request(Request(nonce="1", names=("a", "b"))) is None
    assert subscription.acked == {}
    assert subscription.request(Request(nonce="2", names=("a", "b"))) == Ack("2")
    assert sent(subscription, Offer(made("a2", "b1")), "3") == (["a2", "b1"], [])


def test_delta_answers_each_nonce_on_its_own() -> None:
    subscription = DeltaSubscription(T.CLUSTER)
    subscription.request(Request())
    sent(subscription, Offer(made("a1")), "1")
    sent(subscription, Offer(made("a1", "b1")), "2")
    assert subscription.request(Request(nonce="2")) == Ack("2")
    assert subscription.acked == made("b1")
    assert subscription.request(Request(nonce="1")) == Ack("1")
    assert subscription.acked == made("a1", "b1")
    assert subscription.request(Request(nonce="9")) is None


def test_delta_names_what_is_gone_and_what_never_was() -> None:
    subscription = DeltaSubscription(T.ENDPOINT)
    subscription.request(Request(subscribe=("a", "b")))
    assert sent(subscription, Offer(made("a1")), "1") == (["a1"], ["b"])
    assert subscription.due(Offer(made("a1"))) is None, "b's absence is said once"
    assert sent(subscription, Offer(made("b1")), "2") == (["b1"], ["a"])


def test_delta_does_not_deny_what_is_only_withheld() -> None:
    subscription = DeltaSubscription(T.ROUTE)
    subscription.request(Request(subscribe=("a",)))
    assert subscription.due(Offer({}, frozenset({"a"}))) is None
    assert sent(subscription, Offer(made("a1")), "1") == (["a1"], [])


def test_the_state_of_the_world_waits_for_what_is_withheld() -> None:
    subscription = SotwSubscription(T.LISTENER)
    subscription.request(Request())
    assert subscription.due(Offer(made("a1"), frozenset({"b"}))) is None


@VARIANTS
def test_all_of_nothing_is_an_answer(kind: type[Subscription]) -> None:
    """Envoy waits for its first listeners and clusters, even if there are none."""
    subscription = kind(T.LISTENER)
    subscription.request(ask(kind))
    assert sent(subscription, Offer({}), "1") == ([], [])
    assert subscription.due(Offer({})) is None


@VARIANTS
def test_a_name_dropped_and_asked_for_again_is_sent_again(kind: type[Subscription]) -> None:
    subscription = kind(T.ENDPOINT)
    offer = Offer(made("a1", "b1"))
    subscription.request(ask(kind, "a", "b"))
    sent(subscription, offer, "1")
    if kind is DeltaSubscription:
        subscription.request(Request(nonce="1", unsubscribe=("b",)))
    else:
        subscription.request(Request(nonce="1", names=("a",)))
    assert subscription.due(offer) is None
    subscription.request(ask(kind, "a", "b", nonce="" if kind is DeltaSubscription else "1"))
    versions, _ = sent(subscription, offer, "2")
    assert "b1" in versions


def test_delta_goes_on_from_the_versions_that_envoy_has() -> None:
    subscription = DeltaSubscription(T.CLUSTER)
    subscription.request(Request(initial_versions={"a": "a1", "b": "b1", "c": "c1"}))
    subscription.resume([], made("a1", "b2"))
    assert subscription.acked["a"] == made("a1")["a"]
    assert sent(subscription, Offer(made("a1", "b2")), "1") == (["b2"], ["c"])


def test_the_state_of_the_world_goes_on_from_a_version_that_fits() -> None:
    offer = Offer(made("a1", "b1"))
    for version, silent in ((version_of(made("a1", "b1")), True), ("other", False)):
        subscription = SotwSubscription(T.CLUSTER)
        subscription.request(Request(version=version))
        subscription.resume([], offer.resources)
        assert (subscription.due(offer) is None) is silent
        assert (subscription.acked == offer.resources) is silent


def test_a_version_depends_on_the_content_alone() -> None:
    assert version_of(made("a1", "b1")) == version_of(made("b1", "a1"))
    assert version_of(made("a1", "b1")) != version_of(made("a1", "b2"))
