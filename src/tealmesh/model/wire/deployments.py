"""Deployments in the answers of Tealmesh's own API."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class GateEvidence(TypedDict):
    """What a comparison of both sides is decided by, over all windows so far. Logarithms of
    e-values are natural."""

    logEWorse: float
    """How strong the evidence is that the new side is worse."""
    failAt: float
    """FAIL when logEWorse reaches this."""
    logEAlike: float
    """How strong it is that the new side is not twice as bad."""
    logEBelow: NotRequired[float]
    """How strong it is that the new side is as good as the objective says; absent without one."""
    passAt: float
    """PASS when logEAlike or logEBelow reaches this, and logEWorse does not."""
    phi: float
    """How much the old side's bad requests come in bursts: 1 for one by one."""


class GateVerdict(TypedDict):
    """The verdict of one gate."""

    gate: str
    """tasks, endpoints, convergence, share, success-rate, errors, client-errors, latency,
    latency-pQUANTILE, breaker, silence or approval.
    """
    verdict: str
    detail: str
    """The numbers that the verdict is based on."""
    have: NotRequired[float]
    """How much there is of what the gate counts; absent where it counts nothing."""
    need: NotRequired[float]
    """How much it takes to pass."""
    unit: NotRequired[str]
    """What have and need count, such as requests."""
    evidence: NotRequired[GateEvidence]
    """The e-values that it was decided by, with their bounds and φ; absent for a gate without."""


class HookAnswer(TypedDict):
    """What a hook of a deployment has answered."""

    name: str
    stage: str
    """The stage of the deployment at which it is asked."""
    when: NotRequired[str]
    """before, during or after the stage; absent where the stage is a moment."""
    step: int
    """Index of the step, from 0."""
    verdict: NotRequired[str]
    """PASS, FAIL, NEED_DATA or UNKNOWN; absent before its first answer."""
    detail: NotRequired[str]
    tries: int
    """How often it was asked."""
    startedAt: float
    finishedAt: NotRequired[float]
    """When it gave its verdict; absent while it is asked again."""


class StepEvidence(TypedDict):
    """The traffic at one step of a deployment, as counted by the callers' Envoys."""

    step: int
    """Index of the step, from 0."""
    weights: dict[str, int]
    """The weights during the step, by side."""
    expectedShare: NotRequired[float]
    """The new side's configured share, 0 to 1."""
    share: NotRequired[float]
    """The new side's observed share, 0 to 1; absent without requests."""
    requests: int
    """Requests to the new side that were answered or failed."""
    failures: int
    """How many of them failed: 5xx, reset, timed out, or never answered."""
    failureKinds: NotRequired[dict[str, int]]
    """The failures of requests to the new side by kind; they add up to failures."""
    totalRequests: NotRequired[int]
    """Requests to both sides."""
    totalFailures: NotRequired[int]
    """How many of them failed."""
    p50: NotRequired[float]
    """Median latency of the new side, in milliseconds."""
    p99: NotRequired[float]
    """99th percentile of the new side's latency, in milliseconds."""
    propagationSeconds: NotRequired[float]
    """Time from setting the weights until every Envoy had acknowledged them."""
    startedAt: NotRequired[float]
    finishedAt: NotRequired[float]
    verdicts: NotRequired[list[GateVerdict]]


class StepSettings(TypedDict):
    """What a step has of its own. What is absent is as for all steps."""

    time: NotRequired[float]
    """The least time at the step, in seconds."""
    timeout: NotRequired[float]
    """The longest wait for its gates on top of that, in seconds."""
    approval: NotRequired[bool]
    """Whether a person has to approve before the new side gets this weight."""
    successRate: NotRequired[float]
    """The least share of requests that succeed."""
    minRequests: NotRequired[int]
    """How many requests it takes to judge that."""


