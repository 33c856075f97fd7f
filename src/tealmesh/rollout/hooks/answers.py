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
        return Answer(Verdict.UNKNOWN, f"answered with HTTP {status}{_quoted(body)}")
    answer = _mapping(body)
    said = answer.get("hookStatus")
    verdict = _VERDICTS.get(said) if isinstance(said, str) else None
    if verdict is None:
        if status == 202 and said is None:
            return Answer(Verdict.NEED_DATA, "accepted, and not finished")
        allowed = "SUCCEEDED, FAILED or IN_PROGRESS"
        return Answer(
            Verdict.UNKNOWN,
            f"answered with HTTP {status} without a hookStatus of {allowed}{_quoted(body)}",
        )
    message = answer.get("message")
    said_more = f": {_cut(message)}" if isinstance(message, str) and message else ""
    given = answer.get("hookDetails")
    return Answer(
        verdict,
        f"says {said}{said_more}",
        _delay(answer.get("callBackDelay")),
        json.dumps(given) if isinstance(given, dict) else "",
    )


def of_command(code: int, output: bytes) -> Answer:
    """The meaning of an exit code (negative for a signal), with the end of what was printed."""
    words = f"exited with {code}" if code >= 0 else f"was ended by signal {-code}"
    detail = f"{words}{_last_lines(output)}"
    verdict = {0: Verdict.PASS, 1: Verdict.FAIL, EX_TEMPFAIL: Verdict.NEED_DATA}.get(code)
    return Answer(verdict or Verdict.UNKNOWN, detail)


def late(seconds: float, output: bytes = b"") -> Answer:
    """There was no answer within its time."""
    return Answer(
        Verdict.UNKNOWN, f"gave no answer within its timeout of {seconds:g} s{_last_lines(output)}"
    )


def exhausted(answer: Answer, tries: int, retries: int | None) -> Answer:
    """The answer; a failure if it is no verdict and the hook may not be asked again."""
    if answer.verdict is not Verdict.UNKNOWN or retries is None or tries <= retries:
        return answer
    times = "once" if tries == 1 else f"{tries} times"
    return Answer(Verdict.FAIL, f"gave no verdict, asked {times}: {answer.detail}")


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
    text = _cut(" ".join(body.decode(errors="replace").split()))
    return f": {text}" if text else ""


def _last_lines(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines()]
    said = [line for line in lines if line][-3:]
    return f": {_cut(' | '.join(said), end=True)}" if said else ""


def _cut(text: str, *, end: bool = False) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    if len(printable) <= _SHOWN:
        return printable
    return f"…{printable[-_SHOWN:]}" if end else f"{printable[:_SHOWN]}…"
