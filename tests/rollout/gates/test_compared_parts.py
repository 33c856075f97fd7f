"""Each part that is watched is compared by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

import pytest

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Comparison, GateResult, Verdict
from tealmesh.model.traffic.parts import Part
from tealmesh.model.traffic.windows import Counts, Window
from tealmesh.rollout.gates import comparison
from tests.rollout.gates.test_comparison import said
from tests.rollout.machine.simulated import SECONDS, Callers, Version

GATES = Gates(watch=(Part(method="POST"), Part(prefix="/nobody-asks")))
RATE = 100.0


def window(whole: Callers, posts: Callers, share: float, seconds: int = SECONDS) -> Window:
    """What callers saw of the service and of its POSTs."""
    made, of_posts = whole.window(share, seconds), posts.window(share, seconds)
    old, new = (
        replace(
            side,
            by_part={"POST": part.by_second},
            part_bounds=part.bounds,
            latency_by_part={"POST": part.latency_by_second},
        )
        for side, part in ((made.old, of_posts.old), (made.new, of_posts.new))
    )
    return replace(made, old=old, new=new)


def after(
    windows: int, posts: float, new: Version, seed: int = 1, share: float = 0.25
) -> Mapping[str, GateResult]:
    """The verdicts when there are so many ``posts`` a second, on which ``new`` behaves so."""
    whole, part = Callers(seed, RATE), Callers(seed + 1000, posts, new=new)
    state = Comparison()
    for _ in range(windows):
        state = comparison.compared(state, GATES, window(whole, part, share))
        if any(one.verdict is Verdict.FAIL for one in comparison.judgements(state, GATES)):
            break
    return said(state, share, RATE, GATES)


@pytest.mark.parametrize("seed", range(3))
def test_a_version_that_fails_on_one_part_alone_fails_by_it(seed: int) -> None:
    results = after(30, 10.0, Version(failing=0.1), seed)
    assert results["errors of POST"].verdict is Verdict.FAIL
    assert results["errors"].verdict is not Verdict.FAIL
    assert "requests to green failed" in results["errors of POST"].detail


@pytest.mark.parametrize(
    ("new", "metric"),
    [
        (Version(blamed=0.3), "client-errors of POST"),
        (Version(latency=150.0), "latency of POST"),
    ],
    ids=lambda value: str(value),
)
@pytest.mark.parametrize("seed", range(3))
def test_so_it_does_by_client_errors_and_by_latency(new: Version, metric: str, seed: int) -> None:
    results = after(30, 10.0, new, seed)
    failed = {gate for gate, one in results.items() if one.verdict is Verdict.FAIL}
    assert failed == {metric}


def test_the_bounds_of_a_part_are_those_that_its_own_answers_keep() -> None:
    """The service answers in some 15 ms, its POSTs in some 150."""
    whole, posts = Callers(1, RATE), Callers(2, 10.0, old=Version(latency=150.0))
    before = window(whole, posts, 0.0, seconds=60).old
    state = comparison.prepared(Comparison(), GATES, before)
    assert state.bounds == (25.0, 100.0, 500.0)
    assert comparison.bounds_of(state, "POST") == (100.0, 500.0)
    assert comparison.bounds_of(state, "/nobody-asks") == state.bounds


def test_a_part_that_is_asked_for_is_waited_for_and_one_that_is_not_is_none() -> None:
    first, later = after(2, 10.0, Version()), after(40, 10.0, Version(failing=0.0))
    assert first["errors of POST"].verdict is Verdict.NEED_DATA
    assert "more requests to green will tell, in about" in first["errors of POST"].detail
    assert later["errors of POST"].verdict is Verdict.PASS
    nobody = first["errors of /nobody-asks"]
    assert (nobody.verdict, nobody.need) == (Verdict.PASS, None)
    assert nobody.detail.startswith("no request to green was compared yet")


def test_a_part_that_is_rare_is_told_and_holds_up_nothing_but_may_fail() -> None:
    rare = after(2, 0.5, Version())["errors of POST"]
    assert rare.verdict is Verdict.PASS
    assert rare.detail.endswith("nothing says that this is worse; too rare to be waited for")
    assert after(60, 0.5, Version(failing=1.0))["errors of POST"].verdict is Verdict.FAIL


def test_a_part_is_as_rare_as_the_old_side_says_also_before_the_new_side_is_asked_for_it() -> None:
    """At 1 % of weight nobody asks the new side for a part with two requests a second, at first."""
    whole, part, state = Callers(1, RATE), Callers(2, 2.0), Comparison()
    for _ in range(3):
        made = window(whole, part, 0.01)
        silent = replace(made.new, by_part={"POST": tuple(Counts() for _ in range(SECONDS))})
        state = comparison.compared(state, GATES, replace(made, new=silent))
        state = Comparison.from_json(asdict(state))
    errors = next(o for o in comparison.judgements(state, GATES) if o.metric == "errors of POST")
    assert (errors.verdict, errors.settings.pass_needed) == (Verdict.NEED_DATA, True)
    assert errors.share == pytest.approx(0.02, rel=0.4)
    told = said(state, 0.01, RATE, GATES)["errors of POST"].detail
    assert told.startswith("no request to green was compared yet")
    assert "too rare" not in told


def test_parts_share_the_error_rate_with_all_that_is_compared() -> None:
    plain = comparison.settings(Gates(), "errors").alpha
    assert comparison.settings(GATES, "errors").alpha == pytest.approx(plain * 3 / 9)
    assert comparison.settings(GATES, "latency of POST").alpha == pytest.approx(plain * 3 / 9)