class Deployment(TypedDict):
    """A deployment: moves a service from one side and image to the other side and a new image."""

    deploymentId: str
    service: str
    mesh: str
    kind: NotRequired[str]
    """DEPLOY for another version, ROLLBACK for the one before."""
    number: NotRequired[int]
    """Counts the deployments of the service, from 1."""
    group: NotRequired[str]
    """The group that it is deployed with; absent if it is deployed alone."""
    strategy: NotRequired[str]
    steps: NotRequired[list[int]]
    """Percentages for the new side, ending with 100."""
    stepSettings: NotRequired[list[StepSettings]]
    """What each of the steps has of its own; absent if none has anything."""
    step: NotRequired[int]
    """Index of the current step in steps."""
    oldImage: NotRequired[str]
    newImage: NotRequired[str]
    oldSide: NotRequired[str]
    newSide: NotRequired[str]
    phase: str
    status: str
    state: NotRequired[str]
    """State of the rollout machine, named as the transition that led to it."""
    waitingFor: NotRequired[str]
    """What the deployment is waiting for; absent when it has finished."""
    startedBy: NotRequired[str]
    """Who has asked for it; absent if that is not known."""
    endedBy: NotRequired[str]
    """Who has aborted it or given it up; absent if nobody has."""
    pausedBy: NotRequired[str]
    """Who has paused the deployment; absent while it is not paused."""
    promotedBy: NotRequired[str]
    """Who lets the deployment skip the rest of its step, or all steps."""
    secondsLeft: NotRequired[float]
    """Seconds that the present phase may still take, as of updatedAt; then it rolls back, or
    what it stops is left running. Absent without a limit.
    """
    timeLimit: NotRequired[str]
    """The setting of teal.toml that limits the present phase, with its value."""
    beside: NotRequired[list[str]]
    """How requests reach the new side beside its weight, one sentence each; absent if none do."""
    besideVerdicts: NotRequired[list[GateVerdict]]
    """What was found of copied requests and of the cohort's; absent before."""
    windows: NotRequired[int]
    """How many full windows of measurement were not enough at the present step."""
    lastWindow: NotRequired[str]
    """Why the last of them was not enough."""
    reason: NotRequired[str]
    """Why the deployment was rolled back or stopped; absent otherwise."""
    note: NotRequired[str]
    """Why the present state was entered, where that is not in the order of things: what somebody
    else has changed, while the deployment is HELD.
    """
    serves: NotRequired[str]
    """What served when the deployment had finished, in words; absent before."""
    keptForSeconds: NotRequired[float]
    """How long the old side goes on running without weight after success; absent if it was
    stopped.
    """
    desiredCount: NotRequired[int]
    """Tasks that the new side needs."""
    evidence: NotRequired[list[StepEvidence]]
    hooks: NotRequired[list[HookAnswer]]
    """What its hooks have answered, in the answers of GetDeployment and Explain; absent where none
    was asked.
    """
    createdAt: float
    updatedAt: NotRequired[float]
    finishedAt: NotRequired[float]


class JournalEntry(TypedDict):
    """One transition of a deployment."""

    sequence: int
    """Counts from 1; pass the last one received as ``after`` to get the entries that follow."""
    at: float
    transition: str
    phase: NotRequired[str]
    status: str
    message: NotRequired[str]
    """What happened and why, for people."""
    by: NotRequired[str]
    """The principal who decided it; absent for what the deployment did by itself."""


class RollbackOutput(TypedDict):
    """What Rollback answers."""

    deployment: Deployment
    """The deployment that goes back, or the latest one if the service is back already."""
    message: NotRequired[str]
    """Why nothing had to be done; absent if something was.
    """


class AbortOutput(TypedDict):
    """What Abort answers."""

    deployment: Deployment


class ResumeOutput(TypedDict):
    """What Resume answers."""

    deployment: Deployment


class PromoteOutput(TypedDict):
    """What Promote answers."""

    deployment: Deployment


class PauseOutput(TypedDict):
    """What Pause answers."""

    deployment: Deployment


class RetryOutput(TypedDict):
    """What Retry answers."""

    deployment: Deployment
    notes: list[str]


class ServiceLock(TypedDict):
    """A lock of a service against deployments."""

    by: str
    """Who locked the service."""
    reason: NotRequired[str]
    """Why; absent if nobody said."""
    since: float
    until: NotRequired[float]
    """When it ends; absent for no end."""


class LockOutput(TypedDict):
    """What Lock answers."""

    lock: ServiceLock


class UnlockOutput(TypedDict):
    """What Unlock answers."""

    lock: ServiceLock
    """The lock that has ended."""


class KeptSide(TypedDict):
    """A side without weight that is kept running for a way back."""

    side: str
    image: str
    until: float
    """When it is stopped."""
    deploymentId: str
    """The deployment that took its weight."""
