"""Sends notices, each at least once and in the order of the transitions, until they are taken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tealmesh.model.clock import Clock
from tealmesh.model.config.notices import is_url
from tealmesh.model.errors import NoticeError, OutsideError
from tealmesh.model.identity.rings import Live
from tealmesh.rollout.asking.http import Web, secret
from tealmesh.rollout.hooks import signing
from tealmesh.rollout.notices import links, outbox, shapes
from tealmesh.store import Store, tables
from tealmesh.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from tealmesh.model.rollout.notices import NoticeBody, NoticeTargetBody

_log = logging.getLogger(__name__)

MAX_TRIES = 240
"""With the supervisor's backoff, about an hour. Then the notice is dropped, and the log says so:
what is told so late misleads."""
_SECONDS = 10.0
"""For one try."""
_MOST_SHOWN = 200
"""Bytes of a refusal that its error shows."""


class Sending:
    """The notices of one control plane; `run` must run as long as it does."""

    def __init__(
        self,
        store: Store,
        client: Callable[[str], Any],
        endpoint: str,
        link_keys: Live,
        wall: Clock,
        supervisor: Supervisor,
    ) -> None:
        self._store = store
        self._client = client
        self._endpoint = endpoint
        self._link_keys = link_keys
        self._wall = wall
        self._supervisor = supervisor
        self._tries: dict[str, int] = {}
        self._web = Web(secret_urls=True)

    async def run(self) -> None:
        """Send what there is, for each target in a task of its own, until cancelled."""
        busy: dict[str, asyncio.Task[None]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                async for view in self._store.watch():
                    waiting = {document.body["target"] for document in view.list(tables.NOTICES)}
                    for name in waiting:
                        if name not in busy or busy[name].done():
                            send = partial(self._send_all, name)
                            busy[name] = group.create_task(
                                self._supervisor.keep(f"the notices to {name}", send)
                            )
        finally:
            await self._web.close()
            self._web = Web(secret_urls=True)

    async def _send_all(self, name: str) -> None:
        """Send what is stored for a target. Raises NoticeError."""
        while stored := self._store.view.list(tables.NOTICES, name):
            notice = stored[0].body
            target = self._store.view.get(tables.NOTICE_TARGETS, name)
            try:
                if target is not None:
                    await self._send(target.body, notice)
            except NoticeError as error:
                tries = self._tries[name] = self._tries.get(name, 0) + 1
                if tries < MAX_TRIES:
                    raise
                _log.error("notice %s is dropped: %s", shapes.title(notice), error)
            self._tries.pop(name, None)
            done = partial(outbox.remove, notice=notice)
            await self._store.write("notices", "Told", done)

    async def _send(self, target: NoticeTargetBody, notice: NoticeBody) -> None:
        name = target["name"]
        if target["shape"] == "eventbridge":
            await asyncio.to_thread(self._put_event, target, notice)
            return
        url = target["url"] or _read(target, target["url_file"])
        if not is_url(url):
            raise NoticeError(f"{target['url_file']} of notices.{name} has no http or https URL")
        made = dict(self._links(target, notice))
        shape = shapes.slack if target["shape"] == "slack" else shapes.webhook
        body = shape(notice, made)
        headers = {"content-type": "application/json"}
        if target["secret_file"]:
            key = _read(target, target["secret_file"])
            headers |= signing.headers(key, notice["id"], int(self._wall()), body)
        await self._post(name, url, body, headers)

    async def _post(self, name: str, url: str, body: bytes, headers: dict[str, str]) -> None:
        """Raises NoticeError, whose text does not show the URL, as that may be a secret."""
        host = urlsplit(url).hostname
        try:
            reply = await self._web.post(url, headers, body, _SECONDS)
        except OutsideError as error:
            raise NoticeError(f"notices.{name}: {error}") from error
        except TimeoutError as error:
            late = f"{host} of notices.{name} does not answer within {_SECONDS:g} s"
            raise NoticeError(late) from error
        if reply.status >= 300:
            hint = " (this redirect is not followed)" if reply.status < 400 else ""
            refused = reply.body[:_MOST_SHOWN].decode(errors="replace").strip()
            shown = f": {refused}" if refused else ""
            raise NoticeError(f"{host} of notices.{name} answered {reply.status}{hint}{shown}")

    def _links(self, target: NoticeTargetBody, notice: NoticeBody) -> Iterator[tuple[str, str]]:
        base = target["links"] or self._endpoint
        for decision in shapes.DECISIONS.get(notice["kind"], ()):
            about, at = notice["deployment"], notice["at"]
            yield decision, links.url(base, decision, about, at, self._link_keys()[0])

    def _put_event(self, target: NoticeTargetBody, notice: NoticeBody) -> None:
        try:
            client = self._client("events")
            answer = client.put_events(Entries=[shapes.event(notice, target["bus"])])
        except Exception as error:
            raise NoticeError(f"EventBridge took no notice: {error}") from error
        for entry in answer["Entries"]:
            if entry.get("ErrorCode"):
                raise NoticeError(
                    f"EventBridge refused a notice: {entry['ErrorCode']}: "
                    f"{entry.get('ErrorMessage', '')}"
                )


def _read(target: NoticeTargetBody, file: str) -> str:
    """The text of a file that stands beside teal.toml. Raises NoticeError."""
    try:
        return secret(target["directory"], file)
    except OutsideError as error:
        raise NoticeError(f"notices.{target['name']}: {error}") from error
