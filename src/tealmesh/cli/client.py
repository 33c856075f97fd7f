"""The client of our own API: a method for each operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tealmesh.cli.transport import DEFAULT_ENDPOINT as DEFAULT_ENDPOINT
from tealmesh.cli.transport import Health as Health
from tealmesh.cli.transport import Transport
from tealmesh.model import wire

TASKS_A_PAGE = 1000
"""The most that ListTasks answers."""
APPLY_SECONDS = 60.0
"""How much longer Apply may take: it creates a whole system."""


class Client(Transport):
    """A client of the control plane at ``endpoint``, with a method for each operation.

    Every method raises NoControlPlane if nothing answers, and AwsError for an error of the API.
    Each call opens its own connection: calls are rare.
    """

    def apply(
        self, text: str, file: str, base_directory: str, plan: bool = False
    ) -> wire.ApplyOutput:
        return self._call(
            wire.ApplyOutput,
            APPLY_SECONDS,
            text=text,
            file=file,
            baseDirectory=base_directory,
            plan=plan or None,
        )

    def remove(self, name: str, plan: bool = False) -> wire.RemoveOutput:
        return self._call(wire.RemoveOutput, APPLY_SECONDS, name=name, plan=plan or None)

    def deploy(
        self,
        service: str,
        image: str,
        strategy: str | None = None,
        steps: Sequence[int] | None = None,
        client_token: str | None = None,
        force: bool = False,
        step: int | None = None,
        instead: bool = False,
        terraform: wire.TerraformRun | None = None,
    ) -> wire.DeployOutput:
        return self._call(
            wire.DeployOutput,
            service=service,
            image=image,
            strategy=strategy,
            steps=steps,
            clientToken=client_token,
            force=force or None,
            step=step,
            replace=instead or None,
            terraform=terraform,
        )

    def take_terraform_step(
        self, service: str, run: wire.TerraformRun, take_over: bool = False
    ) -> wire.TakeTerraformStepOutput:
        return self._call(
            wire.TakeTerraformStepOutput,
            service=service,
            terraform=run,
            takeOver=take_over or None,
        )

    def answer_terraform_step(
        self, service: str, holder: str, number: int, error: str, retryable: bool
    ) -> None:
        self._call(
            wire.AnswerTerraformStepOutput,
            service=service,
            holder=holder,
            number=number,
            error=error or None,
            retryable=retryable or None,
        )

    def plan_deployment(
        self,
        service: str,
        image: str,
        strategy: str | None = None,
        steps: Sequence[int] | None = None,
        force: bool = False,
        step: int | None = None,
        instead: bool = False,
    ) -> wire.PlanDeploymentOutput:
        return self._call(
            wire.PlanDeploymentOutput,
            service=service,
            image=image,
            strategy=strategy,
            steps=steps,
            step=step,
            force=force or None,
            replace=instead or None,
        )

    def lint(self, text: str | None = None, file: str | None = None) -> wire.LintOutput:
        return self._call(wire.LintOutput, text=text, file=file)

    def approve(self, service: str) -> wire.Deployment:
        return self._call(wire.ApproveOutput, service=service)["deployment"]

    def promote(self, service: str, full: bool = False) -> wire.Deployment:
        return self._call(wire.PromoteOutput, service=service, full=full or None)["deployment"]

    def pause(self, service: str) -> wire.Deployment:
        return self._call(wire.PauseOutput, service=service)["deployment"]

    def retry(self, service: str, client_token: str) -> wire.RetryOutput:
        return self._call(wire.RetryOutput, service=service, clientToken=client_token)

    def lock(
        self, service: str, reason: str | None = None, seconds: float | None = None
    ) -> wire.ServiceLock:
        return self._call(wire.LockOutput, service=service, reason=reason, seconds=seconds)["lock"]

    def unlock(self, service: str) -> wire.ServiceLock:
        return self._call(wire.UnlockOutput, service=service)["lock"]

    def rollback(
        self,
        service: str,
        gradual: bool = False,
        revision: int | None = None,
        terraform: wire.TerraformRun | None = None,
    ) -> wire.RollbackOutput:
        return self._call(
            wire.RollbackOutput,
            service=service,
            gradual=gradual or None,
            revision=revision,
            terraform=terraform,
        )

    def abort(self, service: str, give_up: bool = False) -> wire.Deployment:
        return self._call(wire.AbortOutput, service=service, giveUp=give_up or None)["deployment"]

    def resume(self, service: str, take_over: bool = False) -> wire.Deployment:
        return self._call(wire.ResumeOutput, service=service, takeOver=take_over or None)[
            "deployment"
        ]

    def deploy_group(
        self,
        group: str,
        images: Mapping[str, str],
        client_token: str | None = None,
        force: bool = False,
    ) -> wire.DeployGroupOutput:
        return self._call(
            wire.DeployGroupOutput,
            group=group,
            images=images,
            clientToken=client_token,
            force=force or None,
        )

    def plan_group(
        self, group: str, images: Mapping[str, str], force: bool = False
    ) -> wire.PlanGroupOutput:
        return self._call(wire.PlanGroupOutput, group=group, images=images, force=force or None)

    def get_group_deployment(self, group: str, identity: str | None = None) -> wire.GroupDeployment:
        return self._call(wire.GetGroupDeploymentOutput, group=group, groupDeploymentId=identity)[
            "groupDeployment"
        ]

    def list_groups(self) -> list[wire.Group]:
        return self._call(wire.ListGroupsOutput)["groups"]

    def list_group_deployments(self, group: str) -> list[wire.GroupDeployment]:
        return self._call(wire.ListGroupDeploymentsOutput, group=group)["groupDeployments"]

    def approve_group(self, group: str) -> wire.GroupDeployment:
        return self._call(wire.ApproveGroupOutput, group=group)["groupDeployment"]

    def promote_group(self, group: str, full: bool = False) -> wire.GroupDeployment:
        return self._call(wire.PromoteGroupOutput, group=group, full=full or None)[
            "groupDeployment"
        ]

    def pause_group(self, group: str) -> wire.GroupDeployment:
        return self._call(wire.PauseGroupOutput, group=group)["groupDeployment"]

    def resume_group(self, group: str) -> wire.GroupDeployment:
        return self._call(wire.ResumeGroupOutput, group=group)["groupDeployment"]

    def abort_group(self, group: str, give_up: bool = False) -> wire.GroupDeployment:
        return self._call(wire.AbortGroupOutput, group=group, giveUp=give_up or None)[
            "groupDeployment"
        ]

    def retry_group(self, group: str, client_token: str) -> wire.GroupDeployment:
        return self._call(wire.RetryGroupOutput, group=group, clientToken=client_token)[
            "groupDeployment"
        ]

    def rollback_group(self, group: str, gradual: bool = False) -> wire.RollbackGroupOutput:
        return self._call(wire.RollbackGroupOutput, group=group, gradual=gradual or None)

    def set_weights(self, service: str, weights: Mapping[str, int]) -> wire.SetWeightsOutput:
        return self._call(wire.SetWeightsOutput, service=service, weights=weights)

    def adopt(
        self,
        service: str,
        sides: Mapping[str, wire.ToldSide],
        container: str | None = None,
        routes: Sequence[str] = (),
        clean_up: str | None = None,
    ) -> wire.ServiceDescription:
        return self._call(
            wire.AdoptOutput,
            service=service,
            sides=sides or None,
            container=container,
            routes=list(routes) or None,
            cleanUp=clean_up,
        )["service"]

    def get_service(self, service: str) -> wire.ServiceDescription:
        return self._call(wire.GetServiceOutput, service=service)["service"]

    def get_convergence(
        self, mesh: str, revision: int | None, wait_seconds: int
    ) -> wire.GetConvergenceOutput:
        return self._call(
            wire.GetConvergenceOutput,
            wait_seconds,
            mesh=mesh,
            revision=revision,
            waitSeconds=wait_seconds,
        )

    def get_status(
        self, window_seconds: int | None = None, mesh: str | None = None
    ) -> wire.GetStatusOutput:
        return self._call(wire.GetStatusOutput, windowSeconds=window_seconds, mesh=mesh)

    def get_deployment(self, service: str, deployment_id: str | None = None) -> wire.Deployment:
        return self._call(wire.GetDeploymentOutput, service=service, deploymentId=deployment_id)[
            "deployment"
        ]

    def explain(self, service: str, deployment_id: str | None = None) -> wire.ExplainOutput:
        return self._call(wire.ExplainOutput, service=service, deploymentId=deployment_id)

    def get_evidence(
        self, service: str, deployment_id: str | None = None, page: bool = False
    ) -> wire.GetEvidenceOutput:
        return self._call(
            wire.GetEvidenceOutput, service=service, deploymentId=deployment_id, page=page or None
        )

    def backtest(self, service: str | None, gates: str) -> list[wire.BacktestedDeployment]:
        return self._call(wire.BacktestOutput, service=service, gates=gates)["deployments"]

    def list_deployments(self, service: str) -> list[wire.Deployment]:
        return self._call(wire.ListDeploymentsOutput, service=service)["deployments"]

    def list_journal(
        self,
        service: str,
        deployment_id: str,
        after: int | None = None,
        wait_seconds: int | None = None,
    ) -> list[wire.JournalEntry]:
        return self._call(
            wire.ListJournalOutput,
            wait_seconds or 0,
            service=service,
            deploymentId=deployment_id,
            after=after,
            waitSeconds=wait_seconds,
        )["entries"]

    def list_events(
        self,
        limit: int,
        everything: bool,
        text: str | None = None,
        actor: str | None = None,
        before: int | None = None,
    ) -> list[wire.Event]:
        return self._call(
            wire.ListEventsOutput,
            limit=limit,
            all=everything,
            text=text,
            actor=actor,
            before=before,
        )["events"]

    def list_envoys(self, mesh: str | None = None) -> list[wire.EnvoyStatus]:
        return self._call(wire.ListEnvoysOutput, mesh=mesh)["envoys"]

    def list_tasks(self, stopped: bool = True) -> list[wire.TaskDescription]:
        """All tasks, page by page."""
        tasks: list[wire.TaskDescription] = []
        token: str | None = None
        while True:
            page = self._call(
                wire.ListTasksOutput, stopped=stopped, limit=TASKS_A_PAGE, nextToken=token
            )
            tasks += page["tasks"]
            token = page.get("nextToken")
            if token is None:
                return tasks

    def list_members_without_effect(self) -> list[wire.MemberWithoutEffect]:
        return self._call(wire.ListMembersWithoutEffectOutput)["members"]

    def get_logs(
        self,
        service: str,
        side: str | None,
        lines: int,
        running_only: bool = False,
        applications_only: bool = False,
    ) -> list[wire.LogLine]:
        return self._call(
            wire.GetLogsOutput,
            service=service,
            side=side,
            lines=lines,
            runningOnly=running_only or None,
            applicationsOnly=applications_only or None,
        )["lines"]

    def get_mesh_graph(self, mesh: str) -> wire.GetMeshGraphOutput:
        return self._call(wire.GetMeshGraphOutput, mesh=mesh)

    def list_traces(
        self,
        limit: int,
        service: str | None = None,
        *,
        failed: bool = False,
        least_seconds: float | None = None,
        since: float | None = None,
    ) -> wire.ListTracesOutput:
        return self._call(
            wire.ListTracesOutput,
            limit=limit,
            service=service,
            failedOnly=failed or None,
            minSeconds=least_seconds,
            since=since,
        )

    def get_trace(self, trace: str) -> wire.GetTraceOutput:
        return self._call(wire.GetTraceOutput, traceId=trace)

    def get_service_map(self, since: float | None = None) -> wire.GetServiceMapOutput:
        return self._call(wire.GetServiceMapOutput, since=since)

    def get_resource(
        self, mesh: str, kind: str, name: str, parent: str | None = None
    ) -> wire.GetResourceOutput:
        return self._call(
            wire.GetResourceOutput, mesh=mesh, kind=kind, name=name, parent=parent or None
        )

    def list_callers(self, deployment_id: str) -> list[wire.CallerTraffic]:
        return self._call(wire.ListCallersOutput, deploymentId=deployment_id)["callers"]

    def get_page_code(self, read_only: bool = False) -> wire.GetPageCodeOutput:
        return self._call(wire.GetPageCodeOutput, readOnly=read_only or None)

    def create_token(
        self, label: str | None, read_only: bool, seconds: float
    ) -> wire.CreateTokenOutput:
        return self._call(
            wire.CreateTokenOutput, label=label, readOnly=read_only or None, seconds=seconds
        )

    def list_tokens(self) -> list[wire.Token]:
        return self._call(wire.ListTokensOutput)["tokens"]

    def revoke_token(self, identity: str) -> wire.Token:
        return self._call(wire.RevokeTokenOutput, tokenId=identity)["token"]

    def shutdown(self, stop_tasks: bool, wait_seconds: float) -> wire.ShutdownOutput:
        return self._call(wire.ShutdownOutput, wait_seconds, stopTasks=stop_tasks)
