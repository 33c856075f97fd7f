"""What a hook is told of a deployment, and what stands for what in a query. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tealmesh.model.config.outside import PLACEHOLDER
from tealmesh.model.rollout import Deployment
from tealmesh.rollout.hooks.due import Due
from tealmesh.rollout.system import Service

_PLAIN = re.compile(r"[\w./:@+-]*", re.ASCII)
"""Values that mean the same inside and outside of quotes, in every query language."""


def message(
    d: Deployment, service: Service, due: Due, attempt: int, details: str
) -> dict[str, object]:
    """What is posted to a webhook, and given to a command. The members ``lifecycleStage``,
    ``productionTrafficWeights`` and ``hookDetails`` are those of ECS's hooks.
    """
    shifts = {side: d.weights.get(side, 0) for side in (d.old_side, d.new_side)}
    return {
        "executionId": due.identity(d.id),
        "attempt": attempt,
        "lifecycleStage": due.hook.stage,
        "when": due.hook.when,
        "hook": due.hook.name,
        "deploymentId": d.id,
        "kind": d.kind,
        "service": d.service,
        "mesh": d.mesh,
        "hostname": service.hostname,
        "port": service.port,
        "state": d.state.value,
        "status": d.status.value,
        "reason": d.reason,
        "startedBy": d.actor,
        "step": due.step,
        "newSide": d.new_side,
        "oldSide": d.old_side,
        "newImage": d.new_image,
        "oldImage": d.old_image,
        "newNode": service.node(d.new_side),
        "oldNode": service.node(d.old_side),
        "productionTrafficWeights": dict(d.seen),
        "orderedWeights": shifts,
        "revision": d.revision,
        "hookDetails": json.loads(details) if details else {},
    }


def environment(
    told: Mapping[str, object], own: Mapping[str, str], endpoint: str
) -> dict[str, str]:
    """The environment of a command: what programs need of ours, and what is told of the deployment
    as ``TEAL_…``. Credentials and everything else that we have stay with us.
    """
    kept = {
        name: value
        for name, value in own.items()
        if name in ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR") or name.startswith("LC_")
    }
    words = {
        f"TEAL_{_upper(name)}": str(value)
        for name, value in told.items()
        if isinstance(value, str | int)
    }
    return {**kept, **words, "TEAL_ENDPOINT": endpoint, "AWS_ENDPOINT_URL": endpoint}


def _upper(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def filled(text: str, d: Deployment, service: Service) -> str:
    """A text with its placeholders replaced. Raises ValueError for a value that could end the
    string that it stands in.
    """
    values = {
        "service": d.service,
        "hostname": service.hostname,
        "mesh": d.mesh,
        "side": d.new_side,
        "old_side": d.old_side,
        "node": service.node(d.new_side),
        "old_node": service.node(d.old_side),
        "image": d.new_image,
        "deployment": d.id,
    }

    def value(match: re.Match[str]) -> str:
        found = values[match[1]]
        if not _PLAIN.fullmatch(found):
            raise ValueError(f"{match[0]} is {found!r}, which cannot be written into a query")
        return found

    return PLACEHOLDER.sub(value, text)
