"""HTTP requests to those outside: bounded in time and size, and never to another host than told."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from tealmesh.model.errors import OutsideError

MOST_BYTES = 1 << 20
"""Of an answer."""
_MOST_REDIRECTS = 3
_KEEP_METHOD = (307, 308)
"""Redirects that a request with a body may follow, as it is repeated as it was:
https://www.rfc-editor.org/rfc/rfc9110#name-temporary-redirect"""


@dataclass(frozen=True)
class Reply:
    """An answer, whole."""

    status: int
    body: bytes


@dataclass
class Web:
    """The connections of a control plane to those outside."""

    secret_urls: bool = False
    """Whether errors must not show the URLs but only their hosts."""
    _clients: dict[bool, httpx.AsyncClient] = field(default_factory=dict)
    """By whether the host is this machine, which no proxy of the environment leads to."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, limit: float) -> Reply:
        """Post, within ``limit`` seconds. Raises `OutsideError`, and TimeoutError."""
        return await self._bounded("POST", url, headers, body, limit)

    async def get(self, url: str, headers: Mapping[str, str], limit: float) -> Reply:
        """Get, within ``limit`` seconds. Raises `OutsideError`, and TimeoutError."""
        return await self._bounded("GET", url, headers, b"", limit)

    async def close(self) -> None:
        # A control plane that takes deployments on again makes new ones.
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    async def _bounded(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, limit: float
    ) -> Reply:
        try:
            async with asyncio.timeout(limit):
                for _ in range(_MOST_REDIRECTS):
                    reply, location = await self._once(method, url, headers, body)
                    follows = method == "GET" or reply.status in _KEEP_METHOD
                    target = urljoin(url, location)
                    if reply.status // 100 != 3 or not follows or not _same_host(url, target):
                        return reply
                    url = target
                return reply
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OutsideError(f"{self._place(url)} cannot be asked: {_words(error)}") from error

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Reply, str]:
        client = await self._client(_is_here(url))
        request = client.build_request(method, url, headers=dict(headers), content=body or None)
        answer = await client.send(request, stream=True, follow_redirects=False)
        try:
            received = bytearray()
            async for chunk in answer.aiter_bytes():
                received += chunk
                if len(received) > MOST_BYTES:
                    raise OutsideError(
                        f"{self._place(url)} answers with more than {MOST_BYTES} bytes"
                    )
            return Reply(answer.status_code, bytes(received)), answer.headers.get("location", "")
        finally:
            await answer.aclose()

    def _place(self, url: str) -> str:
        """A URL as it may be shown: without a query, which may have a secret."""
        parts = urlsplit(url)
        if self.secret_urls:
            return parts.hostname or ""
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    async def _client(self, here: bool) -> httpx.AsyncClient:
        if here not in self._clients:
            # Reading the certificates of authorities takes a while.
            make = partial(httpx.AsyncClient, timeout=None, trust_env=not here)
            made = await asyncio.to_thread(make)
            self._clients.setdefault(here, made)
        return self._clients[here]


def secret(directory: str, file: str) -> str:
    """The text of a file with a secret, without white space around it. Raises `OutsideError`, which
    names the file.
    """
    try:
        text = (Path(directory) / file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise OutsideError(f"{file} cannot be read: {reason}") from error
    if not text or "\n" in text:
        raise OutsideError(f"{file} must have one line, the secret")
    return text


def bearer(directory: str, file: str) -> dict[str, str]:
    """The header with the token in a file; none without a file. Raises `OutsideError`."""
    return {"authorization": f"Bearer {secret(directory, file)}"} if file else {}


def _same_host(url: str, target: str) -> bool:
    """Whether a redirect stays where the credentials may go."""
    before, after = urlsplit(url), urlsplit(target)
    return (before.scheme, before.netloc) == (after.scheme, after.netloc)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
