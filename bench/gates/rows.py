"""What is simulated, and what must come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from bench.gates import shifted
from bench.gates.hanging import Hanging
from bench.gates.releases import (
    Outcome,
    any_of_three,
    errors,
    latency,
    of_users,
    unanswered,
    wilson,
)
from bench.gates.streams import FIXED, RISING, Scenario
from bench.gates.users import Users
from tealmesh.rollout.gates.assess import ALPHA as FIXED_ALPHA
from tealmesh.rollout.gates.comparing import Settings

ALPHA, BETA = 0.01, 0.05

SIZES = (60, 600, 6000)
"""Requests a minute."""

STEPS = {"10 %": FIXED, "10, 25, 50 %": RISING}

_BEYOND_CHANCE = 3.0
"""So many standard deviations beyond a promise are no chance any more."""


@dataclass(frozen=True)
class Row:
    """One row of the table: a kind of release, many times."""

    section: str
    what: str
    steps: str
    scenario: Scenario
    settings: Settings = field(
        default_factory=lambda: Settings(alpha=ALPHA, beta=BETA, allowed=0.01)
    )
    latency: bool = False
    """Whether latency is compared; otherwise errors are."""
    slower: float = 1.0
    """The new side's latency is so many times as long."""
    drift: float = 1.0
    """Both sides' latency is so many times as long at the end."""
    metrics: int = 1
    """How many share alpha; their first is simulated."""
    together: bool = False
    """Three metrics are simulated, and any of them rolls back."""
    at_most: float | None = None
    """The promise: no larger share is rolled back."""
    at_least: float | None = None
    """The promise: no smaller share is rolled back."""
    within: float | None = None
    """The promise: the median time in minutes."""
    passed_at_most: float | None = None
    """The promise: each kind of PASS is given to no larger share."""
    simulate: Callable[[int, np.random.Generator], Outcome] | None = None
    """What makes so many releases, where it is none of the above."""

    @property
    def promise(self) -> str:
        """What is promised, as the table has it; empty for nothing."""
        parts = []
        if self.at_most is not None:
            parts.append(f"<= {_per_cent(self.at_most)}")
        if self.at_least is not None:
            parts.append(f">= {_per_cent(self.at_least)}")
        if self.within is not None:
            parts.append(f"{self.within:g} min")
        if self.passed_at_most is not None:
            parts.append(f"passed <= 2 x {_per_cent(self.passed_at_most)}")
        return ", ".join(parts)

    def run(self, releases: int, seed: int) -> Outcome:
        """So many releases of it."""
        random = np.random.default_rng(seed)
        if self.simulate is not None:
            return self.simulate(releases, random)
        if self.latency:
            return latency(
                self.scenario,
                self.settings.split(self.metrics),
                releases,
                random,
                slower=self.slower,
                drift=self.drift,
            )
        if self.together:
            return any_of_three(self.scenario, self.settings, releases, random)
        return errors(
            self.scenario,
            self.settings,
            releases,
            random,
            metrics=self.metrics,
            passes=self.section in ("identical", "pass"),
            compared=True,
        )

    def broken(self, outcome: Outcome) -> str:
        """Which promise the outcome breaks, beyond chance; empty if none."""
        low, high = wilson(outcome.failed, outcome.releases, _BEYOND_CHANCE)
        if self.at_most is not None and low > self.at_most:
            return f"rolled back {outcome.share:.2%}, promised at most {_per_cent(self.at_most)}"
        if self.at_least is not None and high < self.at_least:
            return f"rolled back {outcome.share:.2%}, promised at least {_per_cent(self.at_least)}"
        if self.within is not None and (outcome.minutes is None or outcome.minutes > self.within):
            return f"median {outcome.minutes} minutes, promised at most {self.within:g}"
        for name, count in (("comparison", outcome.alike), ("objective", outcome.below)):
            lowest = wilson(count, outcome.releases, _BEYOND_CHANCE)[0]
            if self.passed_at_most is not None and lowest > self.passed_at_most:
                share = count / outcome.releases
                promised = _per_cent(self.passed_at_most)
                return f"passed by {name} {share:.2%}, promised at most {promised}"
        return ""


def _per_cent(share: float) -> str:
    return f"{share * 100:g}%"


def rows() -> list[Row]:
    """All rows, in the order of the table."""
    return [
        *_identical(),
        *_troubled(),
        *_worse(),
        *_latency(),
        *_hanging(),
        *_pass(),
        *_shifted(),
        *_beyond(),
    ]


def _identical() -> Iterator[Row]:
    for size in SIZES:
        for name, steps in STEPS.items():
            what = f"identical, {size}/min"
            yield Row("identical", what, name, Scenario(size, steps), at_most=ALPHA)
    rising, name = RISING, "10, 25, 50 %"
    common = Row("identical", "", name, Scenario(600, rising), at_most=ALPHA)
    yield replace(common, what="three metrics, 600/min", together=True)
    margin = replace(common.settings, margin=0.1)
    ten_per_cent_more = Scenario(600, rising, ratio=1.1)
    yield replace(
        common, what="1.1x, margin 0.1, 600/min", settings=margin, scenario=ten_per_cent_more
    )


def _troubled() -> Iterator[Row]:
    for size in (600, 6000):
        plain = Scenario(size, RISING)
        for what, scenario in (
            ("outages of both", replace(plain, outages=2)),
            ("errors of both rise tenfold", replace(plain, base=0.002, ramp=10)),
            ("old tasks fail for 30 s", replace(plain, old_faults=2)),
            ("bursts, phi 3", replace(plain, phi=3)),
            ("bursts, phi 6", replace(plain, phi=6)),
            ("bursts, phi 10", replace(plain, phi=10)),
        ):
            yield Row("trouble", f"{what}, {size}/min", "10, 25, 50 %", scenario, at_most=ALPHA)
        alike = _of_users("trouble", f"sticky users, {size}/min", plain, Users())
        yield replace(alike, at_most=ALPHA)


