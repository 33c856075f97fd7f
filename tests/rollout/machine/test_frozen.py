"""A frozen dataclass is changed as `dataclasses.replace` would."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property

import pytest

from tealmesh.model.rollout import State
from tealmesh.rollout.machine.frozen import replace
from tests.rollout.machine.walking import created


@dataclass(frozen=True)
class Derived:
    """What its fields say is not all that it has."""

    length: int
    width: int = 1
    area: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "area", self.length * self.width)


@dataclass(frozen=True)
class Remembering:
    length: int

    @cached_property
    def twice(self) -> int:
        return 2 * self.length


@dataclass(frozen=True, slots=True)
class Slots:
    length: int


def test_a_deployment() -> None:
    first = created()
    second = replace(first, state=State.BAKING, note="x")
    assert second == dataclasses.replace(first, state=State.BAKING, note="x")
    assert (first.note, first.state) == ("", State.CREATED)
    assert replace(first) == first


def test_what_is_derived_from_fields_follows_them() -> None:
    assert replace(Derived(2, 3), width=4).area == 8
    one = Remembering(2)
    assert one.twice == 4
    assert replace(one, length=5).twice == 10
    assert replace(Slots(1), length=2) == Slots(2)


def test_what_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        replace(created(), nonsense=1)  # type: ignore[call-arg]
