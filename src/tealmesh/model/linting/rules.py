"""The rules, one function each: from what is known of a service to what is odd or risky. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tealmesh.model.linting import outside
from tealmesh.model.linting.facts import Finding, Linted
from tealmesh.model.spans import span

HIGH_RATE = 20.0
"""Requests a second that not every service has."""
LARGE_STEP = 50
WIDE_ALPHA = 0.05
NARROW_ALPHA = 0.0005
SHORT_START = 10.0
LITTLE_PROCESSOR = 0.25

Rule = Callable[[Linted], Iterator[Finding]]


def lint(services: Iterable[Linted]) -> list[Finding]:
    """What is odd or risky, risks first."""
    found = [finding for one in services for rule in RULES for finding in rule(one)]
    return sorted(found, key=lambda finding: finding.level != "risk")


def no_requests_needed(s: Linted) -> Iterator[Finding]:
    if s.gates.min_requests == 0:
        yield Finding(
            "risk",
            f"{s.key}.gates.min_requests",
            "min_requests = 0",
            "a version that nobody has sent a request to is promoted",
            "set it to what callers send within a step, such as 100",
        )


def perfection(s: Linted) -> Iterator[Finding]:
    if s.gates.success_rate >= 1:
        yield Finding(
            "risk",
            f"{s.key}.gates.success_rate",
            "success_rate = 1",
            "one failed request rolls a version back, whatever it failed for",
            "allow for chance, such as 0.99 or 0.999",
        )


def leniency(s: Linted) -> Iterator[Finding]:
    rate = s.gates.success_rate
    if rate < 0.9:
        yield Finding(
            "odd",
            f"{s.key}.gates.success_rate",
            f"success_rate = {rate:g}",
            f"a version that fails {(1 - rate):.0%} of its requests is promoted",
            "set it nearer to what the service does today, such as 0.99",
        )


def too_few_to_tell(s: Linted) -> Iterator[Finding]:
    least, allowed = s.gates.min_requests, 1 - s.gates.success_rate
    if least > 0 and allowed > 0 and least * allowed < 1 - 1e-9:
        yield Finding(
            "odd",
            f"{s.key}.gates.min_requests",
            f"min_requests = {least} with success_rate = {s.gates.success_rate:g}",
            f"a single failure among {least} requests is already below the rate, so chance decides",
            f"ask for at least {round(1 / allowed)} requests, or for a lower rate",
        )


def steps_and_requests(s: Linted) -> Iterator[Finding]:
    """Steps that cannot see their requests in time, at the present traffic or at what would be
    needed.
    """
    for index, weight in enumerate(s.strategy.steps):
        least = s.gates.of_step(s.strategy.own(index)).min_requests
        longest = s.strategy.time_of(index) + s.strategy.timeout_of(index)
        if not least:
            continue
        rate = s.requests_per_second
        what = (
            f"step {index + 1} gives {weight} % and needs {least} requests within {span(longest)}"
        )
        share = weight / 100 * longest
        needed = least / share if share else float("inf")
        remedy = "a longer step_timeout, fewer min_requests or a larger step"
        key = f"{s.key}.strategy.steps"
        if rate is None:
            if needed > HIGH_RATE:
                why = f"that takes {needed:.0f} requests a second to the service"
                yield Finding("odd", key, what, why, remedy)
        elif rate < needed:
            why = (
                f"at the present {rate:.1f} requests a second it sees "
                f"{rate * weight / 100 * longest:.0f}, and every version is rolled back"
            )
            yield Finding("risk", key, what, why, remedy)


def comparison(s: Linted) -> Iterator[Finding]:
    canary = any(weight < 100 for weight in s.strategy.steps)
    if canary and not s.gates.compare:
        yield Finding(
            "odd",
            f"{s.key}.gates.compare",
            "compare = false",
            "a version that fails three times as often as the old one passes, as long as it stays "
            "above success_rate",
            "leave it out",
        )
    if canary and s.gates.compare and s.gates.alpha > WIDE_ALPHA:
        yield Finding(
            "risk",
            f"{s.key}.gates.alpha",
            f"alpha = {s.gates.alpha:g}",
            f"up to {s.gates.alpha:.0%} of the good versions are rolled back by chance",
            "0.01 is the default",
        )
    if canary and s.gates.compare and s.gates.alpha < NARROW_ALPHA:
        yield Finding(
            "odd",
            f"{s.key}.gates.alpha",
            f"alpha = {s.gates.alpha:g}",
            "it is split over all that is compared, and so little is left that bad versions are "
            "seen late or never",
            "0.01 is the default",
        )


def large_first_step(s: Linted) -> Iterator[Finding]:
    steps = s.strategy.steps
    if len(steps) > 1 and steps[0] >= LARGE_STEP:
        yield Finding(
            "odd",
            f"{s.key}.strategy.steps",
            f"the first step gives {steps[0]} %",
            "half of the requests or more meet a version that nobody has tried",
            "begin with less, such as 5 or 10",
        )


def no_time(s: Linted) -> Iterator[Finding]:
    if len(s.strategy.steps) > 1 and not s.strategy.step_time:
        yield Finding(
            "odd",
            f"{s.key}.strategy.step_time",
            "step_time = 0",
            "what goes wrong after some seconds is not seen at a small weight",
            "give each step a time, such as 30s",
        )
    if not s.strategy.bake_time:
        yield Finding(
            "odd",
            f"{s.key}.strategy.bake_time",
            "bake_time = 0",
            "the old side is stopped at once, and the way back needs its tasks to start again",
            "give it a time, such as 1m",
        )


def short_start(s: Linted) -> Iterator[Finding]:
    limit = s.strategy.start_timeout
    if limit < SHORT_START:
        yield Finding(
            "risk",
            f"{s.key}.strategy.start_timeout",
            f"start_timeout = {span(limit)}",
            "a slow start, such as the first pull of an image, rolls a good version back",
            "allow for minutes: nothing waits that long if the tasks are healthy sooner",
        )


def stop_before_drained(s: Linted) -> Iterator[Finding]:
    drain = s.request_timeout if s.drain_time is None else s.drain_time
    if drain and s.strategy.stop_timeout <= drain:
        yield Finding(
            "risk",
            f"{s.key}.strategy.stop_timeout",
            f"stop_timeout = {span(s.strategy.stop_timeout)}",
            f"tasks drain for up to {span(drain)}, so the side that stops is left running",
            f"let it be longer than {span(drain)}",
        )


def short_drain(s: Linted) -> Iterator[Finding]:
    timeout, drain = s.request_timeout, s.drain_time
    if drain is None or timeout is None or 0 < timeout <= drain:
        return
    may_take = f"up to {span(timeout)}" if timeout else "as long as it likes"
    yield Finding(
        "risk",
        f"{s.key}.drain_time",
        f"drain_time = {span(drain)}",
        f"a request may take {may_take}, and a task that stops ends those it still serves",
        "leave it out, or let it be as long as a request may take",
    )


def one_task(s: Linted) -> Iterator[Finding]:
    if s.desired == 1:
        yield Finding(
            "odd",
            f"{s.key}.desired_count",
            "one task a side",
            "nothing serves while it is replaced after a crash",
            "run at least two",
        )


def health(s: Linted) -> Iterator[Finding]:
    if s.health_check is False:
        yield Finding(
            "risk",
            s.key,
            "no health check",
            "callers send requests to tasks that run but cannot serve, and a new side passes as "
            "soon as it runs",
            "give the listeners of its virtual nodes a healthCheck",
        )
    elif s.health_path == "/":
        yield Finding(
            "odd",
            f"{s.key}.health_path",
            'health_path = "/"',
            "a page for users is asked every few seconds, and may answer before the rest is ready",
            "let the application say at a path of its own, such as /health, when it can serve",
        )


def starved(s: Linted) -> Iterator[Finding]:
    if s.processor is not None and s.processor < LITTLE_PROCESSOR:
        yield Finding(
            "odd",
            f"{s.key}: cpu",
            f"the application gets {s.processor:.0%} of its task's processor time while its Envoy "
            "and the other containers want theirs",
            "ECS divides it by the cpu of each container, and one that names none counts as 2: "
            "under load requests wait for the application while Envoy has what it wants",
            "give the application's container a cpu, such as what the task's leaves for it",
        )


def no_retries(s: Linted) -> Iterator[Finding]:
    if s.retries == 0:
        yield Finding(
            "odd",
            s.key,
            "no retries",
            "the requests to a task that crashes fail instead of going to another one",
            "let its routes retry on connection-error and http code 503 at least once",
        )


def no_callers(s: Linted) -> Iterator[Finding]:
    if s.callers == 0:
        yield Finding(
            "risk",
            s.key,
            "no Envoy of a caller or gateway reports on it",
            "nobody can tell how a new version does, and every deployment is rolled back after "
            f"verify_timeout ({span(s.strategy.verify_timeout)})",
            "lead a gateway route or another service of the mesh to it",
        )


def endless_approval(s: Linted) -> Iterator[Finding]:
    asks = s.gates.approval or any(own.approval for own in s.strategy.step_settings)
    if asks and not s.gates.approval_timeout:
        yield Finding(
            "odd",
            f"{s.key}.gates.approval_timeout",
            "approval without approval_timeout",
            "a deployment that nobody approves runs for ever, and no other one can start",
            "set a limit, such as 12h",
        )


def moving_tag(s: Linted) -> Iterator[Finding]:
    name = s.image.rpartition("/")[2]
    if s.image and "@" not in name and (":" not in name or name.endswith(":latest")):
        yield Finding(
            "odd",
            f"{s.key}.image",
            f"image {s.image}",
            "its tag moves: two versions look the same, and a rollback may get the new one",
            "name versions by a tag of their own, or by digest",
        )


RULES: tuple[Rule, ...] = (
    no_requests_needed,
    perfection,
    leniency,
    too_few_to_tell,
    steps_and_requests,
    comparison,
    large_first_step,
    no_time,
    short_start,
    stop_before_drained,
    short_drain,
    one_task,
    health,
    starved,
    no_retries,
    no_callers,
    endless_approval,
    moving_tag,
    outside.token_in_the_clear,
    outside.slow_hook,
    outside.long_period,
)
