"""What the store has on a service and its earlier deployments, as `past` takes it. Pure."""

from __future__ import annotations

from itertools import islice

from tealmesh.model.arn import last_part
from tealmesh.model.ecs.names import revision_key
from tealmesh.model.rollout import JournalEntry
from tealmesh.model.traffic.windows import Window
from tealmesh.rollout import documents
from tealmesh.rollout.planning.past import MOST_DEPLOYMENTS, MOST_WINDOWS, Past, past
from tealmesh.rollout.system import Service
from tealmesh.store import Reader, tables


def earlier(view: Reader, service: str) -> Past:
    """What the latest deployments of a service tell, running and failed ones too."""
    stored = documents.newest_first(view, service)
    every = (documents.read(view, document) for document in stored)
    latest = list(islice((d for d in every if d.kind == "DEPLOY"), MOST_DEPLOYMENTS))
    journals = (
        [JournalEntry.from_json(entry.body) for entry in view.list(tables.JOURNAL, d.id)]
        for d in latest
    )
    windows = (
        [
            Window.from_json(one.body)
            for one in list(view.list(tables.WINDOWS, d.id))[-MOST_WINDOWS:]
        ]
        for d in latest
    )
    return past(journals, windows)


def start_period(view: Reader, service: Service, side: str) -> float:
    """How long the application of a side may take to start by the health checks of its containers,
    in seconds; 0 if they do not say.
    """
    stored = view.get(tables.ECS_SERVICES, *service.ecs_service(side))
    if stored is None:
        return 0.0
    family, _, revision = last_part(stored.body["taskDefinition"]).partition(":")
    definition = view.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
    if definition is None:
        return 0.0
    periods = (
        float(check.get("startPeriod") or 0)
        for container in definition.body["containerDefinitions"]
        if (check := container.get("healthCheck"))
    )
    return max(periods, default=0.0)
