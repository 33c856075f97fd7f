"""explain: what it requests and prints."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.cli.command_line import DEPLOYMENT, assert_one_line, teal
from tests.cli.teal_api import Refused, TealApi

ANSWER: dict[str, Any] = {
    "deployment": DEPLOYMENT,
    "sentence": "web: the deployment succeeded, because all is well; next: nothing; it is over.",
    "doing": "succeeded",
    "why": "all is well",
    "following": "nothing",
    "latest": "it is over",
    "steps": [
        {
            "title": "step 1 of 2 (10 % to green)",
            "measured": "1234 requests to green, 3 failed",
            "findings": [
                {"gate": "tasks", "verdict": "PASS", "detail": "3 of 3 healthy"},
                {"gate": "success-rate", "verdict": "PASS", "detail": "99 % of 1234"},
            ],
            "outcome": "went on to step 2 of 2 (100 % to green): every gate passed",
        }
    ],
    "journal": [
        {"sequence": 1, "at": 1000.0, "transition": "CREATED", "status": "IN_PROGRESS",
         "message": "x/web:2 on green"},
    ],
}  # fmt: skip


def test_the_sentence_comes_first_then_each_step_then_the_journal(api: TealApi) -> None:
    api.operations["Explain"] = lambda _: ANSWER
    done = teal("explain", "web", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert api.requests("Explain") == [{"service": "web"}]
    lines = done.stdout.splitlines()
    assert lines[0] == ANSWER["sentence"]
    assert "x/web:1 → 2 on green, canary 10 → 100 %" in lines
    step = lines.index("step 1 of 2 (10 % to green)")
    assert lines[step + 1 : step + 5] == [
        "  1234 requests to green, 3 failed",
        "  PASS  tasks         3 of 3 healthy",
        "  PASS  success-rate  99 % of 1234",
        "  → went on to step 2 of 2 (100 % to green): every gate passed",
    ]
    assert lines[lines.index("journal") + 1].endswith("CREATED  x/web:2 on green")
    assert not any(line != line.rstrip() for line in lines)


SIDE = {"requests": 90, "failures": 3, "p99": 12.5}
WINDOW = {
    "index": 0,
    "step": 0,
    "startedAt": 1000.0,
    "seconds": 10.0,
    "old": {"requests": 900, "failures": 0, "p99": None},
    "new": SIDE,
    "compared": True,
    "note": "",
    "evidence": {"errors": {"logEWorse": 2.0, "failAt": 5.7}},
}
BUNDLE = {"old": {"side": "blue"}, "new": {"side": "green"}, "windows": [WINDOW]}


def test_decisions_have_their_numbers_and_times_and_windows_are_told_on_request(
    api: TealApi,
) -> None:
    numbers = {"logEWorse": 2.0, "failAt": 5.7, "logEAlike": -0.4, "passAt": 3.0, "phi": 1.5}
    finding = {"gate": "errors", "verdict": "NEED_DATA", "detail": "3 failed", "evidence": numbers}
    step = {**ANSWER["steps"][0], "findings": [finding], "startedAt": 1000.0, "finishedAt": 1060.0}
    api.operations["Explain"] = lambda _: {**ANSWER, "steps": [step]}
    api.operations["GetEvidence"] = lambda _: {"deploymentId": "d1", "bundle": json.dumps(BUNDLE)}
    shown = teal("explain", "web", "--windows", endpoint=api.endpoint).stdout
    words = " ".join(shown.split())
    assert re.search(r"\(10 % to green\), from \d\d:16:40 to \d\d:17:40", words)
    assert "[E 7.4 against it (fails at 299), 0.67 for it (passes at 20), φ 1.5]" in words
    assert "green 3 of 90 failed, p99 12.5 ms; blue 0 of 900 failed; errors E 7.4 of 299" in words
    done = teal("explain", "web", "--windows", "--json", endpoint=api.endpoint)
    assert json.loads(done.stdout)["windows"] == [WINDOW]
    usual = teal("explain", "web", endpoint=api.endpoint)
    assert "windows" not in usual.stdout.splitlines()


def test_as_json_by_the_beginning_of_an_id(api: TealApi) -> None:
    api.operations["Explain"] = lambda _: ANSWER
    done = teal("explain", "web", "d1", "--json", endpoint=api.endpoint)
    assert json.loads(done.stdout) == ANSWER
    assert api.requests("Explain") == [{"service": "web", "deploymentId": "d1"}]


@pytest.mark.parametrize("arguments", [("web",), ("web", "--json")])
def test_without_a_deployment(api: TealApi, arguments: tuple[str, ...]) -> None:
    def refuse(_: object) -> dict[str, object]:
        raise Refused("NotFoundException", "web has no deployment yet")

    api.operations["Explain"] = refuse
    assert_one_line(teal("explain", *arguments, endpoint=api.endpoint), "has no deployment yet")
