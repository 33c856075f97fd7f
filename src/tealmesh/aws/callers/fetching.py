"""Asks one place that may not lead elsewhere: no redirects, no proxy of the environment, a limit of
time and of size.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping

import httpx


@functools.cache
def _authorities_of_the_machine() -> ssl.SSLContext:
    """They are slow to read: 40 ms."""
    return httpx.create_ssl_context(trust_env=False)


async def fetch(
    url: str,
    context: ssl.SSLContext | None,
    *,
    seconds: float,
    most: int,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes | None]:
    """Status and body of a GET; None for a body of more than ``most`` bytes, which is read no
    further. ``context`` knows the authorities of the place, None those of the machine; ``seconds``
    limits each wait. Raises httpx.HTTPError.
    """
    sent = {"accept-encoding": "identity", **(headers or {})}
    async with (
        httpx.AsyncClient(
            verify=context or _authorities_of_the_machine(),
            trust_env=False,
            follow_redirects=False,
            timeout=seconds,
        ) as http,
        http.stream("GET", url, headers=sent) as answer,
    ):
        body = b""
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > most:
                return answer.status_code, None
        return answer.status_code, body
