"""Rules of EventBridge: each target gets its event, whatever becomes of the others, and patterns
take no longer than they have to.

In moto a target that it does not know, or one that is gone, fails the whole PutEvents, so that no
later rule gets the event either. moto has no types: hence Any.
"""

from __future__ import annotations

import copy
import functools
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from tealmesh.aws.moto.instead import instead_of

log = logging.getLogger(__name__)

_PLACEHOLDER = re.compile(r'<([^<>"\s]+)>|"|\\.')

_TOKEN = re.compile(r"\\[*\\]|.", re.DOTALL)
"""Of a wildcard pattern."""

_told: set[tuple[str, str, str]] = set()
"""Failures that were logged: rule, target, error."""


def correct_models(module: Any) -> None:
    """Deliver to each target by itself, and to topics of SNS too; bound wildcards."""
    module.EventPattern._wildcard_match = staticmethod(matches)
    parse = module.EventTemplateParser.parse
    module.EventTemplateParser.parse = staticmethod(_parsed(parse))

    @instead_of(module.Rule, "send_to_targets")
    def send(original: Any, self: Any, original_event: Any, transform_input: bool = True) -> None:
        if not self.event_pattern.matches_event(original_event):
            return
        for target in list(self.targets):
            try:
                if target["Arn"].split(":")[2] == "sns":
                    _to_topic(target, original_event, module.EventTemplateParser.parse)
                    continue
                alone = copy.copy(self)
                alone.targets = [target]
                original(alone, original_event, transform_input)
            except Exception as error:  # noqa: BLE001 - logged, and only this target is concerned
                key = (self.arn, target["Id"], repr(error))
                if key not in _told:
                    _told.add(key)
                    log.warning(
                        "EventBridge rule %s: target %s (%s) gets no events: %s: %s",
                        *(self.name, target["Id"], target["Arn"], type(error).__name__, error),
                    )


def matches(item: object, pattern: str) -> bool:
    """Whether a wildcard pattern covers a text: ``*`` stands for any characters, ``\\*`` and
    ``\\\\`` for themselves. Pure. It takes at most the product of their lengths; a regular
    expression, such as moto's, takes that to the power of the number of wildcards.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """
    if not isinstance(item, str):
        return False
    first, *rest = _literal(pattern)
    if not rest:
        return item == first
    *between, last = rest
    if len(item) < len(first) + len(last) or not (item.startswith(first) and item.endswith(last)):
        return False
    at, end = len(first), len(item) - len(last)
    for part in between:
        # The first place is as good as any: the wildcard after it takes the rest.
        found = item.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _literal(pattern: str) -> list[str]:
    """What is between the wildcards of a pattern."""
    parts = [""]
    for piece in _TOKEN.findall(pattern):
        if piece == "*":
            parts.append("")
        else:
            parts[-1] += piece[-1]
    return parts


def _to_topic(target: Mapping[str, Any], event: Any, parse: Callable[..., Any]) -> None:
    from moto.sns.models import sns_backends

    transformer = target.get("InputTransformer", {})
    message = parse(transformer.get("InputTemplate"), transformer.get("InputPathsMap", {}), event)
    arn = target["Arn"]
    backend = sns_backends[arn.split(":")[4]][arn.split(":")[3]]
    backend.publish(message if isinstance(message, str) else json.dumps(message), arn=arn)


def _parsed(original: Callable[..., Any]) -> Callable[..., Any]:
    """EventTemplateParser.parse, with placeholders as AWS has them: a value of JSON, or a part of a
    text if it stands in one.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    """

    @functools.wraps(original)
    def parse(input_template: str | None, input_paths_map: Mapping[str, str], event: Any) -> Any:
        if not input_template:
            return original(input_template, input_paths_map, event)
        from jsonpath_ng.ext import parse as path

        values: dict[str, Any] = {"aws.events.event.json": event, "aws.events.event": event}
        values["aws.events.event.ingestion-time"] = event.get("ingestion-time")
        for name, expression in input_paths_map.items():
            found = path(expression).find(event)
            values[name] = found[0].value if found else None
        return json.loads(filled(input_template, values))

    return parse


def filled(template: str, values: Mapping[str, Any]) -> str:
    """The template with its placeholders replaced; a value that is missing is empty in a text, and
    null elsewhere. Pure.
    """
    quoted = False

    def replacement(match: re.Match[str]) -> str:
        nonlocal quoted
        name = match[1]
        if name is None:
            quoted ^= match[0] == '"'
            return match[0]
        value = values.get(name)
        if not quoted:
            return json.dumps(value)
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        return json.dumps(text)[1:-1]

    return _PLACEHOLDER.sub(replacement, template)
