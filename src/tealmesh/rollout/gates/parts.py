"""The fixed objective for each part of a service that is watched. Pure.

A part fails like the whole service does, on evidence that chance gives fewer than one in
1/`ALPHA` good versions, split over the parts. It passes on its rate. Nothing waits for a number of
requests to it beyond what ``min_requests`` requests to the service bring along, measured by the
old side: a part that nobody asks for holds up nothing, and is told.
"""

from __future__ import annotations

import math

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import GateResult, Traffic, Verdict
from tealmesh.model.said import counted, say
from tealmesh.model.traffic.failures import by_kind
from tealmesh.model.traffic.parts import PartTraffic
from tealmesh.rollout.gates.assess import ALPHA, log_evidence, percent

GATE = "success-rate of"
"""With the name of a part, its gate."""

_NOT_COUNTED = 20
"""So many requests to the service of which none was counted by part, and Envoys do not count so."""


def assess(old: Traffic, new: Traffic, gates: Gates) -> tuple[GateResult, ...]:
    """The verdict on each part."""
    if gates.watch and not new.parts and new.requests >= _NOT_COUNTED:
        detail = say(
            "no caller's Envoy has counted the parts of {requests}: that takes Envoy "
            "1.39 or later, started by this version of Tealmesh",
            requests=counted(new.requests, "request"),
        )
        return tuple(
            GateResult(f"{GATE} {part.name}", Verdict.UNKNOWN, detail) for part in gates.watch
        )
    return tuple(
        _part(
            part.name,
            new.parts.get(part.name, PartTraffic()),
            gates.success_rate,
            _needed(old, part.name, gates.min_requests),
            len(gates.watch),
        )
        for part in gates.watch
    )


def _needed(old: Traffic, part: str, min_requests: int) -> int:
    """The requests to the part among ``min_requests`` to the service, as the old side gets them."""
    total, own = old.requests, old.parts.get(part, PartTraffic()).requests
    return math.ceil(min_requests * min(1.0, own / total)) if total else 0


def _part(name: str, new: PartTraffic, threshold: float, needed: int, parts: int) -> GateResult:
    gate = f"{GATE} {name}"
    numbers = (new.requests, needed, "requests")
    if not new.requests:
        if not needed:
            return GateResult(gate, Verdict.PASS, say("no request to {name}", name=name), *numbers)
        detail = say(
            "0 of {requests} to {name} on the new side",
            requests=counted(needed, "request"),
            name=name,
        )
        return GateResult(gate, Verdict.NEED_DATA, detail, *numbers)
    rate = 1 - new.failures / new.requests
    detail = say(
        "{rate} of {requests} to {name} succeeded",
        rate=percent(rate),
        requests=counted(new.requests, "request"),
        name=name,
    )
    detail += say(", at least {threshold} must", threshold=percent(threshold))
    if new.failures:
        detail += say(
            ": {failures} failed ({by_kind})", failures=new.failures, by_kind=by_kind(new.kinds)
        )
    if log_evidence(new.requests, new.failures, threshold) >= math.log(parts / ALPHA):
        detail += say(
            "; fewer than 1 in {parts} good versions would show this by chance",
            parts=f"{parts / ALPHA:.0f}",
        )
        return GateResult(gate, Verdict.FAIL, detail, *numbers)
    if new.requests < needed or rate < threshold:
        return GateResult(gate, Verdict.NEED_DATA, detail, *numbers)
    return GateResult(gate, Verdict.PASS, detail, *numbers)
