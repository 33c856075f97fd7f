"""What webhooks and commands answer, and how what they get is signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.rollout import Verdict
from tealmesh.rollout.hooks.answers import (
    LONGEST_DELAY,
    Answer,
    exhausted,
    late,
    of_command,
    of_webhook,
)
from tealmesh.rollout.hooks.signing import headers


def said(status: int = 200, **members: Any) -> Answer:
    return of_webhook(status, json.dumps(members).encode())


def test_ecs_answers_are_verdicts() -> None:
    assert said(hookStatus="SUCCEEDED").verdict is Verdict.PASS
    failed = said(hookStatus="FAILED", message="2 of 9 tests")
    assert (failed.verdict, failed.detail) == (Verdict.FAIL, "says FAILED: 2 of 9 tests")
    again = said(hookStatus="IN_PROGRESS", callBackDelay=60, hookDetails={"run": 7})
    assert (again.verdict, again.delay, again.details) == (Verdict.NEED_DATA, 60, '{"run": 7}')
    assert said(hookStatus="IN_PROGRESS").delay is None


def test_accepted_is_not_finished() -> None:
    assert of_webhook(202, b"").verdict is Verdict.NEED_DATA


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""), (204, b""), (200, b"<html>welcome"), (200, b'{"hookStatus": "DONE"}'),
        (200, b'{"hookStatus": ["SUCCEEDED"]}'), (200, b"[1]"), (202, b'{"hookStatus": "x"}'),
        (500, b'{"hookStatus": "SUCCEEDED"}'), (404, b"no"), (302, b""), (401, b""),
    ],
)  # fmt: skip
def test_nothing_else_is_a_verdict(status: int, body: bytes) -> None:
    answer = of_webhook(status, body)
    assert answer.verdict is Verdict.UNKNOWN
    assert f"HTTP {status}" in answer.detail


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        (5, 5.0),
        (0.5, 0.5),
        (-3, 0.0),
        (1e9, LONGEST_DELAY),
        ("5", None),
        (True, None),
        (None, None),
    ],
)
def test_a_delay_is_bounded(delay: object, seconds: float | None) -> None:
    assert said(hookStatus="IN_PROGRESS", callBackDelay=delay).delay == seconds


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(0, Verdict.PASS), (1, Verdict.FAIL), (75, Verdict.NEED_DATA), (2, Verdict.UNKNOWN),
     (127, Verdict.UNKNOWN), (-9, Verdict.UNKNOWN)],
)  # fmt: skip
def test_exit_codes(code: int, verdict: Verdict) -> None:
    assert of_command(code, b"").verdict is verdict


def test_the_last_lines_of_a_command_are_its_detail() -> None:
    answer = of_command(1, b"one\ntwo\n\nthree\n  four \x1b[31m\n")
    assert answer.detail == "exited with 1: two | three | four  [31m"
    assert len(of_command(1, b"x" * 10_000).detail) < 350


def test_no_verdict_after_all_retries_is_a_failure() -> None:
    unknown = late(3.0)
    assert exhausted(unknown, 9, None) is unknown
    assert exhausted(unknown, 2, 2) is unknown
    after = exhausted(unknown, 3, 2)
    assert after.verdict is Verdict.FAIL
    assert after.detail == (
        "gave no verdict, asked 3 times: gave no answer within its timeout of 3 s"
    )
    passed = of_command(0, b"")
    assert exhausted(passed, 9, 0) is passed


@given(st.integers(100, 599), st.binary(max_size=300))
def test_no_answer_raises_and_only_a_status_passes(status: int, body: bytes) -> None:
    answer = of_webhook(status, body)
    assert answer.verdict is not Verdict.PASS or b"SUCCEEDED" in body
    of_command(status, body)


def test_a_signature_is_that_of_standard_webhooks() -> None:
    secret = "whsec_" + base64.b64encode(b"key of twenty-four bytes").decode()
    made = headers(secret, "d1-PRE_SCALE_UP-0-0", 1700000000, b'{"a":1}')
    wanted = hmac.new(
        b"key of twenty-four bytes",
        b'd1-PRE_SCALE_UP-0-0.1700000000.{"a":1}',
        hashlib.sha256,
    ).digest()
    assert made == {
        "webhook-id": "d1-PRE_SCALE_UP-0-0",
        "webhook-timestamp": "1700000000",
        "webhook-signature": "v1," + base64.b64encode(wanted).decode(),
    }
    plain = headers("open sesame\n", "i", 1, b"")
    digest = hmac.new(b"open sesame", b"i.1.", hashlib.sha256).digest()
    assert plain["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
