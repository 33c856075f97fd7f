"""Each rule finds what it is for, and what is well is found by none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.system import scaffold
from tealmesh.model.config.outside import CloudWatchGate, Hook
from tealmesh.model.config.parse import parse
from tealmesh.model.config.strategies import Gates, StepSettings, Strategy
from tealmesh.model.linting import Linted, lint, of_config, rules

CANARY = Strategy("canary", (10, 50, 100), step_time=30.0, bake_time=60.0)
WELL = Linted(
    key="services.web",
    strategy=CANARY,
    gates=Gates(),
    image="example/web:1",
    health_path="/health",
    health_check=True,
    desired=2,
    request_timeout=15.0,
    retries=2,
    requests_per_second=50.0,
    callers=2,
)


def strategy(**members: object) -> Linted:
    return replace(WELL, strategy=replace(CANARY, **members))  # type: ignore[arg-type]


def gates(**members: object) -> Linted:
    return replace(WELL, gates=replace(Gates(), **members))  # type: ignore[arg-type]


CASES = {
    "no_requests_needed": (gates(min_requests=0), "risk"),
    "perfection": (gates(success_rate=1.0), "risk"),
    "leniency": (gates(success_rate=0.5), "odd"),
    "too_few_to_tell": (gates(min_requests=20), "odd"),
    "steps_and_requests": (replace(WELL, requests_per_second=0.5), "risk"),
    "comparison": (gates(compare=False), "odd"),
    "large_first_step": (strategy(steps=(50, 100)), "odd"),
    "no_time": (strategy(step_time=0.0), "odd"),
    "short_start": (strategy(start_timeout=5.0), "risk"),
    "stop_before_drained": (strategy(stop_timeout=15.0), "risk"),
    "short_drain": (replace(WELL, drain_time=5.0), "risk"),
    "one_task": (replace(WELL, desired=1), "odd"),
    "health": (replace(WELL, health_check=False), "risk"),
    "starved": (replace(WELL, processor=2 / 34), "odd"),
    "no_retries": (replace(WELL, retries=0), "odd"),
    "no_callers": (replace(WELL, callers=0), "risk"),
    "endless_approval": (gates(approval=True), "odd"),
    "moving_tag": (replace(WELL, image="registry:5000/web:latest"), "odd"),
    "token_in_the_clear": (
        gates(hooks=(Hook("BAKE_TIME", "ask", url="http://ci/ask", token_file="t"),)),
        "risk",
    ),
    "slow_hook": (gates(hooks=(Hook("PRE_SCALE_UP", "x", command=("x",), timeout=900.0),)), "risk"),
    "long_period": (
        gates(cloudwatch=(CloudWatchGate("c", "n", "m", "< 1", period=600.0),)),
        "risk",
    ),
}


def test_what_is_well_is_found_by_no_rule() -> None:
    assert lint([WELL]) == []
    assert lint([replace(WELL, requests_per_second=None, callers=None)]) == []
    assert lint([replace(WELL, processor=0.5)]) == []
    assert lint([gates(approval=True, approval_timeout=3600.0)]) == []
    assert lint([replace(WELL, image="registry:5000/web@sha256:abc")]) == []
    for url in ("https://ci/ask", "http://127.0.0.1:9/ask"):
        assert lint([gates(hooks=(Hook("CLEAN_UP", "ask", url=url, token_file="t"),))]) == []


def test_alpha_is_neither_wide_nor_narrow() -> None:
    assert [f.level for f in lint([gates(alpha=0.2)])] == ["risk"]
    assert [f.level for f in lint([gates(alpha=0.0001)])] == ["odd"]
    blue_green = Strategy()
    assert lint([replace(gates(compare=False), strategy=blue_green)]) == []


def test_every_rule_has_a_case() -> None:
    assert [rule.__name__ for rule in rules.RULES] == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_each_rule(name: str) -> None:
    service, level = CASES[name]
    found = lint([service])
    assert found
    assert {finding.level for finding in found} == {level}
    own = [f for rule in rules.RULES if rule.__name__ == name for f in rule(service)]
    assert own == found
    for finding in found:
        assert finding.key.startswith("services.web")
        assert all((finding.what, finding.why, finding.remedy))


def test_a_small_step_without_known_traffic_says_what_it_takes() -> None:
    service = replace(strategy(steps=(1, 100)), requests_per_second=None)
    (finding,) = lint([service])
    assert finding.level == "odd"
    assert finding.what == "step 1 gives 1 % and needs 100 requests within 5 min 30 s"
    assert finding.why == "that takes 30 requests a second to the service"
    own = (StepSettings(min_requests=10), StepSettings())
    assert lint([replace(service, strategy=replace(service.strategy, step_settings=own))]) == []


def test_the_first_teal_toml_is_well() -> None:
    text = scaffold.teal_toml("shop", scaffold.sample_images("python3", "app.py"), "/health", 9080)
    assert lint(of_config(parse(text))) == []


@given(
    st.lists(st.integers(1, 99), max_size=4, unique=True),
    st.floats(0, 1),
    st.integers(0, 10**6),
    st.floats(0, 10**4),
    st.none() | st.floats(0, 10**5),
)
def test_nothing_that_teal_toml_allows_ends_in_an_error(
    steps: list[int], rate: float, least: int, seconds: float, traffic: float | None
) -> None:
    service = Linted(
        "services.web",
        Strategy("canary", (*sorted(steps), 100), seconds, seconds, step_timeout=seconds),
        Gates(rate, least),
        requests_per_second=traffic,
    )
    levels = [finding.level for finding in lint([service])]
    assert levels == sorted(levels, key=lambda level: level != "risk")
