"""Each part that is watched is compared by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Comparison, GateResult, Verdict
from tealmesh.model.traffic.parts import Part
from tealmesh.model.traffic.windows import Window
from tealmesh.rollout.gates import comparison
from tests.rollout.gates.test_comparison import said
from tests.rollout.machine.simulated import Callers, Version

GATES = Gates(watch=(Part(method="POST"), Part(prefix="/nobody-asks")))
RATE = 100.0


def window(whole: Callers, posts: Callers, share: float) -> Window:
    """What callers saw of the service and of its POSTs."""
    made, of_posts = whole.window(share), posts.window(share)
    old = replace(made.old, by_part={"POST": of_posts.old.by_second})
    return replace(made, old=old, new=replace(made.new, by_part={"POST": of_posts.new.by_second}))


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


def test_parts_share_the_error_rate_with_all_that_is_compared() -> None:
    plain = comparison.settings(Gates(), "errors").alpha
    assert comparison.settings(GATES, "errors").alpha == pytest.approx(plain * 3 / 5)
    assert comparison.settings(GATES, "errors of POST").alpha == pytest.approx(plain * 3 / 5)
