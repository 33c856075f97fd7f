"""What a hook's answer means. Pure.

Webhooks answer as the functions behind ECS's lifecycle hooks do:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from tealmesh.model.rollout import Verdict
from tealmesh.model.said import say

EX_TEMPFAIL = 75
"""Exit code of a command that wants to be asked again, as in sysexits.h:
https://man.openbsd.org/sysexits.3"""

LONGEST_DELAY = 3600.0
"""Seconds: a hook cannot ask to be called later than that."""
_SHOWN = 300
"""Characters of an answer that a detail quotes."""
_VERDICTS: Mapping[object, Verdict] = {
    "SUCCEEDED": Verdict.PASS,
    "FAILED": Verdict.FAIL,
    "IN_PROGRESS": Verdict.NEED_DATA,
}


@dataclass(frozen=True)
class Answer:
    """What a hook said."""

    verdict: Verdict
    """NEED_DATA: it is not finished. UNKNOWN: it gave no verdict, which says nothing of the
    version."""
    detail: str
    """For people."""
    delay: float | None = None
    """Seconds after which it wants to be asked again; None if it does not say."""
    details: str = ""
    """JSON that it wants to be given again then (ECS's ``hookDetails``); empty for none."""


def of_webhook(status: int, body: bytes) -> Answer:
    """The meaning of an HTTP answer. Only a ``hookStatus`` is a verdict: a page that says 200 to
    everything must not pass a version.
    """
    if status // 100 != 2:
        told = say("answered with HTTP {status}", status=status)
        return Answer(Verdict.UNKNOWN, _with(told, _quoted(body)))
    answer = _mapping(body)
    said = answer.get("hookStatus")
    verdict = _VERDICTS.get(said) if isinstance(said, str) else None
    if verdict is None:
        if status == 202 and said is None:
            return Answer(Verdict.NEED_DATA, say("accepted, and not finished"))
        told = say(
            "answered with HTTP {status} without a hookStatus of SUCCEEDED, FAILED or IN_PROGRESS",
            status=status,
        )
        return Answer(Verdict.UNKNOWN, _with(told, _quoted(body)))
    message = answer.get("message")
    words = _cut(message) if isinstance(message, str) else ""
    given = answer.get("hookDetails")
    return Answer(
        verdict,
        _with(say("says {hook_status}", hook_status=str(said)), words),
        _delay(answer.get("callBackDelay")),
        json.dumps(given) if isinstance(given, dict) else "",
    )


def of_command(code: int, output: bytes) -> Answer:
    """The meaning of an exit code (negative for a signal), with the end of what was printed."""
    ended = (
        say("exited with {code}", code=code)
        if code >= 0
        else say("was ended by signal {number}", number=-code)
    )
    detail = _with(ended, _last_lines(output))
    verdict = {0: Verdict.PASS, 1: Verdict.FAIL, EX_TEMPFAIL: Verdict.NEED_DATA}.get(code)
    return Answer(verdict or Verdict.UNKNOWN, detail)


def late(seconds: float, output: bytes = b"") -> Answer:
    """There was no answer within its time."""
    told = say("gave no answer within its timeout of {seconds} s", seconds=f"{seconds:g}")
    return Answer(Verdict.UNKNOWN, _with(told, _last_lines(output)))


def exhausted(answer: Answer, tries: int, retries: int | None) -> Answer:
    """The answer; a failure if it is no verdict and the hook may not be asked again."""
    if answer.verdict is not Verdict.UNKNOWN or retries is None or tries <= retries:
        return answer
    told = (
        say("gave no verdict, asked once")
        if tries == 1
        else say("gave no verdict, asked {tries} times", tries=tries)
    )
    return Answer(Verdict.FAIL, _with(told, answer.detail))


def _with(told: str, words: str) -> str:
    """A text, and what a hook said."""
    return say("{told}: {words}", told=told, words=words) if words else told


def _delay(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return min(max(0.0, float(value)), LONGEST_DELAY)


def _mapping(body: bytes) -> Mapping[str, object]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _quoted(body: bytes) -> str:
    return _cut(" ".join(body.decode(errors="replace").split()))


def _last_lines(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines()]
    said = [line for line in lines if line][-3:]
    return _cut(" | ".join(said), end=True)


def _cut(text: str, *, end: bool = False) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    if len(printable) <= _SHOWN:
        return printable
    return f"…{printable[-_SHOWN:]}" if end else f"{printable[:_SHOWN]}…"
