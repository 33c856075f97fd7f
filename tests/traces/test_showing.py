"""A trace as a tree and in a line, the map of services, pages, filters, documents."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.traces.documents import documents
from tealmesh.traces.filters import parse
from tealmesh.traces.graph import CLIENT, Counts, Key, service_map
from tealmesh.traces.search import Wanted, page, place_of, told
from tealmesh.traces.segments import read
from tealmesh.traces.span import FrozenTrace, Span
from tealmesh.traces.tree import Summary, rows, summary
from tests.traces.telling import NOW, TRACE, made, segment

EDGE, WEB, DB = Key("service", "edge"), Key("service", "web"), Key("remote", "db")


def request(trace: str = TRACE, fault: bool = False, start: float = NOW) -> FrozenTrace:
    """From a client to edge, to web, to a database that tells nothing."""
    common = {"trace": trace, "start": start}
    return FrozenTrace(
        trace,
        (
            made(1, service="edge", end=start + 1.0, fault=fault, url="http://x/", **common),
            made(2, 1, service="edge", kind="client", end=start + 0.9, **common),
            made(3, 2, service="web", end=start + 0.5, fault=fault, **common),
            made(4, 3, service="web", kind="client", remote="db", end=start + 0.2, **common),
        ),
    )


def test_the_map_has_who_calls_whom() -> None:
    found = service_map([request(), request("2" * 32, fault=True), request("3" * 32, start=5.0)])
    assert set(found.edges) == {(Key("client", CLIENT), EDGE), (EDGE, WEB), (WEB, DB)}
    inner = found.edges[EDGE, WEB]
    assert (inner.requests, inner.faults, inner.failed) == (3, 1, 1)
    # As the caller saw it.
    assert inner.quantile(0.5) == pytest.approx(0.9)
    assert found.nodes[Key("client", CLIENT)].requests == 0
    assert service_map([request(start=5.0)], since=6.0).traces == 0
    assert service_map([request(start=5.0)], until=5.0).traces == 0


def test_what_answers_for_itself_is_not_remote() -> None:
    call = made(1, service="edge", kind="client", remote="web.local")
    answer = made(2, 1, service="web")
    found = service_map([FrozenTrace(TRACE, (call, answer))])
    assert set(found.edges) == {(Key("client", CLIENT), EDGE), (EDGE, WEB)}


def test_quantiles() -> None:
    counts = Counts(times=[float(number) for number in range(100, 0, -1)])
    assert (counts.quantile(0.5), counts.quantile(0.99), counts.quantile(0)) == (50, 99, 1)
    assert Counts().quantile(0.5) is None


def test_a_line_tells_where_it_begins() -> None:
    one = summary(request(fault=True))
    assert (one.service, one.services, one.spans) == ("edge", ("edge", "web"), 4)
    assert (one.seconds, one.failed, one.in_progress) == (pytest.approx(1.0), True, False)


_SPANS = st.lists(
    st.builds(
        made,
        st.integers(1, 9),
        st.integers(0, 9),
        service=st.sampled_from(["a", "b"]),
        kind=st.sampled_from(["server", "client"]),
        remote=st.sampled_from(["", "db"]),
        start=st.floats(NOW, NOW + 9),
        end=st.none() | st.floats(NOW, NOW + 9),
    ),
    min_size=1,
    unique_by=lambda span: span.id,
)


@given(_SPANS)
def test_every_span_is_once_in_the_tree_after_its_cause(found: list[Span]) -> None:
    shown = rows(found)
    assert sorted(row.span.id for row in shown) == sorted(span.id for span in found)
    places = {row.span.id: (number, row.depth) for number, row in enumerate(shown)}
    for row in shown:
        if row.depth:
            number, depth = places[row.span.parent]
            assert depth == row.depth - 1
            assert number < places[row.span.id][0]
    trace = FrozenTrace(TRACE, tuple(found))
    assert summary(trace).spans == len(found)
    made_map = service_map([trace])
    assert all(edge in made_map.nodes for pair in made_map.edges for edge in pair)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 99)), unique=True), st.integers(1, 4))
def test_pages_have_each_trace_once(told_of: list[tuple[int, int]], limit: int) -> None:
    every = [summary(request(f"{n:032x}", start=NOW + at)) for at, n in told_of]
    unique = {one.trace: one for one in every}
    after, seen = None, []
    while True:
        shown, after = page(unique.values(), Wanted(), limit, after)
        seen += shown
        if after is None:
            break
        after = place_of(told(after))
    assert [one.trace for one in seen] == [
        one.trace for one in sorted(unique.values(), key=lambda one: (-one.start, one.trace))
    ]


def test_what_is_wanted() -> None:
    every = [summary(request()), summary(request("2" * 32, fault=True, start=NOW - 60))]

    def ids(wanted: Wanted) -> list[str]:
        return [one.trace[0] for one in page(every, wanted, 9)[0]]

    assert ids(Wanted()) == ["5", "2"]
    assert ids(Wanted(failed=True)) == ["2"]
    assert ids(Wanted(service="web", since=NOW)) == ["5"]
    assert ids(Wanted(service="db")) == []
    assert ids(Wanted(least_seconds=1.5)) == []
    with pytest.raises(ValueError, match="is not from an answer before"):
        place_of("nonsense")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fault", True),
        ("fault = false", False),
        ("!fault OR ok", False),
        ('service("web") AND duration >= 1', True),
        ('service("other")', False),
        ("service()", True),
        ('http.url CONTAINS "x" AND (responsetime < 2 AND !(error))', True),
        ('http.url BEGINSWITH "https"', False),
        ("http.status != 0", False),
    ],
)
def test_filter_expressions(text: str, found: bool) -> None:
    assert parse(text)(summary(request(fault=True))) is found


@pytest.mark.parametrize(
    "text",
    [
        *('edge("a", "b")', "annotation.x = 1", "duration >", "(ok", "ok ok", '"x"', "", "§"),
        *("fault = maybe", 'http.url > "x"', "service(x)", "!" * 99, "(" * 999, "ok" * 2000),
    ],
)
def test_filters_that_are_not_understood_are_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(text)


@given(st.text(alphabet='okfault()!="> AND OR service 5.x', max_size=40))
def test_a_filter_is_parsed_or_refused(text: str) -> None:
    one: Summary = summary(request())
    with contextlib.suppress(ValueError):
        assert parse(text)(one) in (True, False)


def test_documents_are_those_that_were_sent_and_made_ones_can_be_read() -> None:
    text = segment(metadata={"own": {"deep": [1]}}, subsegments=[])
    sent = read(text, NOW)
    told_of = (*sent, made(5, service="edge", status=503, fault=True, message="broken"))
    shown = dict(documents(FrozenTrace(TRACE, told_of)))
    assert shown.pop(sent[0].id) == text
    (document,) = shown.values()
    (again,) = read(document, NOW)
    assert (again.service, again.status, again.fault) == ("edge", 503, True)
    assert again.message == "broken"
    assert json.loads(document)["http"]["response"] == {"status": 503}
