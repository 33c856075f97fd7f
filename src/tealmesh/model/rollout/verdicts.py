"""What gates say, and what was measured at one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tealmesh.model.teal import known_members
from tealmesh.model.traffic.windows import Judged

if TYPE_CHECKING:
    from tealmesh.model.teal import GateResultBody, StepEvidenceBody
    from tealmesh.model.wire import GateEvidence, GateVerdict


class Verdict(StrEnum):
    """The verdict of a gate."""

    PASS = "PASS"  # noqa: S105 - the verdict, not a password
    FAIL = "FAIL"
    NEED_DATA = "NEED_DATA"
    """Not decided yet: look again."""
    UNKNOWN = "UNKNOWN"
    """Nothing is observed at all."""


@dataclass(frozen=True)
class GateResult:
    """A gate's verdict with the numbers behind it."""

    gate: str
    verdict: Verdict
    detail: str
    """The numbers, for people."""
    have: float | None = None
    """What there is of ``need``; None where the gate counts nothing."""
    need: float | None = None
    """How much it takes to pass."""
    unit: str = ""
    """What ``have`` and ``need`` count, such as ``requests``."""
    judged: Judged | None = None
    """The e-values that it was decided by, with their bounds; None for a gate without."""

    @classmethod
    def from_json(cls, body: GateResultBody) -> GateResult:
        """The result that `dataclasses.asdict` made into a body."""
        known = {**known_members(cls, body), "verdict": Verdict(body["verdict"])}
        judged = body.get("judged")
        known["judged"] = Judged(**known_members(Judged, judged)) if judged else None
        return cls(**known)

    def to_wire(self) -> GateVerdict:
        """The verdict as our API answers it."""
        answer: GateVerdict = {
            "gate": self.gate,
            "verdict": self.verdict.value,
            "detail": self.detail,
        }
        if self.have is not None and self.need is not None:
            answer |= {"have": self.have, "need": self.need, "unit": self.unit}
        if self.judged is not None:
            answer["evidence"] = evidence(self.judged)
        return answer


def evidence(judged: Judged) -> GateEvidence:
    """What a comparison came to, as our API answers it."""
    answer: GateEvidence = {
        "logEWorse": judged.log_e_worse,
        "failAt": judged.fail_at,
        "logEAlike": judged.log_e_alike,
        "passAt": judged.pass_at,
        "phi": judged.phi,
    }
    if judged.log_e_below is not None:
        answer["logEBelow"] = judged.log_e_below
    return answer


@dataclass(frozen=True)
class StepEvidence:
    """What was measured at one step."""

    step: int
    """Index of the step, from 0."""
    weights: Mapping[str, int]
    expected_share: float
    """The new side's share by the weights, 0 to 1."""
    started_at: float
    requests: int = 0
    """Requests to the new side."""
    failures: int = 0
    """How many of them failed."""
    total_requests: int = 0
    """Requests to both sides."""
    total_failures: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    """The failures of requests to the new side by kind, as in `Traffic`."""
    share: float | None = None
    """The new side's observed share of the requests, 0 to 1; None without requests."""
    p50: float | None = None
    """Milliseconds, of the new side."""
    p99: float | None = None
    """Milliseconds, of the new side."""
    propagation: float | None = None
    """Seconds from setting the weights until every Envoy had acknowledged them."""
    finished_at: float | None = None
    verdicts: tuple[GateResult, ...] = ()

    @classmethod
    def from_json(cls, body: StepEvidenceBody) -> StepEvidence:
        """The evidence that `dataclasses.asdict` made into a body."""
        verdicts = tuple(map(GateResult.from_json, body["verdicts"]))
        return cls(**{**known_members(cls, body), "verdicts": verdicts})
