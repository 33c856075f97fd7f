"""Pieces of XML, for answers of moto's into which something of ours is put. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape

from tealmesh.aws.wire.codec import Response


def tag(name: str, inner: str) -> str:
    """An element; ``inner`` is text, or elements."""
    return f"<{name}>{inner if inner.startswith('<') else escape(inner)}</{name}>"


def extended(response: Response, element: str, items: Iterable[str]) -> Response:
    """The response with ``items`` at the end of the list ``element``, which may be empty."""
    body = re.sub(f"<{element} ?/>".encode(), f"<{element}></{element}>".encode(), response.body)
    before, end, after = body.partition(f"</{element}>".encode())
    return with_body(response, before + "".join(items).encode() + end + after)


def with_body(response: Response, body: bytes) -> Response:
    """The response with another body, whose length is told anew."""
    headers = {n: v for n, v in response.headers.items() if n != "content-length"}
    return Response(response.status, headers, body)
