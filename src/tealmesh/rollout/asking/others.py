"""What a deployment hears of those outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tealmesh.model.clock import Clock, SteadyClock, steady_clock, system_clock
from tealmesh.model.rollout import Deployment, Verdict
from tealmesh.model.said import say
from tealmesh.rollout import documents
from tealmesh.rollout.applying import freezes
from tealmesh.rollout.asking.hooks import Hooks
from tealmesh.rollout.asking.http import Web
from tealmesh.rollout.asking.once import Asker
from tealmesh.rollout.asking.queries import CallCloudWatch, Queries
from tealmesh.rollout.effects import EffectFailed, Event, NotReady, Observed
from tealmesh.rollout.hooks import due
from tealmesh.rollout.hooks.freezing import frozen
from tealmesh.rollout.machine.wording import unmet
from tealmesh.rollout.system import Service
from tealmesh.store import Store, tables


@dataclass(frozen=True)
class Others:
    """Hooks, queries and the calendar. No method waits: each answers what is known by now."""

    store: Store
    hooks: Hooks
    queries: Queries
    clock: SteadyClock
    wall: Clock

    def before(self, d: Deployment, service: Service) -> Event | None:
        """What stands against the effect of the deployment's state; None if nothing does."""
        for one in due.told(d):
            self.hooks.tell(d, service, one)
        self.queries.forget(d.id)
        results = self.hooks.verdicts(d, service, due.before(d))
        failed = [one for one in results if one.verdict is Verdict.FAIL]
        if failed:
            why = say("{gate}: {detail}", gate=failed[0].gate, detail=failed[0].detail)
            return EffectFailed(why, retryable=False)
        waiting = unmet(results)
        return NotReady(waiting) if waiting else None

    def heard(self, d: Deployment, service: Service, seen: Observed) -> Observed:
        """What was seen, with what those outside say of it."""
        asked = due.during(d, seen, self.clock())
        gates = (*self.hooks.verdicts(d, service, asked), *self.queries.verdicts(d, service))
        return replace(seen, gates=gates, frozen=self.frozen(d))

    def frozen(self, d: Deployment) -> str:
        """The freeze in which the new side gets no more weight now; empty if it may have it."""
        if not d.gated or d.through_freeze or d.kind == "ROLLBACK":
            return ""
        found = frozen(freezes.of(self.store.view, d), self.wall())
        return say("the end of {freeze}", freeze=found.words()) if found else ""

    def forget(self, d: Deployment) -> None:
        """Do not ask for a deployment any more: it has finished."""
        self.hooks.forget(d.id)
        self.queries.forget(d.id)

    def resume(self) -> None:
        """Tell what an earlier control plane did not get to tell."""
        view = self.store.view
        for document in view.list(tables.HOOKS):
            body = document.body
            every = documents.deployments(view, body["service"])
            deployment = next((d for d in every if d.id == body["deployment"]), None)
            if body["finished_at"] is not None or deployment is None:
                continue
            hooks = deployment.gates.hooks
            if body["index"] >= len(hooks):
                continue
            one = due.Due(hooks[body["index"]], body["index"], body["step"])
            if one.told:
                service = documents.deployed_service(view, deployment.service)
                self.hooks.tell(deployment, service, one)

    async def close(self) -> None:
        """Stop asking; what was not answered is asked again by the next control plane."""
        await self.hooks.close()
        await self.queries.close()
        await self.queries.web.close()


def connected(
    store: Store,
    cloudwatch: CallCloudWatch,
    endpoint: str,
    environment: Mapping[str, str],
    clock: SteadyClock = steady_clock,
    wall: Clock = system_clock,
) -> Others:
    """Those outside, for a control plane at ``endpoint`` with this ``environment``."""
    web = Web()
    hooks = Hooks(store, Asker(web, wall, endpoint, environment), wall)
    return Others(store, hooks, Queries(web, cloudwatch, clock, wall), clock, wall)
