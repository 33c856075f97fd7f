"""What people decide about a deployment that runs: approve, promote, pause, resume, abort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import say
from tealmesh.rollout import documents, machine, terraform
from tealmesh.rollout.effects import (
    AbortAsked,
    Approved,
    GivenUp,
    Paused,
    Promoted,
    TakenOver,
    Unpaused,
)
from tealmesh.rollout.performer import Performer
from tealmesh.rollout.running.work import Work
from tealmesh.rollout.system import Service
from tealmesh.store import Store

if TYPE_CHECKING:
    from tealmesh.model.rollout.terraform import Holder, StepBody


class Decisions:
    """The operations on deployments that run, by the name of their service.

    Methods raise AwsError: NotFoundException for an unknown service, and ConflictException as each
    method says.
    """

    def __init__(self, store: Store, work: Work, performer: Performer) -> None:
        self._store = store
        self._work = work
        self._performer = performer
        self.published = work.published
        """The unfinished deployments with their newest observations, for replicas that do not work
        on them to show: as JSON by id, None while another one works on them."""
        self.heard = work.heard
        """Show what another replica has published."""

    async def approve(self, actor: str, service: str) -> Deployment:
        """Let the running deployment pass the next step that needs approval.

        ConflictException when none is running, or when it needs no approval.
        """
        service = self._system(service).name
        deployment = await self._work.settled(service)
        if deployment is None:
            raise AwsError(
                "ConflictException", say("no deployment of {service} is running", service=service)
            )
        if machine.awaited(deployment) is None:
            if deployment.approved:
                return deployment
            raise AwsError(
                "ConflictException",
                say("the deployment of {service} needs no approval", service=service),
            )
        return await self._work.apply(deployment.id, Approved(actor))

    async def abort(self, actor: str, service: str, give_up: bool = False) -> Deployment:
        """Return all the weight to the old side, or ``give_up``: end the deployment and leave all
        as it is.

        ConflictException when none is running, or when only the new side can serve.
        """
        deployment = await self._running(service)
        if give_up:
            return await self._work.apply(deployment.id, GivenUp(actor))
        if deployment.state in machine.BACKWARD:
            return deployment
        return await self._abort(actor, deployment)

    async def promote(self, actor: str, service: str, full: bool = False) -> Deployment:
        """Skip the rest of the present step, or ``full``: all steps and the bake time. A gate that
        fails still rolls the deployment back; what has no verdict yet is overruled.

        ConflictException when none is running, or when there is nothing to skip.
        """
        deployment = await self._running(service)
        if reason := machine.promotable(deployment, full):
            raise AwsError(
                "ConflictException",
                say(
                    "the deployment of {service} {reason}",
                    service=deployment.service,
                    reason=reason,
                ),
            )
        return await self._work.apply(deployment.id, Promoted(actor, full))

    async def pause(self, actor: str, service: str) -> Deployment:
        """Keep the present weight until `resume`; time limits stand still, and gates are judged on.

        ConflictException when none is running, or when it cannot be paused.
        """
        deployment = await self._running(service)
        if reason := machine.pausable(deployment):
            raise AwsError(
                "ConflictException",
                say(
                    "the deployment of {service} {reason}",
                    service=deployment.service,
                    reason=reason,
                ),
            )
        return await self._work.apply(deployment.id, Paused(actor))

    async def resume(self, actor: str, service: str, take_over: bool = False) -> Deployment:
        """Let a paused deployment go on, or a held one: ``take_over`` from what is live, else only
        if all is again as the deployment left it.

        ConflictException when none is paused or held, or when something is still otherwise.
        """
        deployment = await self._running(service)
        name = deployment.service
        if deployment.state is not State.HELD and deployment.paused_at:
            return await self._work.apply(deployment.id, Unpaused(actor))
        if deployment.state is not State.HELD:
            needed = (
                say(" but waits for {waiting_for}", waiting_for=deployment.waiting_for)
                if deployment.waiting_for
                else ""
            )
            raise AwsError(
                "ConflictException",
                say(
                    "the deployment of {name} is neither paused nor held{needed}",
                    name=name,
                    needed=needed,
                ),
            )
        try:
            system = documents.deployed_service(self._store.view, name)
            changed = machine.change(deployment, await self._performer.see(deployment, system))
        except DriverError as error:
            raise AwsError("InternalServerError", str(error), status=500) from error
        if changed and not take_over:
            raise AwsError(
                "ConflictException",
                say(
                    "{changed}{rest}: `teal resume {name} --take-over` goes on from what is live, "
                    "`teal abort {name}` ends the deployment",
                    changed=changed.what.rstrip(","),
                    rest=changed.rest,
                    name=name,
                ),
            )
        return await self._work.apply(deployment.id, TakenOver(actor))

    async def _running(self, service: str) -> Deployment:
        """The unfinished deployment. Raises ConflictException if there is none."""
        service = self._system(service).name
        deployment = await self._work.settled(service)
        if deployment is None:
            raise AwsError(
                "ConflictException",
                say(
                    "no deployment of {service} is running: `teal rollback {service}` goes back "
                    "to the version before",
                    service=service,
                ),
            )
        return deployment

    async def take_step(
        self, actor: str, service: str, holder: Holder, *, take_over: bool
    ) -> tuple[Deployment, StepBody | None]:
        """The latest deployment, which ``holder`` makes with Terraform, and the step that is to
        be applied now; None if there is none. ConflictException as `terraform.take` says.
        """
        latest = self._latest(service)
        if latest.finished:
            return latest, None
        if terraform.nothing_new(self._store.view, latest, holder) and not take_over:
            return latest, None
        step = await self._store.write(
            actor,
            "TakeTerraformStep",
            lambda t: terraform.take(t, latest.service, latest.id, holder, take_over=take_over),
        )
        return latest, step

    async def answer_step(
        self, actor: str, service: str, holder: str, number: int, error: str, *, retryable: bool
    ) -> None:
        """Hear how a step ended. ConflictException as `terraform.answer` says."""
        latest = self._latest(service)
        await self._store.write(
            actor,
            "AnswerTerraformStep",
            lambda t: terraform.answer(
                t, latest.service, latest.id, holder, number, error, retryable=retryable
            ),
        )

    def _latest(self, service: str) -> Deployment:
        """The latest deployment of a service. ConflictException if there is none."""
        name = self._system(service).name
        latest = self._work.latest(name)
        if latest is None:
            raise AwsError("ConflictException", f"{name} has never been deployed")
        return latest

    async def _abort(self, actor: str, deployment: Deployment) -> Deployment:
        service, old, new = deployment.service, deployment.old_side, deployment.new_side
        if machine.only_new_serves(deployment):
            raise AwsError(
                "ConflictException",
                say(
                    "{service}: side {old} has no healthy task to go back to, and {new} can "
                    "serve: `teal abort {service} --give-up` ends the deployment and leaves all "
                    "as it is",
                    service=service,
                    old=old,
                    new=new,
                ),
            )
        if not machine.can_abort(deployment):
            raise AwsError(
                "ConflictException",
                say(
                    "the deployment of {service} is stopping {old}: `teal rollback {service}` "
                    "starts it again and goes back to it",
                    service=service,
                    old=old,
                ),
            )
        return await self._work.apply(deployment.id, AbortAsked(actor))

    def _system(self, service: str) -> Service:
        return documents.service(self._store.view, service)
