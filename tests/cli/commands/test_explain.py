"""explain: what it requests and prints."""

from __future__ import annotations

import json

import pytest

from tests.cli.command_line import DEPLOYMENT, assert_one_line, teal
from tests.cli.teal_api import Refused, TealApi

ANSWER = {
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
