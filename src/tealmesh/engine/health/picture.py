"""Puts together what is said of running tasks. Pure.

Each look gives what everybody says now; a picture remembers since when. A picture is made anew
after a restart of the control plane: nothing is replaced for what nobody has seen since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tealmesh.model.health import Opinion, Source, TaskHealth, Unusable, unusable_words


@dataclass(frozen=True)
class Said:
    """What one of them says of a task now."""

    source: Source
    voice: str
    """Who says it: unique, such as the id of the caller's task."""
    who: str
    """The same for people: the caller's virtual node."""
    problem: str
    """Empty if the task is healthy."""


@dataclass(frozen=True)
class Subject:
    """A running task and what is said of it now."""

    task: str
    cluster: str
    service: str
    resource: str
    said: tuple[Said, ...]

    @property
    def usable(self) -> bool | None:
        """As `TaskHealth.usable`."""
        sending = [one for one in self.said if one.source.sends]
        return any(not one.problem for one in sending) if sending else None


@dataclass(frozen=True)
class Picture:
    """The health of all running tasks at one moment. Moments are seconds of a clock that only
    goes forward.
    """

    moment: float = 0.0
    subjects: tuple[Subject, ...] = ()
    since: Mapping[tuple[str, str, str, str], float] = field(default_factory=dict)
    """Moment by task, source, voice and problem."""
    unusable_since: Mapping[str, float] = field(default_factory=dict)
    """Moment by task."""

    def next(self, subjects: Sequence[Subject], moment: float) -> Picture:
        """The picture after another look."""
        keys = [_key(subject.task, one) for subject in subjects for one in subject.said]
        since = {key: self.since.get(key, moment) for key in keys}
        unusable = {
            subject.task: self.unusable_since.get(subject.task, moment)
            for subject in subjects
            if subject.usable is False
        }
        return Picture(moment, tuple(subjects), since, unusable)

    def unusable(self, moment: float) -> dict[str, Unusable]:
        """The tasks that no caller can use, by id."""
        return {
            subject.task: Unusable(
                moment - self.unusable_since[subject.task],
                unusable_words(self._opinions(subject, moment, 0.0)),
            )
            for subject in self.subjects
            if subject.task in self.unusable_since
        }

    def shown(self, moment: float, now: float) -> list[TaskHealth]:
        """All tasks, with times by the clock of ``now`` (epoch seconds)."""
        return [
            TaskHealth(
                task=subject.task,
                cluster=subject.cluster,
                service=subject.service,
                resource=subject.resource,
                opinions=self._opinions(subject, moment, now),
                unusable_seconds=moment - self.unusable_since[subject.task]
                if subject.task in self.unusable_since
                else None,
            )
            for subject in self.subjects
        ]

    def _opinions(self, subject: Subject, moment: float, now: float) -> tuple[Opinion, ...]:
        return tuple(
            Opinion(
                source=said.source,
                who=said.who,
                healthy=not said.problem,
                since=now - (moment - self.since[_key(subject.task, said)]),
                problem=said.problem,
            )
            for said in subject.said
        )


def _key(task: str, said: Said) -> tuple[str, str, str, str]:
    return task, said.source.value, said.voice, said.problem
