"""Where the page is, and all that it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import BaseRoute

from tealmesh.app.dashboard import access, calls, files, identity, stream
from tealmesh.app.dashboard.files import Files
from tealmesh.app.dashboard.stream import Stream
from tealmesh.aws.callers.front import Front
from tealmesh.aws.callers.sessions import Sessions
from tealmesh.aws.wire.apimodel import Model
from tealmesh.model.clock import system_clock

if TYPE_CHECKING:
    from tealmesh.aws.callers.oidc.people import People

OPEN = (access.SESSION, calls.PATH, files.ASSETS, stream.PATH)
"""The paths that ask for a session, where they ask for anything."""


def page_routes(
    sessions: Sessions,
    people: People | None,
    front: Front,
    model: Model,
    api: object,
    region: str,
    changes: Stream,
    served: Files,
    fresh: access.Fresh,
) -> list[BaseRoute]:
    """The routes. ``people``: None where no proxy names any; ``model`` and ``api`` are of our own
    API.
    """
    return [
        *served.routes(),
        *access.session_routes(sessions, fresh),
        identity.identity_route(people, sessions, front, fresh),
        calls.call_route(model, api, front, region, fresh, changes.served),
        stream.stream_route(changes, sessions, front, system_clock, fresh),
    ]
