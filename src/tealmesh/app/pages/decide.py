"""The page that a signed link of a notice opens: it asks, and does what it was asked to.

A GET changes nothing, because chat programs and mail filters fetch the links that they show.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tealmesh.model.clock import Clock
from tealmesh.model.errors import AwsError, LinkError
from tealmesh.model.identity.rings import Live
from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout import documents
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.notices import links
from tealmesh.rollout.notices.links import Link
from tealmesh.store import View

ACTOR = "whoever opened a notice's link"
_MAX_BODY = 10_000
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem;
  color: #12302f; background: #fff }}
button {{ font: inherit; padding: .6rem 1.4rem; border: 0; border-radius: .4rem; color: #fff;
  background: #0b7a75; cursor: pointer }}
dt {{ color: #566; }} dd {{ margin: 0 0 .6rem }}
</style></head><body><h1>{title}</h1>{content}</body></html>
"""
_QUESTIONS = {
    "approve": ("Approve", "gives the new version its first requests"),
    "roll-back": ("Roll back", "gives all requests to the old version"),
}


class Deciding:
    """The page's routes."""

    def __init__(
        self, view: Callable[[], View], controller: Controller, keys: Live, wall: Clock
    ) -> None:
        self._view = view
        self._controller = controller
        self._keys = keys
        self._wall = wall

    def route(self) -> Route:
        return Route(links.PATH, self._answer, methods=["GET", "POST"])

    async def _answer(self, request: Request) -> Response:
        try:
            if request.method == "POST":
                return await self._decide(await _posted(request))
            return self._ask(request.query_params.get("token", ""))
        except LinkError as error:
            return _page("This link cannot be used", _words(str(error)), 403)

    def _ask(self, token: str) -> Response:
        link = self._read(token)
        deployment = self._deployment(link)
        if over := self._over(link, deployment):
            return _page("Nothing left to decide", _words(over), 409)
        verb, effect = _QUESTIONS[link.decision]
        title = f"{verb} the deployment of {deployment.service}?"
        form = (
            f'<form method="post" action="{links.PATH}">'
            f'<input type="hidden" name="token" value="{html.escape(token)}">'
            f"<p>This {effect}.</p><button>{verb}</button></form>"
        )
        return _page(title, _about(deployment) + form, 200)

    def _read(self, token: str) -> links.Link:
        key, *former = self._keys()
        return links.read(token, key, self._wall(), former)

    async def _decide(self, token: str) -> Response:
        link = self._read(token)
        deployment = self._deployment(link)
        if over := self._over(link, deployment):
            return _page("Nothing left to decide", _words(over), 409)
        service = deployment.service
        try:
            if link.decision == "approve":
                await self._controller.approve(ACTOR, service)
                done = f"The deployment of {service} is approved"
            else:
                _, said = await self._controller.rollback(ACTOR, service)
                done = said or f"{service} goes back"
        except AwsError as error:
            return _page("That was not possible", _words(str(error)), 409)
        return _page(done, _words(f"`teal status {service}` shows how it goes on."), 200)

    def _deployment(self, link: Link) -> Deployment:
        try:
            return documents.deployment(self._view(), link.deployment)
        except StopIteration:
            raise LinkError("this control plane no longer knows the deployment") from None

    def _over(self, link: Link, stored: Deployment) -> str:
        """Why there is nothing to decide any more; empty if there is."""
        service = stored.service
        newest = self._controller.latest(service)
        if newest is None or newest.id != stored.id:
            return f"Another deployment of {service} has begun since."
        if link.decision == "approve" and newest.state is not State.AWAITING_APPROVAL:
            return f"The deployment of {service} does not wait for approval: it is {newest.state}."
        if newest.finished and newest.state is not State.SUCCEEDED:
            return f"The deployment of {service} has ended: {newest.serves or newest.state}."
        return ""


def _about(d: Deployment) -> str:
    weights = ", ".join(f"{side} {weight}" for side, weight in sorted(d.seen.items()))
    rows = {
        "From": f"{d.old_image} on {d.old_side}",
        "To": f"{d.new_image} on {d.new_side}",
        "Weights": weights or "not seen yet",
        "Waiting for": d.waiting_for or "nothing",
        "Started by": d.actor or "nobody",
    }
    shown = "".join(f"<dt>{k}</dt><dd>{html.escape(v)}</dd>" for k, v in rows.items())
    return f"<dl>{shown}</dl>"


def _words(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"


def _page(title: str, content: str, status: int) -> Response:
    text = _PAGE.format(title=html.escape(title), content=content)
    return HTMLResponse(text, status, headers=_HEADERS)


async def _posted(request: Request) -> str:
    """The token in a form. Raises LinkError if it is too long to be one."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BODY:
            raise LinkError("this is too long for a link")
    return parse_qs(body.decode("ascii", "replace")).get("token", [""])[0]
