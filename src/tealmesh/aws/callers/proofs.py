"""Asks STS whose a presigned ``sts:GetCallerIdentity`` is.

One request for each token, to a host that `model.identity.presigned` let pass: no redirects, a
limit of time and of size, and no credentials of ours. STS not answering lets nobody in; a token
that was proven before goes on being good while STS is away, until its end.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from tealmesh.aws.callers.fetching import fetch
from tealmesh.model.clock import Clock, SteadyClock
from tealmesh.model.errors import ProofRefused, ProofUnverified
from tealmesh.model.identity.presigned import (
    LONGEST_ANSWER,
    SERVER_HEADER,
    AwsIdentity,
    Presigned,
    answered,
    checked,
)

ASKING_SECONDS = 5.0
_AT_ONCE = 16
_KEPT = 4096
"""Proven tokens that are remembered, at most."""
_FRESH_SECONDS = 60.0
"""How long nobody is asked again: after a restart all Envoys come at once, some of them twice."""


@dataclass(frozen=True)
class _Proven:
    who: AwsIdentity
    at: float
    """By the steady clock."""


class Proofs:
    """Verifies tokens for one control plane."""

    def __init__(
        self,
        server_id: str,
        clock: Clock,
        steady: SteadyClock,
        endpoint: str = "",
        context: ssl.SSLContext | None = None,
    ) -> None:
        """``server_id`` is what tokens must be made for. ``endpoint`` is the URL of a STS of one's
        own, the only one that is asked then; HTTP is for loopback alone. ``context`` knows its
        authority.
        """
        self.server_id = server_id
        self._clock = clock
        self._steady = steady
        self._endpoint = urlsplit(endpoint)
        self._context = context
        self._asking = asyncio.Semaphore(_AT_ONCE)
        self._proven: dict[bytes, _Proven] = {}

    def check(self, token: str) -> Presigned:
        """What would be sent to STS. Raises ProofRefused."""
        own = (self._endpoint.netloc,) if self._endpoint.netloc else ()
        plain = self._endpoint.scheme == "http"
        presigned = checked(token, self._clock(), own, plain=plain)
        if own and urlsplit(presigned.url).netloc not in own:
            raise ProofRefused(f"the token is not for the STS at {self._endpoint.geturl()}")
        return presigned

    async def verify(self, token: str) -> AwsIdentity:
        """Whose token it is. Raises ProofRefused, or ProofUnverified if STS cannot be asked."""
        presigned = self.check(token)
        key = hashlib.sha256(token.encode()).digest()
        known = self._proven.get(key)
        if known is not None and self._steady() - known.at < _FRESH_SECONDS:
            return known.who
        try:
            async with self._asking, asyncio.timeout(ASKING_SECONDS):
                who = await self._ask(presigned)
        except (httpx.HTTPError, TimeoutError, ProofUnverified) as error:
            if known is not None:
                return known.who
            reason = str(error) or type(error).__name__
            raise ProofUnverified(f"STS does not say whose the token is: {reason}") from error
        except ProofRefused:
            self._proven.pop(key, None)
            raise
        self._keep(key, _Proven(who, self._steady()))
        return who

    async def _ask(self, presigned: Presigned) -> AwsIdentity:
        status, body = await fetch(
            presigned.url,
            self._context,
            seconds=ASKING_SECONDS,
            most=LONGEST_ANSWER,
            headers={SERVER_HEADER: self.server_id, "accept": "text/xml"},
        )
        if body is None:
            raise ProofRefused("STS answered too much")
        if status == 200:
            return answered(body)
        if status in (400, 401, 403):
            raise ProofRefused(f"STS refused the token ({status})")
        raise ProofUnverified(f"STS answered {status}")

    def _keep(self, key: bytes, proven: _Proven) -> None:
        self._proven.pop(key, None)
        self._proven[key] = proven
        while len(self._proven) > _KEPT:
            del self._proven[next(iter(self._proven))]
