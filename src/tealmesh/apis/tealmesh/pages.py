"""The operations of our API that were made for the page: what it does not find in its stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tealmesh.apis.tealmesh.tokens import TokenOperations
from tealmesh.model import wire
from tealmesh.model.absent import absent
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.base64url import decoded, encoded
from tealmesh.model.identity.caller import Caller
from tealmesh.model.traffic.windows import Counts, Judged, SideWindow, Window
from tealmesh.store import tables

DEFAULT_TASKS = 100
DEFAULT_WINDOWS = 1000


class Shown(Protocol):
    """What pages show: the part of `app.dashboard.sight.Sight` that is needed here."""

    def tasks(self) -> Sequence[wire.TaskDescription]: ...
    def graph(self, mesh: str) -> wire.GetMeshGraphOutput: ...
    def resource(self, request: wire.GetResourceInput) -> wire.GetResourceOutput: ...
    def quantile(self, side: SideWindow, q: float) -> float | None: ...
    def resource_of(self, caller: str) -> str: ...


class PageOperations(TokenOperations):
    """The part of the service that pages ask."""

    _shown: Shown

    async def list_tasks(
        self, caller: Caller, request: wire.ListTasksInput
    ) -> wire.ListTasksOutput:
        tasks = sorted(self._shown.tasks(), key=_in_order)
        if "service" in request:
            sources = self._inventory.log_sources(request["service"], None)
            wanted = {source.task for source in sources}
            tasks = [task for task in tasks if task["taskArn"] in wanted]
        if not request.get("stopped", True):
            tasks = [task for task in tasks if task["desiredStatus"] != "STOPPED"]
        limit = request.get("limit", DEFAULT_TASKS)
        tasks = _after(tasks, request.get("nextToken"))
        answer: wire.ListTasksOutput = {"tasks": tasks[:limit]}
        if len(tasks) > limit:
            answer["nextToken"] = encoded(tasks[limit - 1]["task"].encode())
        return answer

    async def get_mesh_graph(
        self, caller: Caller, request: wire.GetMeshGraphInput
    ) -> wire.GetMeshGraphOutput:
        return self._shown.graph(self._mesh(request["mesh"]))

    async def get_resource(
        self, caller: Caller, request: wire.GetResourceInput
    ) -> wire.GetResourceOutput:
        self._mesh(request["mesh"])
        return self._shown.resource(request)

    async def list_windows(
        self, caller: Caller, request: wire.ListWindowsInput
    ) -> wire.ListWindowsOutput:
        after, limit = request.get("after", -1), request.get("limit", DEFAULT_WINDOWS)
        later = [one for one in self._windows(request["deploymentId"]) if one.index > after]
        answer: wire.ListWindowsOutput = {"windows": [self._window(one) for one in later[:limit]]}
        if len(later) > limit:
            answer["more"] = True
        return answer

    async def list_callers(
        self, caller: Caller, request: wire.ListCallersInput
    ) -> wire.ListCallersOutput:
        step = request.get("step")
        windows = self._windows(request["deploymentId"])
        old: dict[str, Counts] = {}
        new: dict[str, Counts] = {}
        for one in windows:
            if step in (None, one.step):
                _add(old, one.old)
                _add(new, one.new)
        answers = [self._caller(name, old, new) for name in dict.fromkeys((*old, *new))]
        busiest = sorted(answers, key=lambda one: -_requests((one["old"], one["new"])))
        return {"callers": busiest}

    def _windows(self, deployment: str) -> list[Window]:
        """The windows of a deployment, in order. Raises AwsError if there is no such one."""
        view = self._store.view
        known = [document.body["id"] for document in view.list(tables.DEPLOYMENTS)]
        found = [one for one in known if one.startswith(deployment)]
        if len(found) != 1:
            raise AwsError("NotFoundException", absent("deployment", deployment, known))
        return [Window.from_json(d.body) for d in view.list(tables.WINDOWS, found[0])]

    def _window(self, window: Window) -> wire.MeasuredWindow:
        answer: wire.MeasuredWindow = {
            "index": window.index,
            "step": window.step,
            "startedAt": window.started_at,
            "seconds": window.seconds,
            "weights": dict(window.weights),
            "old": self._side(window.old, window.seconds),
            "new": self._side(window.new, window.seconds),
        }
        if window.judged:
            answer["judged"] = {name: _judged(one) for name, one in window.judged.items()}
        if window.note:
            answer["note"] = window.note
        return answer

    def _side(self, side: SideWindow, seconds: float) -> wire.WindowSide:
        answer: wire.WindowSide = {
            "requests": side.requests,
            "failures": side.failures,
            "clientErrors": side.client_errors,
            "perSecond": round(side.requests / seconds, 3) if seconds else 0.0,
        }
        if (value := self._shown.quantile(side, 0.5)) is not None:
            answer["p50"] = value
        if (value := self._shown.quantile(side, 0.9)) is not None:
            answer["p90"] = value
        if (value := self._shown.quantile(side, 0.99)) is not None:
            answer["p99"] = value
        if side.kinds:
            answer["failureKinds"] = dict(side.kinds)
        return answer

    def _caller(
        self, name: str, old: dict[str, Counts], new: dict[str, Counts]
    ) -> wire.CallerTraffic:
        answer: wire.CallerTraffic = {
            "caller": name,
            "old": _counts(old.get(name, Counts())),
            "new": _counts(new.get(name, Counts())),
        }
        if resource := self._shown.resource_of(name):
            answer["resource"] = resource
        return answer

    def _mesh(self, name: str) -> str:
        """The name of a mesh. Raises AwsError if there is none of this name."""
        raise NotImplementedError


def _in_order(task: wire.TaskDescription) -> tuple[bool, float, str]:
    """The running ones first, then those that stopped last."""
    return (
        task["desiredStatus"] == "STOPPED",
        -task.get("stoppedAt", task.get("createdAt", 0.0)),
        task["task"],
    )


def _after(tasks: list[wire.TaskDescription], token: str | None) -> list[wire.TaskDescription]:
    """Those that follow the task in a token. Raises AwsError if it is none of these any more."""
    if token is None:
        return tasks
    last = decoded(token).decode(errors="replace")
    for index, task in enumerate(tasks):
        if task["task"] == last:
            return tasks[index + 1 :]
    text = f"nextToken = {token[:200]!r}: its task is no longer listed: begin without it"
    raise AwsError("BadRequestException", text)


def _add(totals: dict[str, Counts], side: SideWindow) -> None:
    for name, counts in side.by_caller.items():
        totals[name] = totals.get(name, Counts()) + counts


def _counts(counts: Counts) -> wire.CallerCounts:
    return {
        "requests": counts.requests,
        "failures": counts.failures,
        "clientErrors": counts.client_errors,
    }


def _requests(sides: Iterable[wire.CallerCounts]) -> int:
    return sum(side["requests"] for side in sides)


def _judged(one: Judged) -> wire.WindowJudgement:
    evidence: wire.GateEvidence = {
        "logEWorse": one.log_e_worse,
        "failAt": one.fail_at,
        "logEAlike": one.log_e_alike,
        "passAt": one.pass_at,
        "phi": one.phi,
    }
    if one.log_e_below is not None:
        evidence["logEBelow"] = one.log_e_below
    return {"verdict": one.verdict, "evidence": evidence}
