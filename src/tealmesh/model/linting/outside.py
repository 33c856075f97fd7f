"""The rules about hooks and queries, one function each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from tealmesh.model.config.outside import Hook
from tealmesh.model.config.strategies import Strategy
from tealmesh.model.linting.facts import Finding, Linted
from tealmesh.model.spans import span

_LIMITS: Mapping[str, str] = {
    "PRE_SCALE_UP": "start_timeout",
    "POST_SCALE_UP": "verify_timeout",
    "TEST_TRAFFIC_SHIFT": "verify_timeout",
    "POST_TEST_TRAFFIC_SHIFT": "verify_timeout",
    "PRE_PRODUCTION_TRAFFIC_SHIFT": "step_timeout",
    "PRODUCTION_TRAFFIC_SHIFT": "step_timeout",
    "POST_PRODUCTION_TRAFFIC_SHIFT": "bake_timeout",
    "BAKE_TIME": "bake_timeout",
}
"""The setting that limits how long a hook of a stage is waited for."""
_HERE = ("localhost", "127.0.0.1", "::1")


def token_in_the_clear(s: Linted) -> Iterator[Finding]:
    asked = [
        *((f"hooks: {hook.name}", hook.url, hook.token_file) for hook in s.gates.hooks),
        *((f"prometheus: {q.name}", q.url, q.token_file) for q in s.gates.prometheus),
    ]
    for name, url, token in asked:
        if token and urlsplit(url).scheme == "http" and urlsplit(url).hostname not in _HERE:
            yield Finding(
                "risk",
                f"{s.key}.gates",
                f"{name} sends {token} to {urlsplit(url).netloc} by http",
                "whoever is on the way reads the token",
                "use an https URL",
            )


def slow_hook(s: Linted) -> Iterator[Finding]:
    for hook in s.gates.hooks:
        setting = _LIMITS.get(hook.stage)
        limit = _seconds(s.strategy, setting) if setting else None
        if setting and limit is not None and _longest(hook) >= limit:
            yield Finding(
                "risk",
                f"{s.key}.gates.hooks",
                f"hook {hook.name} may take {span(_longest(hook))} at a time, and {setting} is "
                f"{span(limit)}",
                "a deployment goes back before the hook has answered, or is asked again",
                f"raise {setting}, or lower the hook's timeout and interval",
            )


def long_period(s: Linted) -> Iterator[Finding]:
    limit = s.strategy.step_time + s.strategy.step_timeout
    for metric in s.gates.cloudwatch:
        if metric.period >= limit:
            yield Finding(
                "risk",
                f"{s.key}.gates.cloudwatch",
                f"cloudwatch {metric.name} has a period of {span(metric.period)}, and a step may "
                f"take {span(limit)}",
                "there may be no value that covers the step before it goes back",
                "set a shorter period, or raise step_timeout",
            )


def _longest(hook: Hook) -> float:
    return max(hook.timeout, hook.interval)


def _seconds(strategy: Strategy, setting: str) -> float:
    found: float = getattr(strategy, setting)
    return found
