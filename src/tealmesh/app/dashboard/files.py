"""The page's files, which Vite has built into `built/`: sent compressed, and kept by browsers."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

BUILT = Path(__file__).parent / "built"
PAGE = "/_teal/"
ASSETS = "/_teal/assets/"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'none'"
)
_SAFE = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
_SMALL_ALREADY = frozenset({".png", ".woff2"})
_SCRIPT = re.compile(r'<script[^>]* src="[^"]*/([^"/]+)"')
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}")
_MISSING = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tealmesh: the page is not built</title></head>
<body><h1>The page is not built</h1>
<p>Run <code>make dashboard</code> in the checkout of Tealmesh, and load this page again. It needs
the npm registry once. An installed Tealmesh has the page in it.</p>
<p>Everything that it shows is also told by <code>teal status</code>, <code>teal explain</code> and
<code>teal events</code>.</p></body></html>
"""


@dataclass(frozen=True)
class _Kept:
    stamp: tuple[int, int]
    plain: bytes
    small: bytes | None
    """Compressed; None where that saves nothing."""


class Files:
    """Those of one control plane."""

    def __init__(self, built: Path = BUILT, begun: Callable[[], None] = lambda: None) -> None:
        """``begun`` is called whenever somebody loads the page."""
        self._built = built
        self._begun = begun
        self._kept: dict[str, _Kept] = {}
        self._script = ((0, 0), "")

    def script(self) -> str:
        """The name of the script that the page begins with, as it is built now: another one for
        another page. Empty without a page.
        """
        path = self._built / "index.html"
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._script[0]:
                found = _SCRIPT.search(path.read_text())
                self._script = stamp, found[1] if found else ""
        except OSError:
            return ""
        return self._script[1]

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route(PAGE.rstrip("/"), self._without_slash, methods=["GET"]),
            Route(PAGE, self._page, methods=["GET"]),
            Route(ASSETS + "{name}", self._asset, methods=["GET"]),
        ]

    async def _without_slash(self, request: Request) -> Response:
        return RedirectResponse(PAGE, 308)

    async def _page(self, request: Request) -> Response:
        self._begun()
        kept = await self._read("index.html")
        if kept is None:
            return HTMLResponse(_MISSING, 503, headers={**_SAFE, "cache-control": "no-store"})
        return _answer(request, kept, ".html", "no-store")

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        kept = await self._read(f"assets/{name}") if _NAME.fullmatch(name) else None
        if kept is None:
            return PlainTextResponse("no such file", 404, headers=_SAFE)
        # The name has the content's hash.
        return _answer(request, kept, Path(name).suffix, "public, max-age=31536000, immutable")

    async def _read(self, name: str) -> _Kept | None:
        """A file as it is now; None if there is none."""
        path = self._built / name
        try:
            status = path.stat()
        except OSError:
            return None
        stamp = (status.st_mtime_ns, status.st_size)
        kept = self._kept.get(name)
        if kept is None or kept.stamp != stamp:
            try:
                kept = await asyncio.to_thread(_load, path, stamp)
            except OSError:
                return None
            self._kept[name] = kept
        return kept


def _load(path: Path, stamp: tuple[int, int]) -> _Kept:
    plain = path.read_bytes()
    small = None if path.suffix in _SMALL_ALREADY else gzip.compress(plain, 9, mtime=0)
    return _Kept(stamp, plain, small if small and len(small) < len(plain) else None)


def _answer(request: Request, kept: _Kept, suffix: str, caching: str) -> Response:
    headers = {**_SAFE, "cache-control": caching, "vary": "accept-encoding"}
    body = kept.plain
    if kept.small is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"], body = "gzip", kept.small
    kind = _TYPES.get(suffix, "application/octet-stream")
    return Response(body, headers={**headers, "content-type": kind})
