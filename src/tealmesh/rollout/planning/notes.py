"""What whoever starts a deployment should know of its waits, one sentence each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.said import counted
from tealmesh.model.spans import span
from tealmesh.rollout.gates import observing, preflight
from tealmesh.rollout.gates.preflight import Before
from tealmesh.rollout.planning import timing
from tealmesh.rollout.planning.present import Present
from tealmesh.rollout.planning.timing import Timed


def notes(before: Before, strategy: Strategy, gates: Gates, present: Present) -> list[str]:
    """What stands against the deployment, and what it will wait for longer than its times say."""
    timed = timing.steps(strategy, gates, present)
    return [
        *preflight.notes(before, strategy),
        *_quiet(before, strategy, gates, present),
        *_steps(strategy, present, timed),
        *_uncounted(gates, present, timed),
    ]


def _quiet(before: Before, strategy: Strategy, gates: Gates, present: Present) -> Iterator[str]:
    least = gates.of_step(strategy.own(0)).min_requests
    if present.rate == 0 and least:
        longest = strategy.time_of(0) + strategy.timeout_of(0)
        yield (
            f"{before.service} got no request in the last {span(before.traffic.seconds)}: each "
            f"step waits for {counted(least, 'request')} to the new side and rolls back after "
            f"{span(longest)} without them: send some (`teal load {before.url or 'URL'}`), or set "
            "min_requests = 0"
        )


def _steps(strategy: Strategy, present: Present, timed: Sequence[Timed]) -> Iterator[str]:
    if not present.rate:
        return
    at_present = f"at the present {present.rate:.1f} requests a second"
    said = False
    for index, one in enumerate(timed):
        wait, weight = one.wait, strategy.steps[index]
        timeout = f"step_timeout is {span(strategy.timeout_of(index))}"
        if wait.compared:
            yield from _verdict(strategy, index, one, at_present)
        elif one.seconds is None and wait.by and not _follows(timed, index):
            yield f"{at_present}, the step of {weight} % cannot end well: {wait.by}"
        elif one.seconds is not None and one.seconds > strategy.time_of(index) and not said:
            said = True  # The later steps, with more weight, are faster.
            ends = ", which is longer than its time limit: it will roll back" if one.late else ""
            yield (
                f"{at_present}, the step of {weight} % takes about {span(one.seconds)} to see "
                f"{wait.by.split(' at ')[0]} on the new side{ends} ({timeout})"
            )


def _follows(timed: Sequence[Timed], index: int) -> bool:
    """Whether an earlier step is as hopeless, which has been said."""
    return any(one.seconds is None for one in timed[:index])


def _verdict(strategy: Strategy, index: int, one: Timed, at_present: str) -> Iterator[str]:
    """That the comparison takes longer than the steps, if it does."""
    wait = one.wait
    if one.seconds is not None and one.seconds <= strategy.time_of(index):
        return
    if wait.part and wait.seconds is None and wait.by.startswith(wait.part):
        return  # `_uncounted` says it.
    what = f"the new version is no worse{f' in {wait.compared}' if wait.part else ''}"
    takes = f"{span(wait.verdict)} from the first weight on" if wait.verdict else "for ever"
    if one.seconds is None or one.late:
        instead = f", or do not watch {wait.part}" if wait.part else ""
        yield (
            f"{at_present}, it takes {takes} to show that {what}, longer than its steps before "
            f"100 % and step_timeout ({span(strategy.timeout_of(index))}): without that it rolls "
            f"back; give it longer steps or a larger share{instead}, or set compare = false"
        )
        return
    yield (
        f"{at_present}, it takes about {takes} to show that {what}: the step before 100 % waits "
        "for that"
    )


def _uncounted(gates: Gates, present: Present, timed: Sequence[Timed]) -> Iterator[str]:
    """The parts of which nobody knows how long their verdict takes."""
    if not any(one.wait.compared and one.wait.part for one in timed):
        return
    for part in gates.watch:
        if present.of(part.name) is None:
            yield (
                f"nobody has counted {part.name} yet, as parts are counted in deployments only: "
                "how long it takes to show that the new version is no worse in "
                f"{observing.ERRORS} of {part.name} is known from the next one on"
            )
