"""Fetches the keys that identities are signed with, and keeps them.

One place, which the owner has named: no redirects, a limit of time and of size, no proxy of the
environment. Keys that were had are used on while that place is away, for a day; one that is asked
for and not known is asked for again after a pause.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass, field

import httpx

from tealmesh.aws.callers.fetching import fetch
from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import ProofRefused, ProofUnverified
from tealmesh.model.identity.jwts import VerifyingKey, can_be_in_url, key_of_pem, keys_of_set
from tealmesh.model.identity.oidc import Provider

ASKING_SECONDS = 5.0
FRESH_SECONDS = 600.0
"""After this, keys are asked for again: one that was taken away verifies nothing then."""
LASTING_SECONDS = 86400.0
"""How long keys are used while nobody answers."""
PAUSE_SECONDS = 10.0
"""Between two questions for what was not there."""
LONGEST_ANSWER = 256 * 1024
_KEPT = 32
"""Places that are remembered: of a load balancer each key is one."""


@dataclass
class _Place:
    """What one URL has answered."""

    keys: dict[str, VerifyingKey] = field(default_factory=dict)
    at: float | None = None
    """When that was; None for never."""
    tried: float | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class IssuersKeys:
    """Those of one control plane."""

    def __init__(self, steady: SteadyClock, context: ssl.SSLContext | None = None) -> None:
        """``context`` knows the authorities of the places."""
        self._steady = steady
        self._context = context
        self._places: dict[str, _Place] = {}

    async def find(self, provider: Provider, kid: str) -> VerifyingKey:
        """The key of an id. Raises ProofRefused if there is none, ProofUnverified if that cannot be
        told.
        """
        if provider.signer and not can_be_in_url(kid):
            raise ProofRefused("the token's kid is not the id of a load balancer's key")
        url = provider.keys + kid if provider.signer else provider.keys
        place = self._place(url)
        async with place.lock:
            known = self._known(place, provider, kid)
            if known is not None and not self._is_older(place.at, FRESH_SECONDS):
                return known
            if self._is_older(place.tried, PAUSE_SECONDS):
                place.tried = self._steady()
                try:
                    place.keys = await self._ask(url, provider)
                    place.at = self._steady()
                except ProofUnverified:
                    if known is None or self._is_older(place.at, LASTING_SECONDS):
                        raise
            elif place.at is None or self._is_older(place.at, LASTING_SECONDS):
                raise ProofUnverified(f"the keys at {_host(url)} cannot be had at present")
            known = self._known(place, provider, kid)
        if known is None:
            raise ProofRefused("no key of the issuer has the token's kid")
        return known

    def _known(self, place: _Place, provider: Provider, kid: str) -> VerifyingKey | None:
        if not provider.signer and not kid and len(place.keys) == 1:
            return next(iter(place.keys.values()))
        return place.keys.get("" if provider.signer else kid)

    def _is_older(self, at: float | None, seconds: float) -> bool:
        return at is None or self._steady() - at >= seconds

    def _place(self, url: str) -> _Place:
        place = self._places.pop(url, None) or _Place()
        self._places[url] = place
        while len(self._places) > _KEPT:
            del self._places[next(iter(self._places))]
        return place

    async def _ask(self, url: str, provider: Provider) -> dict[str, VerifyingKey]:
        try:
            async with asyncio.timeout(ASKING_SECONDS):
                status, body = await fetch(
                    url, self._context, seconds=ASKING_SECONDS, most=LONGEST_ANSWER
                )
        except (httpx.HTTPError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            text = f"the keys at {_host(url)} cannot be had: {reason}"
            raise ProofUnverified(text) from error
        if body is None:
            raise ProofUnverified(f"{_host(url)} answers too much for keys")
        if status in (403, 404) and provider.signer:
            return {}  # S3 says so of a key that is not there
        if status != 200:
            raise ProofUnverified(f"{_host(url)} answered {status} to the question for its keys")
        try:
            if provider.signer:
                return {"": key_of_pem(body)}
            return keys_of_set(json.loads(body))
        except (ProofRefused, ValueError, RecursionError) as error:
            raise ProofUnverified(f"what {_host(url)} answers is not a key: {error}") from error


def _host(url: str) -> str:
    return httpx.URL(url).host
