"""Strategies and gates of a teal.toml: what is refused, and in which words."""

from __future__ import annotations

import pytest

from tests.model.config.test_parse import MINIMAL, refusal


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("strategy]\nsteps = []", "strategy.steps = []: must be rising"),
        ("strategy]\nsteps = [50, 10, 100]", "strategy.steps = [50, 10, 100]: must be rising"),
        ("strategy]\nsteps = [10, 50]", "strategy.steps = [10, 50]: must be rising"),
        ("strategy]\nsteps = [0, 100]", "strategy.steps = [0, 100]: must be rising"),
        ("strategy]\nsteps = [10, 10, 100]", "strategy.steps = [10, 10, 100]: must be rising"),
        ("strategy]\nsteps = [true, 100]", "strategy.steps = [True, 100]: must be rising"),
        ("strategy]\ntype = 'bluegreen'\nsteps = [10, 100]", 'must be [100] for type "bluegreen"'),
        ("strategy]\ntype = 'rolling'", "strategy.type = 'rolling': must be \"bluegreen\","),
        ("strategy]\nsteps = [{}, 100]", 'strategy."steps[0]".weight = (not set): must be a whole'),
        ("strategy]\nsteps = [{ weight = 10, tiem = 1 }, 100]", "(did you mean time?)"),
        (
            "strategy]\nsteps = [{ weight = 10, timeout = 0 }, 100]",
            "timeout = 0: must be a duration",
        ),
        ("strategy]\nsteps = [10, { weight = 5 }, 100]", "must be rising"),
        ("strategy]\nstep = 0", "strategy.step = 0: must be a whole number from 1 to 100"),
        ("strategy]\ntype = 'canary'\nstep = 5", 'must be left out with type "canary"'),
        ("strategy]\nstep = 5\nsteps = [5, 100]", 'must be left out with type "canary"'),
        ("strategy]\ntype = 'linear'\nsteps = [5, 100]", 'must be left out with type "linear"'),
        ("strategy]\nstep_time = '5 s'", "strategy.step_time = '5 s': must be a duration"),
        ("strategy]\nstep_time = -1", "strategy.step_time = -1: must be a duration"),
        ("strategy]\nstep_time = nan", "strategy.step_time = nan: must be a duration"),
        ("strategy]\nbake_time = '999h'", "strategy.bake_time = '999h': must be a duration"),
        ("strategy]\nstep_timeout = 0", "strategy.step_timeout = 0: must be a duration"),
        ("strategy]\nstep_tmie = 0", "(did you mean step_time?)"),
        ("strategy]\npreview = 1", "strategy.preview = 1: must be a table"),
        (
            "strategy]\npreview = { header = 'cookie' }",
            "header = 'cookie': must be a header of its",
        ),
        ("strategy]\npreview = { header = 'a b' }", "must be a name of letters"),
        ("strategy]\nmirror = { percent = 0 }", "mirror.percent = 0: must be a number above 0"),
        ("strategy]\nmirror = { methods = ['get'] }", "must be HTTP methods in capitals"),
        ("strategy]\nmirror = { metods = [] }", "(did you mean methods?)"),
        ("strategy]\ntype = 'ab'", "strategy.match = (not set): must be set with type"),
        ("strategy]\ntype = 'canary'\nmatch = { header = 'a', value = 'b' }", "left out with type"),
        ("strategy]\nmatch = { value = 'b' }", "match.header = (not set): must be a name"),
        (
            "strategy]\nmatch = { header = 'a', cookie = 'b', value = 'c' }",
            "must be left out where",
        ),
        ("strategy]\nmatch = { header = 'a' }", "match.value = (not set): must be 1 to 200"),
        ("strategy]\nmatch = { cookie = 'a', value = 'b c' }", "value = 'b c': must be a cookie's"),
        ("strategy]\nmatch = { header = 'a', value = 'b' }\nsteps = [5, 100]", 'type = "ab"'),
        ("strategy]\nsticky = { cookie = 'a' }", 'must be left out with type "bluegreen"'),
        ("strategy]\nsteps = [5, 100]\nsticky = {}", "sticky.header = (not set): must be a name"),
        ("strategy]\nsteps = [5, 100]\nsticky = { header = 'a', ttl = 1 }", "it is a cookie's"),
        ("gates]\nsuccess_rate = 99", "gates.success_rate = 99: must be a number from 0 to 1"),
        ("gates]\nsuccess_rate = nan", "gates.success_rate = nan: must be a number from 0 to 1"),
        ("gates]\nmin_requests = -1", "gates.min_requests = -1: must be a whole number"),
        ("gates]\napproval = 1", "gates.approval = 1: must be true or false"),
    ],
)
def test_refusals_of_strategy_and_gates(section: str, message: str) -> None:
    text = refusal(f"{MINIMAL}\n[services.web.{section}\n")
    assert text.startswith("teal.toml: services.web.")
    assert message in text
