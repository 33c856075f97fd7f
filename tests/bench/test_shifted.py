"""The simulation of what is judged without a comparison computes as the gates do."""

from __future__ import annotations

import numpy as np
import pytest
from bench.gates import hanging, shifted, users
from bench.gates.rows import rows
from bench.gates.streams import RISING, Scenario

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout.comparison import Comparison
from tealmesh.model.traffic.windows import SideWindow, Window
from tealmesh.rollout.gates import assess, since
from tealmesh.rollout.gates.observing import CLIENT_ERRORS

BOUNDS = {"": (25.0,)}
SEEN = [(600, 0), (600, 30), (40, 1), (13, 0), (200, 200)]


@pytest.mark.parametrize("phi", [1.0, 2.5])
def test_the_limit_and_the_bets_are_those_of_the_gate(phi: float) -> None:
    requests, bad = (np.array(column, dtype=float) for column in zip(*SEEN, strict=True))
    limits = shifted.limits(requests, bad, np.full(len(SEEN), phi))
    later = [(60, 0), (60, 4), (50, 50)]
    for index, (count, wrong) in enumerate(SEEN):
        side = SideWindow(requests=count, client_errors=wrong)
        c = Comparison(usual=since.remembered({}, Gates(), BOUNDS, side, 10.0))
        logs = np.zeros((1, len(since.STAKES)))
        for number, (n, x) in enumerate(later):
            new = SideWindow(requests=n, client_errors=x)
            window = Window(number, 0, 0.0, 10.0, {}, SideWindow(), new)
            found = since.added(c, Gates(), BOUNDS, {CLIENT_ERRORS: [phi]}, window)
            c = Comparison(usual=c.usual, since=found)
            limit = limits[index : index + 1]
            logs += shifted.factors(np.array([float(n)]), np.array([float(x)]), limit)
        (one,) = c.since[CLIENT_ERRORS]
        assert one.limit == pytest.approx(limits[index], rel=1e-9)
        assert logs[0] == pytest.approx(one.logs, abs=1e-9)


def test_the_evidence_of_the_objective_is_that_of_the_gate() -> None:
    failures = np.array([0.0, 3.0, 40.0])
    found = shifted.log_evidence(300, failures, 0.99)
    wanted = [assess.log_evidence(300, int(count), 0.99) for count in failures]
    assert found == pytest.approx(wanted, abs=1e-9)


def test_requests_that_hang_are_open_for_their_time_limit_and_fail_then() -> None:
    random = np.random.default_rng(3)
    scenario = Scenario(600, ((0.5, 1.0),), base=0.0)
    seen = list(hanging.windows(scenario, hanging.Hanging(new=1.0, latency=0.0), 2, random))
    for step, (failed, unanswered) in seen:
        assert step == 0
        assert not failed.bad_old.any()
        assert not unanswered.bad_old.any()
    # In the first window all are open, and from the second on some have failed.
    first, second = seen[0][1], seen[1][1]
    assert (first[1].bad_new.sum(1) == first[1].new).all()
    assert not first[0].bad_new.any()
    assert second[0].bad_new.any()


def test_users_move_once_and_to_the_new_side() -> None:
    random = np.random.default_rng(3)
    scenario = Scenario(60000, RISING, base=0.0)
    some = users.Users(count=50, broken=0.2)
    shares = [
        (step, seen[0].bad_new.sum(1) / (seen[0].bad_new.sum(1) + seen[0].bad_old.sum(1)))
        for step, seen in users.windows(scenario, some, 20, random)
    ]
    by_step = [np.mean([share for at, share in shares if at == step], axis=0) for step in range(3)]
    assert (by_step[0] <= by_step[1] + 0.05).all()
    assert (by_step[1] <= by_step[2] + 0.05).all()


def test_every_promise_without_a_comparison_is_kept() -> None:
    for row in rows():
        if row.section == "shifted" and row.promise:
            assert row.broken(row.run(200, seed=1)) == "", row.what
