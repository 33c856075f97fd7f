"""The operations of our API that are about groups of services."""

from __future__ import annotations

from collections.abc import Mapping

from tealmesh.apis.tealmesh import answers, telling
from tealmesh.apis.tealmesh.deploying import DeploymentOperations
from tealmesh.model import wire
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.model.identity.issued import ALL
from tealmesh.model.rollout import Group, GroupDeployment


class GroupOperations(DeploymentOperations):
    """The part of the service that deploys groups of services."""

    async def deploy_group(
        self, caller: Caller, request: wire.DeployGroupInput
    ) -> wire.DeployGroupOutput:
        self._refuse_others(caller, request["group"])
        groups, name = self._deployments.groups, request["group"]
        token, force = request.get("clientToken", ""), request.get("force", False)
        images = groups.images(groups.group(name), request["images"])
        notes: list[str] = []
        if not groups.repeated(name, token):
            images, notes = await self._to_deploy(images, force=force)
        g = await groups.deploy(caller.actor, name, images, token, force=force)
        return {"groupDeployment": self._described(g), "notes": notes}

    async def plan_group(
        self, caller: Caller, request: wire.PlanGroupInput
    ) -> wire.PlanGroupOutput:
        groups, name = self._deployments.groups, request["group"]
        images = groups.images(groups.group(name), request["images"])
        order = groups.order(name, images)
        force = request.get("force", False)
        plans = [
            telling.planned(
                await self._operations.forecast.plan(one, images[one], None, force=force)
            )
            for one in order
        ]
        starting = [plan for plan in plans if not _done(plan)]
        starts = bool(starting) and all(plan["starts"] for plan in starting)
        return {"group": name, "starts": starts, "order": order, "plans": plans}

    async def get_group_deployment(
        self, caller: Caller, request: wire.GetGroupDeploymentInput
    ) -> wire.GetGroupDeploymentOutput:
        name, identity = request["group"], request.get("groupDeploymentId", "")
        for g in self._deployments.groups.history(name):
            if g.id.startswith(identity):
                return {"groupDeployment": self._described(g)}
        which = f"deployment {identity}" if identity else "deployment yet"
        raise AwsError("NotFoundException", f"group {name} has no {which}")

    async def list_groups(
        self, caller: Caller, request: wire.ListGroupsInput
    ) -> wire.ListGroupsOutput:
        return {"groups": [self._group(one) for one in self._deployments.groups.every()]}

    async def list_group_deployments(
        self, caller: Caller, request: wire.ListGroupDeploymentsInput
    ) -> wire.ListGroupDeploymentsOutput:
        history = self._deployments.groups.history(request["group"])
        return {"groupDeployments": [self._described(g) for g in history]}

    async def approve_group(
        self, caller: Caller, request: wire.ApproveGroupInput
    ) -> wire.ApproveGroupOutput:
        self._refuse_others(caller, request["group"])
        g = await self._deployments.groups.approve(caller.actor, request["group"])
        return {"groupDeployment": self._described(g)}

    async def promote_group(
        self, caller: Caller, request: wire.PromoteGroupInput
    ) -> wire.PromoteGroupOutput:
        self._refuse_others(caller, request["group"])
        g = await self._deployments.groups.promote(
            caller.actor, request["group"], request.get("full", False)
        )
        return {"groupDeployment": self._described(g)}

    async def pause_group(
        self, caller: Caller, request: wire.PauseGroupInput
    ) -> wire.PauseGroupOutput:
        self._refuse_others(caller, request["group"])
        g = await self._deployments.groups.pause(caller.actor, request["group"])
        return {"groupDeployment": self._described(g)}

    async def resume_group(
        self, caller: Caller, request: wire.ResumeGroupInput
    ) -> wire.ResumeGroupOutput:
        self._refuse_others(caller, request["group"])
        g = await self._deployments.groups.resume(caller.actor, request["group"])
        return {"groupDeployment": self._described(g)}

    async def abort_group(
        self, caller: Caller, request: wire.AbortGroupInput
    ) -> wire.AbortGroupOutput:
        self._refuse_others(caller, request["group"])
        g = await self._deployments.groups.abort(
            caller.actor, request["group"], request.get("giveUp", False)
        )
        return {"groupDeployment": self._described(g)}

    async def retry_group(
        self, caller: Caller, request: wire.RetryGroupInput
    ) -> wire.RetryGroupOutput:
        self._refuse_others(caller, request["group"])
        await self._before_members_go_back(request["group"])
        g = await self._deployments.groups.retry(
            caller.actor, request["group"], request.get("clientToken", "")
        )
        return {"groupDeployment": self._described(g)}

    async def rollback_group(
        self, caller: Caller, request: wire.RollbackGroupInput
    ) -> wire.RollbackGroupOutput:
        self._refuse_others(caller, request["group"])
        await self._before_members_go_back(request["group"])
        g, message = await self._deployments.groups.rollback(
            caller.actor, request["group"], request.get("gradual", False)
        )
        answer: wire.RollbackGroupOutput = {"groupDeployment": self._described(g)}
        if message:
            answer["message"] = message
        return answer

    def _refuse_others(self, caller: Caller, name: str) -> None:
        """Raise AccessDenied for a deployer who may not deploy every service of a group."""
        principal, groups = caller.principal, self._deployments.groups
        if principal is None or principal.access != "deployer" or ALL in principal.services:
            return
        running = next((g for g in groups.history(name) if not g.finished), None)
        members = [m.service for m in running.members] if running else []
        lacking = {*members, *groups.group(name).services} - set(principal.services)
        if lacking:
            raise AwsError(
                "AccessDenied",
                f"User: {principal.name} is not a deployer of {', '.join(sorted(lacking))}, "
                f"in group {name}",
                status=403,
            )

    async def _before_members_go_back(self, name: str) -> None:
        """`_before_going_back` for the services of the latest deployment of a group."""
        latest = next(iter(self._deployments.groups.history(name)), None)
        for member in latest.members if latest and latest.finished else ():
            await self._before_going_back(member.service)

    async def _to_deploy(
        self, images: Mapping[str, str], *, force: bool
    ) -> tuple[dict[str, str], list[str]]:
        """The images without those that run already, and what there is to know. Raises
        AlreadyRunsException if all run.
        """
        wanted, notes = {}, []
        running: list[AwsError] = []
        for service, image in images.items():
            try:
                found = await self._operations.forecast.preflight(
                    service, image, None, "", force=force
                )
            except AwsError as error:
                if error.code != "AlreadyRunsException":
                    raise
                running.append(error)
                notes.append(f"{service} is left as it is: {error.message}")
            else:
                wanted[service] = image
                notes += found
        if not wanted:
            raise AwsError("AlreadyRunsException", "; ".join(e.message for e in running))
        return wanted, notes

    def _described(self, g: GroupDeployment) -> wire.GroupDeployment:
        described = self._deployments.groups.describe(g)
        answer: wire.GroupDeployment = {
            "groupDeploymentId": g.id,
            "group": g.group,
            "number": g.number,
            "kind": g.kind,
            "status": g.status.value,
            "state": g.state.value,
            "startedBy": g.actor,
            "members": [],
            "sentence": described.sentence,
            "journal": [
                {
                    "sequence": e.sequence,
                    "at": e.at,
                    "transition": e.transition,
                    "message": e.message,
                }
                for e in g.journal
            ],
            "createdAt": g.created_at,
            "updatedAt": g.updated_at,
        }
        for m in g.members:
            one: wire.GroupMember = {
                "service": m.service,
                "image": m.image,
                "after": list(g.after.get(m.service, ())),
            }
            if m.service in described.members:
                one["deployment"] = answers.deployment(described.members[m.service])
            answer["members"].append(one)
        if described.waiting_for:
            answer["waitingFor"] = described.waiting_for
        if described.held:
            answer["held"] = list(described.held)
        if g.reason:
            answer["reason"] = g.reason
        if g.aborted_by:
            answer["endedBy"] = g.aborted_by
        if g.paused_by:
            answer["pausedBy"] = g.paused_by
        if g.finished_at is not None:
            answer["finishedAt"] = g.finished_at
        return answer

    def _group(self, group: Group) -> wire.Group:
        answer: wire.Group = {
            "name": group.name,
            "services": list(group.services),
            "dependsOn": {name: list(others) for name, others in group.depends_on.items()},
        }
        if latest := next(iter(self._deployments.groups.history(group.name)), None):
            answer["latest"] = self._described(latest)
        return answer


def _done(plan: wire.PlanDeploymentOutput) -> bool:
    """Whether the image runs already."""
    return any(fact["bearing"] == "done" for fact in plan["known"])
