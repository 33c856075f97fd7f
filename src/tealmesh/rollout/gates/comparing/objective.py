"""Evidence that the new side's own bad requests are fewer than a fixed share, whatever the old
side's are. Without bad requests on either side, a comparison says nothing, and this decides.
"""

from __future__ import annotations

import math

from tealmesh.rollout.gates.comparing.counts import Arm

BELOW = (0.02, 0.1, 0.25, 0.5, 0.7)
"""The shares that are bet on, as parts of the allowed one."""

BELOW_WEIGHTS = (0.5, 0.15, 0.15, 0.1, 0.1)
"""The share of the capital on each of `BELOW`. Without any bad request some 370 requests suffice
for 1 % and a β of 5 %."""


def log_factors(arm: Arm, allowed: float, phi: float) -> tuple[float, ...]:
    """By how much the logarithm of the capital on each of `BELOW` grows by a window of the new
    side. If its share of bad requests is ``allowed`` or more, no bet is favourable. Requests count
    1/``phi`` each.
    """
    if not 0 < allowed < 1:
        return (0.0,) * len(BELOW)
    return tuple(
        (
            arm.bad * math.log(part)
            + (arm.requests - arm.bad) * math.log((1 - part * allowed) / (1 - allowed))
        )
        / phi
        for part in BELOW
    )
