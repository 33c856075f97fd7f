"""Which resources a label selector of Kubernetes selects. Pure.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tealmesh.migration.json import Json, list_of, name_of, object_of, objects_of
from tealmesh.model.errors import TealError


def selects(selector: Any, labels: Any, *, nothing: bool = False) -> bool:
    """Whether a selector selects what has ``labels``. An empty one selects everything; where there
    is none, ``nothing`` says whether that does too. Raises TealError for what is no selector.
    """
    if selector is None:
        return nothing
    own = object_of(labels, "labels")
    given = object_of(selector, "a selector")
    wanted = object_of(given.get("matchLabels"), "matchLabels")
    rules = objects_of(given.get("matchExpressions"), "matchExpressions")
    return all(own.get(name) == value for name, value in wanted.items()) and all(
        _meets(rule, own) for rule in rules
    )


def _meets(rule: Json, labels: Mapping[str, Any]) -> bool:
    name, operator = name_of(rule.get("key")), rule.get("operator")
    values = list_of(rule.get("values"), "matchExpressions.values")
    match operator:
        case "In":
            return labels.get(name) in values
        case "NotIn":
            return labels.get(name) not in values
        case "Exists":
            return name in labels
        case "DoesNotExist":
            return name not in labels
    raise TealError(
        f"matchExpressions: operator = {operator!r}: must be In, NotIn, Exists or DoesNotExist"
    )
