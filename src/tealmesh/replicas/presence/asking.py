"""Asks another replica how it is, at its ``--advertise``."""

from __future__ import annotations

import httpx

from tealmesh.replicas.presence.presence import Health

PATH = "/_teal/health"


async def ask(address: str, seconds: float, *, tls: bool = False) -> Health | None:
    """What answers at ``HOST:PORT``; None for nothing within so many seconds.

    Its certificate is not verified: nothing secret is said to it, and whoever lies there can only
    let a dead replica seem to be cut off.
    """
    scheme = "https" if tls else "http"
    try:
        async with httpx.AsyncClient(
            trust_env=False,
            timeout=seconds,
            verify=False,  # noqa: S501 - as said above
        ) as client:
            answer = await client.get(f"{scheme}://{address}{PATH}")
            told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    if not isinstance(told, dict) or not isinstance(told.get("replica"), str):
        return None
    return Health(told["replica"], told.get("database") == "ok")
