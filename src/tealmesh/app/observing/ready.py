"""Whether a control plane may be given calls and Envoys: ``GET /_teal/ready``.

A load balancer asks it. Unlike health, which says that the process answers at all and is what an
orchestrator ends it by, it says no while the database is away or the view is not complete. A
database that answers and takes no writes, since its disk is full, is the same for all replicas:
each goes on to serve Envoys and reads, refuses writes in words, and is ready, with a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PATH = "/_teal/ready"

WhyNot = Callable[[], Iterable[str]]
"""Why it is not ready, each reason in words; none if it is."""
Warnings = Callable[[], Iterable[str]]
"""What does not work, and keeps it from nothing else; each in words."""


def route(why_not: WhyNot, warnings: Warnings) -> Route:
    """The page, for everybody."""

    async def show(request: Request) -> JSONResponse:
        reasons, warned = list(why_not()), list(warnings())
        shown: dict[str, object] = {"status": "not ready" if reasons else "ready"}
        if reasons:
            shown["reasons"] = reasons
        if warned:
            shown["warnings"] = warned
        return JSONResponse(shown, 503 if reasons else 200, {"cache-control": "no-store"})

    return Route(PATH, show, methods=["GET"])
