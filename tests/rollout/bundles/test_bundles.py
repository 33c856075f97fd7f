"""Evidence bundles, their pages and backtests, on deployments whose callers are drawn by seed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tealmesh.model.config.strategies import Gates, LatencyObjective, StepSettings
from tealmesh.model.rollout import Deployment, JournalEntry, State
from tealmesh.model.rollout.failed import FailedTaskBody
from tealmesh.model.traffic.parts import Part
from tealmesh.model.traffic.windows import SideWindow, TaskWindow, Window
from tealmesh.rollout.bundles.backtest import replay
from tealmesh.rollout.bundles.contents import Sources, bundle
from tealmesh.rollout.bundles.page import page
from tests.rollout.machine.simulated import Version
from tests.rollout.machine.test_judging import Run, run

FAILED: FailedTaskBody = {
    "task": "f" * 32,
    "side": "blue",
    "at": 7.0,
    "code": "EssentialContainerExited",
    "reason": "app with code 9; last log lines of app: <oops>",
}
BAD = Version(failing=0.2)
GOOD = Version(failing=0.002)


def ended(made: Run) -> Deployment:
    final = State.ROLLED_BACK if made.d.state is State.ROLLING_BACK else State.SUCCEEDED
    return replace(made.d, state=final, finished_at=made.now, old_image="<web>:1")


def sources(made: Run) -> Sources:
    d = ended(made)
    words = "approved by <root>"
    entry = JournalEntry(d.id, 1, 5.0, "APPROVED", d.phase, d.status, words, by="<root>")
    return Sources(d, [entry], made.windows, [FAILED])


def test_a_bundle_has_everything_that_was_measured_and_decided() -> None:
    made = run(BAD)
    made.to_the_end()
    content = bundle(sources(made))
    assert json.loads(json.dumps(content)) == content, "it is JSON"
    assert [w["index"] for w in content["windows"]] == list(range(len(made.windows)))
    requests = sum(w["new"]["requests"] for w in content["windows"])
    assert requests == sum(w.new.requests for w in made.windows) > 0
    last = content["windows"][-1]["evidence"]["errors"]
    assert last["verdict"] == "FAIL"
    assert last["logEWorse"] >= last["failAt"]
    gates = {gate["gate"]: gate for gate in content["steps"][-1]["gates"]}
    numbers = gates["errors"]["evidence"]
    assert numbers == {k: v for k, v in last.items() if k in numbers}, "as in the last window"
    assert {"logEWorse", "failAt", "logEAlike", "passAt", "phi"} <= numbers.keys()
    assert "evidence" not in gates["success-rate"]
    assert content["strategy"]["type"] == "canary"
    assert content["status"] == "ROLLBACK_SUCCESSFUL"


class Words(HTMLParser):
    """The text and the tags of a page, which must nest."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("new", [GOOD, BAD])
def test_a_page_needs_nothing_else_and_follows_nothing_that_others_wrote(new: Version) -> None:
    made = run(new)
    made.to_the_end()
    text = page(bundle(sources(made)))
    read = Words()
    read.feed(text)
    assert not read.open
    assert not {"script", "link", "img", "iframe"} & set(read.tags)
    assert not re.search(r"https?://|url\(|@import", text), "it fetches nothing"
    assert "<web>:1 → " in read.text
    assert "approved by <root>" in read.text
    assert "last log lines of app: <oops>" in read.text
    assert "1970-01-01 00:00:07 UTC" in read.text, "times of day are told"
    assert read.tags.count("svg") >= 4
    assert "nan" not in text


def test_a_page_of_a_deployment_without_windows_says_so() -> None:
    made = run(GOOD)
    text = page(bundle(Sources(ended(made), [], [])))
    assert "Nothing was measured." in text
    assert "The sides were not compared" in text


def test_a_bundle_names_who_decided_and_the_tasks_that_failed() -> None:
    made = run(GOOD)
    made.to_the_end()
    content = bundle(sources(made))
    assert [entry["by"] for entry in content["journal"]] == ["<root>"]
    assert content["failedTasks"] == [FAILED]


