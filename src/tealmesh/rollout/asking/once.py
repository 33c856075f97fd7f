"""Asks one hook once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tealmesh.model.clock import Clock
from tealmesh.model.config.outside import Hook
from tealmesh.model.ecs import reasons
from tealmesh.model.errors import OutsideError
from tealmesh.model.rollout import Deployment, Verdict
from tealmesh.rollout.asking import command
from tealmesh.rollout.asking.http import Web, bearer, secret
from tealmesh.rollout.hooks import content, signing
from tealmesh.rollout.hooks.answers import Answer, late, of_webhook
from tealmesh.rollout.hooks.due import Due
from tealmesh.rollout.system import Service


@dataclass(frozen=True)
class Asker:
    """What it takes to ask a hook."""

    web: Web
    wall: Clock
    """For timestamps in signatures."""
    endpoint: str
    """Of the control plane, which commands are told."""
    environment: Mapping[str, str]
    """Of the control plane, of which commands get what is no secret."""

    async def ask(
        self,
        d: Deployment,
        service: Service,
        due: Due,
        attempt: int,
        details: str,
        began: command.Began,
    ) -> Answer:
        """What a hook answers. ``attempt``: from 1. ``details``: JSON of its last answer.
        ``began``: told when a command runs.
        """
        told = content.message(d, service, due, attempt, details)
        body = json.dumps(told).encode()
        try:
            if due.hook.url:
                return await self._posted(d.gates.directory, due, d.id, body)
            given = content.environment(told, self.environment, self.endpoint)
            arguments, limit = due.hook.command, due.hook.timeout
            return await command.run(arguments, d.gates.directory, given, body, limit, began)
        except OutsideError as error:
            return Answer(Verdict.UNKNOWN, reasons.told(str(error)))

    async def _posted(self, directory: str, due: Due, deployment: str, body: bytes) -> Answer:
        hook: Hook = due.hook
        headers = {"content-type": "application/json", "user-agent": "tealmesh"}
        headers |= bearer(directory, hook.token_file)
        identity = due.identity(deployment)
        headers["idempotency-key"] = identity
        if hook.secret_file:
            key = secret(directory, hook.secret_file)
            headers |= signing.headers(key, identity, int(self.wall()), body)
        try:
            reply = await self.web.post(hook.url, headers, body, hook.timeout)
        except TimeoutError:
            return late(hook.timeout)
        return of_webhook(reply.status, reply.body)
