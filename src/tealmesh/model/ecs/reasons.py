"""Why ECS stopped a task or ended a deployment of its own, as texts that know what they are made
of (`tealmesh.model.said`). Pure.

ECS tells its reasons as finished English sentences, and so does our engine, since clients read them
there; so do workers that fail, by their exceptions. Their forms are few, so they are recognized
here, in `faults` and in `workers`. Of one without a form, and of what a container wrote, nothing
but the text is known.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
"""

from __future__ import annotations

import re
from functools import lru_cache

from tealmesh.model.ecs.faults import FAULTS
from tealmesh.model.ecs.forms import SENTENCES, form
from tealmesh.model.ecs.workers import WORKERS
from tealmesh.model.said import Said, say

_FORMS = (
    # ECS does not say which container; our engine does.
    form("Essential container in task exited: {container} with code {code}"),
    form("Essential container in task exited"),
    form("Scaling activity initiated by (deployment {deployment})"),
    form("Task failed ELB health checks in (target-group {group})"),
    form("Task failed container health checks: {what}"),
    form("Task failed container health checks"),
    form("Task failed health checks: {what}"),
    form("Task failed to start in time: {what}"),
    form("Task failed to start"),
    form("No caller can use the task for {seconds} s: {what}"),
    form("no caller can use {service}'s tasks: {what}"),
    form("it fails the health check of {callers}"),
    form("it is ejected after server errors by {callers}"),
    form("The service was deleted"),
    form("Task stopped by user"),
    form("teal down"),
    form("container {container} is not healthy yet"),
    form("others wait for {containers}"),
    form(
        "container {container} waits for {other} to be {condition}, "
        "but {other_one} has exited with code {code}"
    ),
    form("CannotPullContainerError: {words}"),
    form("CannotStartContainerError: {words}"),
    form("ResourceInitializationError: {words}"),
    form("OutOfMemoryError: {words}"),
    form("ECS deployment circuit breaker: tasks failed to start."),
    form("ECS deployment circuit breaker: tasks failed to start"),
    form("ECS deployment {deployment} completed."),
    form("ECS deployment {deployment} in progress."),
    form("the tasks failed to start"),
)
_ALL = (*FAULTS, *_FORMS, *WORKERS)
_LAST_LINES = re.compile(r"(?s)(?P<reason>.*); last log lines of (?P<container>[^\s:]+): (.*)")


@lru_cache(maxsize=1024)
def told(reason: str) -> str:
    """``reason``, and what it is made of if its form is known."""
    if found := _LAST_LINES.fullmatch(reason):
        return say(
            "{reason}; last log lines of {container}: {lines}",
            reason=told(found["reason"]),
            container=found["container"],
            lines=found[3],
        )
    for template, pattern in _ALL:
        if found := pattern.fullmatch(reason):
            values = found.groupdict()
            return Said(
                template, {n: told(one) if n in SENTENCES else one for n, one in values.items()}
            )
    return reason
