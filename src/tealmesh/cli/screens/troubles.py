"""What the control plane says of its own workers that fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tealmesh.model import wire


_AMISS = {
    "dead": "dead, last heard of {ago} ago: its Envoys connect to the others, which go on with its "
    "work after some ten seconds",
    "cut off": "answers, and has not reached the database for {ago}: its Envoys go to the others",
    "unknown": "nothing was heard of it for {ago}",
}


def troubles(status: wire.GetStatusOutput, now: float | None = None) -> Iterator[tuple[str, str]]:
    """Each worker that fails, and a sentence on it. ``now``: in seconds since the epoch; None for
    this moment.
    """
    for one in status.get("troubles", []):
        yield one["worker"], _sentence(one, time.time() if now is None else now)


def control_planes(status: wire.GetStatusOutput) -> Iterator[str]:
    """A sentence on each of several control planes that does not do its part."""
    for one in status.get("controlPlanes", []):
        if one["standing"] in _AMISS:
            name = one["address"] or "without --advertise"
            ago = f"{one.get('silentSeconds', 0.0):.0f} s"
            yield f"control plane {name}: {_AMISS[one['standing']].format(ago=ago)}"


def rejections(status: wire.GetStatusOutput) -> Iterator[str]:
    """A sentence on each mesh with Envoys that reject what they were sent."""
    for mesh in status.get("meshes", []):
        if count := mesh["rejected"]:
            what = "1 Envoy rejects its configuration and keeps what it had"
            if count > 1:
                what = f"{count} Envoys reject their configuration and keep what they had"
            yield f"mesh {mesh['name']}: {what}: `teal envoys` says why"


def _sentence(trouble: wire.WorkerTrouble, now: float) -> str:
    since = time.strftime("%H:%M:%S", time.localtime(trouble["since"]))
    times = "once" if trouble["times"] == 1 else f"{trouble['times']} times"
    again = "being tried again"
    if "nextTryAt" in trouble:
        again = f"tried again in {max(0.0, trouble['nextTryAt'] - now):.0f} s"
    return f"fails since {since} ({times}): {trouble['error']}; {again}"
