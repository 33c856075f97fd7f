"""What passes heals: a worker that fails is run again, and is named until it works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.errors import DockerUnavailable, EngineError, LeaseLost
from tealmesh.supervision.supervisor import Backoff, Supervisor
from tealmesh.supervision.trouble import EVERYTHING, Trouble, concerning, described, last_line

QUICK = Backoff(first=0.001, most=0.01)


class Flaky:
    """Work that fails as often as told, then runs until it is cancelled."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.runs = 0
        self.working = asyncio.Event()

    async def run(self) -> None:
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)
        self.working.set()
        await asyncio.Event().wait()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the fact is the supervisor's own
            await asyncio.sleep(0.001)


def kept(scenario: Callable[[Supervisor, list[str]], Awaitable[None]]) -> list[str]:
    news: list[str] = []

    async def run() -> None:
        told = lambda how, trouble: news.append(f"{trouble.worker} {how}: {trouble.error}")  # noqa: E731
        await scenario(Supervisor(lambda: 7.0, QUICK, told), news)

    asyncio.run(run())
    return news


@given(st.integers(0, 6))
def test_a_worker_that_fails_n_times_works_in_the_end(failures: int) -> None:
    async def scenario(supervisor: Supervisor, news: list[str]) -> None:
        flaky = Flaky(*(ValueError("no") for _ in range(failures)))
        keeping = asyncio.create_task(supervisor.keep("the feed", flaky.run))
        await flaky.working.wait()
        assert flaky.runs == failures + 1
        await until(lambda: not supervisor.troubles())
        keeping.cancel()
        await asyncio.wait({keeping})
        assert keeping.cancelled()

    news = kept(scenario)
    assert (
        news
        == (["the feed fails: ValueError: no", "the feed works: ValueError: no"])[
            : 2 * bool(failures)
        ]
    )


def test_one_that_fails_for_ever_is_named_with_its_last_error_and_the_next_try() -> None:
    async def scenario(supervisor: Supervisor, news: list[str]) -> None:
        async def work() -> None:
            raise KeyError("meshName")

        keeping = asyncio.create_task(supervisor.keep("the feed", work, concerns="web"))
        await until(lambda: bool(supervisor.troubles()) and supervisor.troubles()[0].times > 5)
        (trouble,) = supervisor.troubles()
        assert (trouble.worker, trouble.concerns, trouble.since) == ("the feed", "web", 7.0)
        assert trouble.error == "KeyError: 'meshName'"
        assert trouble.next_try is not None
        assert not keeping.done()
        keeping.cancel()
        await asyncio.wait({keeping})
        assert not supervisor.troubles()

    assert kept(scenario) == ["the feed fails: KeyError: 'meshName'"], "told once"


def test_what_must_not_end_is_run_again_when_it_ends() -> None:
    async def scenario(supervisor: Supervisor, news: list[str]) -> None:
        runs = 0

        async def work() -> None:
            nonlocal runs
            runs += 1
            if runs > 2:
                await asyncio.Event().wait()

        keeping = asyncio.create_task(supervisor.keep("the feed", work, ends=False))
        await until(lambda: runs == 3)
        keeping.cancel()

    assert kept(scenario)[0] == "the feed fails: RuntimeError: it has ended, which it must not"


def test_work_that_ends_is_not_run_again() -> None:
    async def scenario(supervisor: Supervisor, news: list[str]) -> None:
        async def work() -> None:
            return None

        await supervisor.keep("task 1", work)

    assert kept(scenario) == []


def test_a_cancelled_helper_does_not_end_a_worker() -> None:
    """An executor that shuts down, a stream that ends: what was waited for is cancelled, not we."""

    async def scenario(supervisor: Supervisor, news: list[str]) -> None:
        flaky = Flaky(asyncio.CancelledError(), asyncio.CancelledError())
        keeping = asyncio.create_task(supervisor.keep("the engine", flaky.run))
        await flaky.working.wait()
        assert not keeping.done()
        keeping.cancel()

    assert kept(scenario)[0] == "the engine fails: CancelledError"


def test_of_several_things_one_that_fails_does_not_keep_the_others_from_being_done() -> None:
    async def scenario(supervisor: Supervisor, news: list[str]) -> None:
        done = []
        for name in ("a", "b", "c"):
            with supervisor.contained(f"mesh {name}"):
                if name == "b":
                    raise ValueError(name)
                done.append(name)
        assert done == ["a", "c"]
        (trouble,) = supervisor.troubles()
        assert (trouble.worker, trouble.next_try) == ("mesh b", None)
        with supervisor.contained("mesh b"):
            done.append("b")
        await until(lambda: not supervisor.troubles())

    assert kept(scenario) == ["mesh b fails: ValueError: b", "mesh b works: ValueError: b"]


@given(st.integers(1, 500))
def test_later_each_time_but_never_too_late(failures: int) -> None:
    backoff = Backoff()
    assert backoff.first <= backoff.after(failures) <= backoff.after(failures + 1) <= backoff.most


def test_docker_that_is_away_is_looked_for_often() -> None:
    async def scenario(supervisor: Supervisor, news: list[str]) -> None:
        gone = DockerUnavailable("nothing answers on /run/docker.sock")
        flaky = Flaky(*(gone for _ in range(5)))
        keeping = asyncio.create_task(supervisor.keep("task 1", flaky.run))
        await flaky.working.wait()
        keeping.cancel()

    assert kept(scenario)[0] == "task 1 fails: nothing answers on /run/docker.sock"


def test_an_error_is_one_line() -> None:
    assert last_line(EngineError("choose another port")) == "choose another port"
    assert last_line(ValueError("one\ntwo\n")) == "ValueError: two"
    assert last_line(AssertionError()) == "AssertionError"
    group = ExceptionGroup("several", [ExceptionGroup("more", [KeyError("x")]), ValueError("y")])
    assert last_line(group) == "KeyError: 'x'"


def test_what_holds_a_deployment_up_is_its_own_trouble_and_that_of_all() -> None:
    def trouble(concerns: str) -> Trouble:
        return Trouble(f"worker of {concerns}", "ValueError: no", concerns, 1.0, 3, 8.0)

    found = concerning([trouble("web"), trouble("other"), trouble(EVERYTHING)], ["web"])
    assert [one.concerns for one in found] == ["web", EVERYTHING]
    assert described(found[0]) == "ValueError: no (3 times); tried again in 8 s"


def test_that_a_lease_was_lost_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(supervisor: Supervisor, news: list[str]) -> None:
        flaky = Flaky(LeaseLost("the lease 'timers' number 3 was taken meanwhile"))
        keeping = asyncio.create_task(supervisor.keep("the timers", flaky.run))
        await flaky.working.wait()
        with supervisor.contained("the copy of ECS"):
            raise LeaseLost("the lease 'discovery' number 3 was taken meanwhile")
        assert supervisor.troubles() == []
        keeping.cancel()
        await asyncio.wait({keeping})

    with caplog.at_level(logging.INFO, "tealmesh"):
        assert kept(scenario) == []
    said = [(record.levelname, record.message, record.exc_info) for record in caplog.records]
    assert said == [
        ("INFO", "the timers stops: the lease 'timers' number 3 was taken meanwhile", None),
        ("INFO", "the copy of ECS stops: the lease 'discovery' number 3 was taken meanwhile", None),
    ]
