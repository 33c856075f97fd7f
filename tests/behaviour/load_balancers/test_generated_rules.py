"""For generated rules and requests, the Envoy chooses the rule that the conditions say."""

from __future__ import annotations

import http.client
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, note, settings
from hypothesis import strategies as st

from tests.behaviour.load_balancers import oracle
from tests.behaviour.load_balancers.oracle import Request
from tests.behaviour.load_balancers.rows import conditions as made
from tests.behaviour.load_balancers.table import Row, fixed
from tests.behaviour.load_balancers.world import LOCAL_PORTS, World, filled, place

EXAMPLES = 60


def _text(alphabet: str, most: int, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most)


def _values(one: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(one, min_size=1, max_size=3)


HOSTS = ("a.test", "b.test", "x.a.test", "B.Test", "a.test:8080", "a-test")
HOST_PATTERNS = ("a.test", "B.TEST", "*.test", "?.test", "*.a.test", "a?test", "*")
NETWORKS = ("$HERE/32", "$HERE/8", "10.0.0.0/8", "0.0.0.0/0")

host = _values(st.sampled_from(HOST_PATTERNS)).map(lambda v: made.host(*v))
path = _values(_text("ab/.*?", 5).map("/{}".format)).map(lambda v: made.path(*v))
method = _values(st.sampled_from(("GET", "POST", "MINE"))).map(lambda v: made.method(*v))
source = _values(st.sampled_from(NETWORKS)).map(lambda v: made.source(*v))
pair = st.tuples(st.one_of(st.just(""), _text("aB*?", 3, 1)), _text("ab*?", 3, 1))
query = _values(pair).map(lambda v: made.query(*v))
header = st.tuples(st.sampled_from(("x-h", "X-I")), _values(_text("aB*?", 3, 1))).map(
    lambda one: made.header(one[0], *one[1])
)


@st.composite
def rules(draw: Any) -> list[dict[str, Any]]:
    """Up to five rules; each has a condition at most once, but several headers and queries."""
    result = []
    for index in range(draw(st.integers(1, 5))):
        once = draw(st.lists(st.sampled_from(range(4)), unique=True, max_size=2))
        chosen = [draw((host, path, method, source)[number]) for number in once]
        least = 0 if chosen else 1
        chosen += draw(st.lists(st.one_of(header, query), min_size=least, max_size=2))
        result.append({"Conditions": chosen, "Actions": [fixed(200, f"rule {index}")]})
    return result


parameters = st.lists(
    st.tuples(_text("abA", 2, 1), st.one_of(st.none(), _text("abB=", 3))).map(
        lambda one: one[0] if one[1] is None else f"{one[0]}={one[1]}"
    ),
    max_size=3,
).map("&".join)
header_value = st.lists(_text("abA", 3, 1), min_size=1, max_size=3).map(", ".join)
requests = st.builds(
    Request,
    method=st.sampled_from(("GET", "POST", "MINE", "PUT")),
    host=st.sampled_from(HOSTS),
    path=_text("abA/.", 4).map("/{}".format),
    query=parameters,
    headers=st.dictionaries(st.sampled_from(("x-h", "x-i")), header_value),
    source=st.sampled_from(("here", "there")),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    # Each example takes a while on a busy machine: one that fails is printed as it is.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rules=rules(), asked=st.lists(requests, min_size=4, max_size=10))
def test_the_envoy_chooses_the_rule_that_the_conditions_say(
    balancer: World, rules: list[dict[str, Any]], asked: list[Request]
) -> None:
    balancer.load(Row("generated", "", (), (), rules=tuple(rules), default=fixed(200, "default")))
    meant = filled(rules)
    for request in asked:
        index = oracle.chosen(meant, Request(**{**vars(request), "source": place(request.source)}))
        expected = "default" if index is None else f"rule {index}"
        note(f"{request}: {expected}")
        assert _answer(request) == expected


def _answer(request: Request) -> str:
    connection = http.client.HTTPConnection(
        place("lb"), LOCAL_PORTS["80"], timeout=20, source_address=(place(request.source), 0)
    )
    try:
        headers = {"host": request.host, **request.headers}
        connection.request(request.method, request.target, headers=headers)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("kind", sorted(oracle._FIELDS))
def test_the_generated_requests_meet_rules_of_each_kind(kind: str) -> None:
    """Otherwise the test above would say little. Raises NoSuchExample if none does."""
    found = settings(
        max_examples=2000, derandomize=True, database=None, deadline=None, phases=[Phase.generate]
    )
    find(st.tuples(rules(), requests), lambda drawn: kind in _met(*drawn), settings=found)


def _met(rules: list[dict[str, Any]], request: Request) -> set[str]:
    """The kinds of conditions of the rule that the request meets; none for the default."""
    here = Request(**{**vars(request), "source": "127.0.0.1"})
    text = [{**one, "Conditions": _local(one["Conditions"])} for one in rules]
    index = oracle.chosen(text, here)
    return set() if index is None else {one["Field"] for one in text[index]["Conditions"]}


def _local(conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conditions with an address for ``$HERE``."""
    return [
        made.source(*(v.replace("$HERE", "127.0.0.1") for v in one["SourceIpConfig"]["Values"]))
        if one["Field"] == "source-ip"
        else one
        for one in conditions
    ]
