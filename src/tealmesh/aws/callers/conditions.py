"""Whether the Condition of a statement holds for a request. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
and, for several values,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html.
What we know nothing of can neither hold nor fail.
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from tealmesh.aws.callers.patterns import (
    Context,
    Maybe,
    all_of,
    any_of,
    filled,
    like,
    opposite,
    plain,
)

Scalar = str | bool | int | float
Condition = Mapping[str, Mapping[str, Scalar | Sequence[Scalar]]]
"""Operator -> key -> the values, as people write them: one where there could be several."""

_QUANTIFIERS = ("forallvalues:", "foranyvalue:")
_IF_EXISTS = "ifexists"


def holds(condition: Condition, context: Context, variables: Context | None) -> Maybe:
    """Whether all of it holds; None if that cannot be told.

    ``variables``: what those in its values are replaced by; None if they are plain text.
    """
    return all_of(
        any_of([None]) if not keys else all_of(
            _holds(how.lower(), context.get(key.lower()), _texts(values), variables)
            for key, values in keys.items()
        )
        for how, keys in condition.items()
    )  # fmt: skip


def unknown_keys(condition: Condition, context: Context) -> list[str]:
    """The keys of which we know nothing."""
    return [key for keys in condition.values() for key in keys if key.lower() not in context]


def _holds(
    how: str, found: tuple[str, ...] | None, wanted: Sequence[str], variables: Context | None
) -> Maybe:
    """Whether one key is as one operator (in lower case) wants it. ``found``: see `Context`."""
    quantifier = next((one for one in _QUANTIFIERS if how.startswith(one)), "")
    name = how.removeprefix(quantifier).removesuffix(_IF_EXISTS)
    negated = name in _NEGATED
    test = _TESTS.get(_NEGATED.get(name, name))
    if found is None:
        return None
    if name == "null":
        return str(not found).lower() in (one.lower() for one in wanted)
    if test is None:
        return None
    if not found:
        exists_not = how.endswith(_IF_EXISTS) or quantifier == "forallvalues:"
        return exists_not or (negated and not quantifier)
    matches = [_matches(name, test, wanted, given, variables) for given in found]
    if negated:
        matches = [opposite(one) for one in matches]
    every = quantifier == "forallvalues:" or (negated and not quantifier)
    return all_of(matches) if every else any_of(matches)


def _matches(
    name: str,
    test: Callable[[str, str], bool],
    wanted: Sequence[str],
    given: str,
    variables: Context | None,
) -> Maybe:
    """Whether a value is as one of those that are wanted."""
    have_variables = name.startswith(("string", "arn"))
    return any_of(_is(test, one, given, variables if have_variables else None) for one in wanted)


def _is(
    test: Callable[[str, str], bool], wanted: str, given: str, variables: Context | None
) -> Maybe:
    meant = filled(wanted, variables)
    if meant.unknown:
        return None
    if meant.empty:
        return False
    try:
        return test(meant.text, given)
    except ValueError:  # a policy's mistake, such as a number that is none
        return None


def _texts(values: Scalar | Sequence[Scalar]) -> list[str]:
    given = [values] if isinstance(values, str | bool | int | float) else values
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in given]


def _arn(pattern: str, given: str) -> bool:
    """By each of the six parts; ArnEquals knows wildcards too."""
    if pattern == "*":
        return True
    patterns, parts = pattern.split(":", 5), given.split(":", 5)
    if len(patterns) != 6 or len(parts) != 6:
        return False
    pairs = zip(patterns, parts, strict=True)
    return all(like(one).fullmatch(part) is not None for one, part in pairs)


def _address(block: str, given: str) -> bool:
    address = ipaddress.ip_address(given)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address) in ipaddress.ip_network(block, strict=False)


def _moment(text: str) -> float:
    """Seconds since 1970, of ISO 8601 or of such seconds."""
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _compared(
    read: Callable[[str], float], compare: Callable[[float, float], bool]
) -> Callable[[str, str], bool]:
    return lambda wanted, given: compare(read(given), read(wanted))


_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "equals": operator.eq,
    "lessthan": operator.lt,
    "lessthanequals": operator.le,
    "greaterthan": operator.gt,
    "greaterthanequals": operator.ge,
}
_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "stringequals": lambda wanted, given: plain(wanted) == given,
    "stringequalsignorecase": lambda wanted, given: plain(wanted).lower() == given.lower(),
    "stringlike": lambda wanted, given: like(wanted).fullmatch(given) is not None,
    "arnequals": _arn,
    "arnlike": _arn,
    "bool": lambda wanted, given: wanted.lower() == given.lower(),
    "ipaddress": _address,
    **{f"numeric{name}": _compared(float, order) for name, order in _ORDERS.items()},
    **{f"date{name}": _compared(_moment, order) for name, order in _ORDERS.items()},
}
"""By the operator: the value that is wanted, and the one that a request has."""
_NEGATED: Mapping[str, str] = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
}
