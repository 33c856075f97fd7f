"""What to ask Cloud Map next, and whether an answer is believed. Pure: times in seconds and
answers go in, questions come out.

The number of a service's instances (InstancesRevision) is asked for each second, which is cheap,
and the instances themselves when it has changed; these also every five seconds, because health does
not change the number. https://docs.aws.amazon.com/cloud-map/latest/api/API_DiscoverInstances.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from tealmesh.discovery.budget import Budget

LOOK_SECONDS = 1.0
"""Between two questions about one service."""
HEALTH_SECONDS = 5.0
"""Between two questions for its instances, though nothing has changed."""
DOUBT_SECONDS = 10.0
DOUBT_LOOKS = 3
"""An answer that is doubted is believed once so many, over so long a time, have said the same."""
BACK_OFF_SECONDS = 15.0
"""Between two questions about a service that cannot be answered, at most."""
FORGET_SECONDS = 60.0
"""How long a service is remembered that no virtual node names any more: Terraform replaces some."""
REVISIONS_A_SECOND = 1000.0
INSTANCES_A_SECOND = 300.0
"""A third of what AWS lets one account ask, as others ask too."""


@dataclass(frozen=True, order=True)
class Place:
    """A service of Cloud Map, as virtual nodes name it."""

    namespace: str
    service: str

    def __str__(self) -> str:
        return f"{self.service}.{self.namespace}"

    @property
    def key(self) -> tuple[str, str]:
        """The first parts of the keys of what is known of it."""
        return self.namespace, self.service


@dataclass(frozen=True)
class Question:
    """One call."""

    place: Place
    instances: bool
    """DiscoverInstances, or else DiscoverInstancesRevision."""


@dataclass
class _Asked:
    """How far we are with one service."""

    next_at: float
    instances_at: float
    """When the instances are due whatever the revision is."""
    open: bool = False
    """Whether a question has not been answered yet."""
    revision: int | None = None
    """Of the answer that is believed."""
    doubted: float | None = None
    """Since when answers are doubted."""
    looks: int = 0
    """Answers since then."""
    failures: int = 0


class Schedule:
    """The services that are named, and what is due of each. ``random`` is from 0 to 1."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._asked: dict[Place, _Asked] = {}
        self._leaving: dict[Place, float] = {}
        """When each that is not named any more is forgotten."""
        self._revisions = Budget(REVISIONS_A_SECOND)
        self._instances = Budget(INSTANCES_A_SECOND)

    def name(self, named: Collection[Place], held: Collection[Place], now: float) -> None:
        """These services are ``named``, and of these something is ``held``."""
        for place in set(named) - self._asked.keys():
            self._asked[place] = _Asked(now, now)
            self._leaving.pop(place, None)
        gone = self._asked.keys() - set(named)
        for place in gone:
            del self._asked[place]
        for place in (gone | set(held)) - self._asked.keys():
            self._leaving.setdefault(place, now + FORGET_SECONDS)

    @property
    def answered(self) -> bool:
        """Whether every service that is named has been asked for once, whatever came of that."""
        return all(
            one.revision is not None or one.failures or one.looks for one in self._asked.values()
        )

    def forgotten(self, now: float) -> list[Place]:
        """The services that nobody has named for a while."""
        ended = [place for place, at in self._leaving.items() if at <= now]
        for place in ended:
            del self._leaving[place]
        return ended

    def due(self, now: float) -> list[Question]:
        """What is asked now, the longest due first; it counts as asked."""
        ready = [p for p, asked in self._asked.items() if not asked.open and asked.next_at <= now]
        questions: list[Question] = []
        for place in sorted(ready, key=lambda place: self._asked[place].next_at):
            asked = self._asked[place]
            instances = asked.instances_at <= now
            if not (self._instances if instances else self._revisions).take(now):
                continue
            asked.open = True
            questions.append(Question(place, instances))
        return questions

    def wake_at(self, now: float) -> float | None:
        """When `due` or `forgotten` have something next, as far as is known; None for never."""
        times = [*self._leaving.values()]
        for asked in self._asked.values():
            if not asked.open:
                budget = self._instances if asked.instances_at <= now else self._revisions
                times.append(max(asked.next_at, budget.free_at(now)))
        return min(times, default=None)

    def saw_revision(self, place: Place, revision: int, now: float) -> None:
        """An answer to a question for the revision."""
        asked = self._answered(place, now)
        if asked is not None and revision != asked.revision:
            asked.next_at = asked.instances_at = now

    def saw_instances(
        self, place: Place, revision: int, now: float, *, empty: bool, live: bool
    ) -> bool:
        """An answer with instances, or ``empty``; returns whether it is believed.

        Not at first: that all of those are gone that were ``live``, which has been a mistake of
        Cloud Map or of whoever registers more often than the truth; nor what is older than what
        is known, from a part of Cloud Map that lags. Both are looked at again for ten seconds.
        """
        asked = self._answered(place, now)
        if asked is None:
            return False
        older = asked.revision is not None and revision < asked.revision
        if older or (empty and live):
            return self._doubted(asked, revision, now)
        asked.doubted, asked.looks = None, 0
        asked.revision = revision
        asked.instances_at = now + HEALTH_SECONDS
        return True

    def failed(self, place: Place, now: float, *, throttled: bool = False) -> None:
        """A question could not be answered: what is known stays, and the next one is later each
        time.
        """
        if throttled:
            self._instances.throttled(now)
            self._revisions.throttled(now)
        asked = self._asked.get(place)
        if asked is None:
            return
        asked.failures += 1
        pause = min(BACK_OFF_SECONDS, LOOK_SECONDS * 2.0 ** min(asked.failures - 1, 10))
        asked.open = False
        asked.next_at = now + pause * (0.5 + self._random() / 2.0)

    def saw_nothing(self, place: Place, now: float) -> bool | None:
        """Cloud Map does not know the service. That confirms an empty answer, after which somebody
        has deleted it: then the same as of `saw_instances`. By itself it says that the wrong
        account or region is asked, or that it was not made yet: None, as after `failed`.
        """
        asked = self._asked.get(place)
        if asked is None or asked.doubted is None:
            self.failed(place, now)
            return None
        self._answered(place, now)
        return self._doubted(asked, 0, now)

    def _doubted(self, asked: _Asked, revision: int, now: float) -> bool:
        if asked.doubted is None:
            asked.doubted = now
        asked.looks += 1
        if asked.looks < DOUBT_LOOKS or now - asked.doubted < DOUBT_SECONDS:
            asked.instances_at = asked.next_at
            return False
        asked.doubted, asked.looks = None, 0
        asked.revision = revision
        asked.instances_at = now + HEALTH_SECONDS
        return True

    def _answered(self, place: Place, now: float) -> _Asked | None:
        asked = self._asked.get(place)
        if asked is not None:
            asked.open, asked.failures = False, 0
            asked.next_at = now + LOOK_SECONDS
        return asked
