"""Whether a control plane may be given calls and Envoys: ``GET /_teal/ready``.

A load balancer asks it. Unlike health, which says that the process answers at all and is what an
orchestrator ends it by, it says no while the database is away or the view is not complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PATH = "/_teal/ready"

WhyNot = Callable[[], Iterable[str]]
"""Why it is not ready, each reason in words; none if it is."""


def route(why_not: WhyNot) -> Route:
    """The page, for everybody."""

    async def show(request: Request) -> JSONResponse:
        reasons = list(why_not())
        shown: dict[str, object] = {"status": "not ready" if reasons else "ready"}
        if reasons:
            shown["reasons"] = reasons
        return JSONResponse(shown, 503 if reasons else 200, {"cache-control": "no-store"})

    return Route(PATH, show, methods=["GET"])