def _worse() -> Iterator[Row]:
    for size in SIZES:
        for name, steps in STEPS.items():
            for ratio in (2, 3, 10):
                row = Row(
                    "worse", f"{ratio}x, {size}/min", name, Scenario(size, steps, ratio=ratio)
                )
                if (size, ratio) == (600, 10):
                    row = replace(row, within=3.0, at_least=0.99)
                if (size, ratio, steps) == (600, 3, RISING):
                    row = replace(row, within=15.0, at_least=0.80)
                yield row
    three = Row("worse", "", "10, 25, 50 %", Scenario(600, RISING, ratio=3))
    yield replace(three, what="3x, a third of alpha, 600/min", metrics=3)
    margin = replace(three.settings, margin=0.1)
    yield replace(three, what="3x, margin 0.1, 600/min", settings=margin)
    for phi in (3, 6, 10):
        for ratio in (3, 10):
            scenario = Scenario(600, RISING, ratio=ratio, phi=phi)
            yield replace(three, what=f"{ratio}x, bursts, phi {phi}, 600/min", scenario=scenario)
    after_outages = Scenario(600, RISING, ratio=3, outages=2)
    yield replace(three, what="3x, outages of both, 600/min", scenario=after_outages)


def _latency() -> Iterator[Row]:
    settings = Settings(alpha=ALPHA)
    for size in SIZES:
        for name, steps in STEPS.items():
            common = Row("latency", "", name, Scenario(size, steps), settings, latency=True)
            yield replace(common, what=f"as fast, {size}/min", at_most=ALPHA)
            if steps is RISING:
                yield replace(common, what=f"both slow down, {size}/min", drift=2, at_most=ALPHA)
            for slower in (1.3, 2.0):
                yield replace(common, what=f"{slower:g}x, {size}/min", slower=slower)


def _hanging() -> Iterator[Row]:
    for size in SIZES:
        scenario = Scenario(size, RISING)
        for what, hanging, promise in (
            ("0.5 % of both hang", Hanging(old=0.005, new=0.005), ALPHA),
            ("both answer after 3 s", Hanging(latency=3.0), ALPHA),
            ("2 % hang", Hanging(new=0.02), None),
            ("10 % hang", Hanging(new=0.1), None),
            ("all hang", Hanging(new=1.0), None),
        ):
            row = Row("hanging", f"{what}, {size}/min", "10, 25, 50 %", scenario)
            simulate = partial(unanswered, scenario, hanging, row.settings)
            yield replace(row, simulate=simulate, at_most=promise)


def _shifted() -> Iterator[Row]:
    common = Row("shifted", "", "100 %", Scenario(0), at_most=FIXED_ALPHA)
    for what, before, after, phi in (
        ("none before, none now", 0.0, 0.0, 1.0),
        ("0.5 % before, 0.5 % now", 0.005, 0.005, 1.0),
        ("20 % before, 20 % now", 0.2, 0.2, 1.0),
        ("5 % before, 10 % now", 0.05, 0.1, 1.0),
        ("5 % before, 10 % now, phi 6", 0.05, 0.1, 6.0),
    ):
        for rate in (60, 600):
            yield replace(
                common,
                what=f"4xx: {what}, {rate}/min",
                simulate=partial(
                    shifted.client_errors, rate=rate, before=before, after=after, phi=phi
                ),
            )
    for rate in (60, 600):
        all_wrong = partial(shifted.client_errors, rate=rate, before=0.0, after=1.0)
        yield replace(
            common, what=f"4xx: none before, all now, {rate}/min", at_most=None, simulate=all_wrong
        )
    for bad in (0.01, 0.02, 0.05):
        yield replace(
            common,
            what=f"success-rate 99 %: {bad:.0%} fail, 600/min",
            at_most=FIXED_ALPHA if bad <= 0.01 else None,
            simulate=partial(shifted.objective, rate=600, bad=bad),
        )


def _pass() -> Iterator[Row]:
    for size in (600, 6000):
        twice = Scenario(size, RISING, ratio=2)
        what = f"2x, {size}/min"
        yield Row("pass", what, "10, 25, 50 %", twice, passed_at_most=BETA)


def _beyond() -> Iterator[Row]:
    for size in (600, 6000):
        plain = Scenario(size, RISING, history=10)
        for what, scenario in (
            ("bursts of 5 s, phi 10", replace(plain, phi=10, lasting=5)),
            ("bursts of 20 s, phi 10", replace(plain, phi=10, lasting=20)),
            ("tasks hiccup alike", replace(plain, base=0.002, hiccups=0.3)),
        ):
            yield Row("beyond", f"{what}, {size}/min", "10, 25, 50 %", scenario)
        for what, users in (
            ("sticky, 1 of 20 users: 1 in 10 fails", Users(broken=0.05, fails=0.1)),
            ("sticky, 1 of 200 users: all fails", Users(broken=0.005)),
        ):
            yield _of_users("beyond", f"{what}, {size}/min", Scenario(size, RISING, base=0), users)


def _of_users(section: str, what: str, scenario: Scenario, users: Users) -> Row:
    row = Row(section, what, "10, 25, 50 %", scenario)
    return replace(row, simulate=partial(of_users, scenario, users, row.settings))
