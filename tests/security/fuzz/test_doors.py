"""No bytes make a door raise what its callers do not expect: they would see a traceback.

`make fuzz` looks for such bytes longer, and by the paths that they take.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.security.fuzz.doors import DOORS
from tests.support.drills import examples

DEEP = 100_000
SEEDED = st.integers(0, 2**32).map(lambda seed: Random(seed).randbytes(250))
"""Longer and more various than hypothesis's own."""


@pytest.mark.parametrize("door", DOORS)
@settings(max_examples=examples(1200))
@given(data=st.binary(max_size=300) | SEEDED)
def test_bytes_at_a_door(door: str, data: bytes) -> None:
    DOORS[door](data)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * DEEP,
        b'{"a":' * DEEP,
        b"\x81" * DEEP,
        b"\xc1" * DEEP,
        b"a=" + b"[" * DEEP,
        b"1" * DEEP,
    ],
    ids=["arrays", "objects", "CBOR's arrays", "CBOR's tags", "TOML", "a number"],
)
@pytest.mark.parametrize("door", ["raw_body", "teal_toml"])
def test_what_is_nested_without_end(door: str, data: bytes) -> None:
    DOORS[door](data)
