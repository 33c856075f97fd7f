"""Row of `test_settings_have_effects` for the parts of a service that are watched."""

from __future__ import annotations

from tealmesh.model.config import nouns, strategies
from tealmesh.model.rollout import Traffic, Verdict
from tealmesh.model.traffic.parts import PartTraffic
from tealmesh.rollout.gates import parts

POSTS = {"POST": PartTraffic(requests=10, failures=8, kinds={"5xx": 8})}


def fails(config: nouns.TealConfig) -> bool:
    """Whether failures of POST alone are one."""
    gates = config.services["web"].gates
    seen = Traffic(1000, 8, 1000, parts=POSTS)
    return any(gate.verdict is Verdict.FAIL for gate in parts.assess(seen, seen, gates))


ROWS = {
    (strategies.Gates, "watch"): (
        ("services", "web", "gates", "watch"),
        [{"method": "POST"}],
        lambda b, a: fails(a) and not fails(b),
    )
}