def test_tasks_are_added_up_over_the_windows_those_with_failures_first() -> None:
    made = run(GOOD)
    d = ended(made)
    bounds = (10.0, 20.0)

    def window(index: int, **tasks: TaskWindow) -> Window:
        new = SideWindow(by_task=tasks, task_bounds=bounds)
        return Window(index, 0, 0.0, 10.0, {}, SideWindow(), new)

    windows = [
        window(0, a=TaskWindow(10, 0, 1, 10, (10, 10)), b=TaskWindow(4, 0, 0, 4, (0, 4))),
        window(1, a=TaskWindow(10, 0, 0, 10, (10, 10)), b=TaskWindow(6, 3, 0, 6, (0, 6))),
    ]
    told = bundle(Sources(d, [], windows))["tasks"]
    b, a = told
    assert (b["task"], b["requests"], b["failures"], b["p50"]) == ("b", 10, 3, 15.0)
    assert (a["task"], a["requests"], a["clientErrors"], a["p50"]) == ("a", 20, 1, 5.0)
    assert {one["side"] for one in told} == {d.new_side}


@pytest.mark.parametrize(
    "new",
    [GOOD, BAD, Version(hanging=0.2), Version(blamed=0.3), Version(latency=300.0)],
    ids=["good", "errors", "hangs", "4xx", "slow"],
)
def test_the_same_gates_say_the_same_again(new: Version) -> None:
    made = run(new)
    made.to_the_end()
    again = replay(ended(made), made.windows, made.d.gates)
    assert again.outcome == again.was, again.because
    if again.was == "rolled back":
        gate = again.because.partition(":")[0]
        assert made.d.reason.startswith(gate), made.d.reason


def test_other_gates_say_something_else_and_why() -> None:
    made = run(Version(failing=0.02))
    made.to_the_end()
    strict = replay(ended(made), made.windows, Gates(success_rate=0.999, alpha=0.5))
    assert strict.outcome == "rolled back"
    assert strict.because
    assert 0 < strict.seconds <= 10 * len(made.windows)
    lax = replay(ended(made), made.windows, Gates(success_rate=0.5, compare=False))
    assert lax.outcome == "passed"


SOME_ERRORS = Version(failing=0.04)


@pytest.mark.parametrize(
    ("gates", "outcome", "because"),
    [
        (Gates(success_rate=0.5, compare=False), "passed", "every gate passes"),
        (Gates(success_rate=0.5, compare=False, breaker=0.01), "rolled back", "breaker: "),
        (
            Gates(success_rate=0.5, compare=False, latency=(LatencyObjective(0.99, below=0.005),)),
            "rolled back",
            "latency-p99: ",
        ),
        (
            Gates(success_rate=0.5, compare=False, watch=(Part(method="POST"),)),
            "no verdict",
            "success-rate of POST: it was not counted then",
        ),
        (
            Gates(success_rate=0.5, compare=False, min_requests=100_000),
            "no verdict",
            "success-rate: ",
        ),
        (Gates(success_rate=0.5, margin=50.0), "passed", "every gate passes"),
        (Gates(success_rate=0.5, alpha=0.5), "rolled back", "errors: "),
    ],
)
def test_each_setting_of_gates_that_windows_can_answer_counts(
    gates: Gates, outcome: str, because: str
) -> None:
    made = run(SOME_ERRORS, gates=Gates(success_rate=0.5, compare=False))
    made.to_the_end()
    again = replay(ended(made), made.windows, gates)
    assert (again.outcome, again.because[: len(because)]) == (outcome, because), again.because


def test_steps_keep_their_own_settings_unless_these_are_set() -> None:
    made = run(SOME_ERRORS, gates=Gates(success_rate=0.5, compare=False))
    made.to_the_end()
    own = (StepSettings(success_rate=0.999),) * len(made.d.strategy.steps)
    d = replace(ended(made), strategy=replace(made.d.strategy, step_settings=own))
    gates = Gates(success_rate=0.5, compare=False)
    assert replay(d, made.windows, gates).outcome == "rolled back"
    assert replay(d, made.windows, gates, {"success_rate"}).outcome == "passed"


def test_what_went_back_for_another_reason_would_do_so_again() -> None:
    made = run(GOOD)
    made.to_the_end()
    why = "green has weight and no healthy task"
    d = replace(ended(made), state=State.ROLLED_BACK, reason=why)
    again = replay(d, made.windows, made.d.gates)
    assert (again.outcome, again.because) == ("rolled back", why)


def test_without_windows_nothing_is_said() -> None:
    made = run(GOOD)
    assert replay(ended(made), [], Gates()).outcome == "no verdict"
