"""Where the page is, and all that it asks for."""

from __future__ import annotations

from starlette.routing import BaseRoute

from tealmesh.app.dashboard import access, calls, files
from tealmesh.aws.callers.front import Front
from tealmesh.aws.callers.sessions import Sessions
from tealmesh.aws.wire.apimodel import Model

OPEN = (access.SESSION, calls.PATH, files.ASSETS)
"""The paths that ask for a session, where they ask for anything."""


def page_routes(
    sessions: Sessions, front: Front, model: Model, api: object, region: str
) -> list[BaseRoute]:
    """The routes. ``model`` and ``api`` are of our own API."""
    return [
        *files.Files().routes(),
        *access.session_routes(sessions),
        calls.call_route(model, api, front, region),
    ]
