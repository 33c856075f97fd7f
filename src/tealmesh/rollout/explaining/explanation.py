"""The whole explanation of a deployment: one sentence first, then the numbers. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment
from tealmesh.model.rollout.explanation import Explanation
from tealmesh.model.said import say
from tealmesh.rollout.explaining import situation
from tealmesh.rollout.explaining.steps import steps_told


def explain(d: Deployment, now: float) -> Explanation:
    """``now``: epoch seconds, as the deployment's dates."""
    doing, why = situation.doing(d), situation.why(d)
    following, latest = situation.following(d), situation.latest(d, now)
    ended = say("; now {serves}", serves=d.serves) if d.finished and d.serves else ""
    sentence = say(
        "{service}: the deployment {doing}, because {why}{ended}; next: {following}; {latest}.",
        service=d.service,
        doing=doing,
        why=why,
        ended=ended,
        following=following,
        latest=latest,
    )
    left = situation.seconds_left(d, now)
    return Explanation(
        sentence=sentence,
        doing=doing,
        why=why,
        following=following,
        latest=latest,
        latest_at=None if left is None else now + left,
        steps=steps_told(d),
    )
