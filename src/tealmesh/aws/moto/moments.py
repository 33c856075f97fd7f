"""Makes moto's ids and times reproducible: a repeated call creates the same ids again.

Every module of moto takes ids from random numbers and times from the clock. Within
``moment(seed, at)`` both come from its arguments, for the calling thread only. What moto creates
when a service is first used (the default VPC with its subnets and groups) gets a moment of its own,
seeded by service, account and region, so it is the same whichever call comes first.

Not covered: keys that the cryptography library generates (EC2 key pairs that are not imported).

moto has no types, and its modules are patched by name: hence Any.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import random
import sys
import threading
import time
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any

_Datetime = datetime.datetime


class _Present(threading.local):
    """The thread's moment. ``random`` is None outside of one."""

    random: random.Random | None = None
    at: float = 0.0


_present = _Present()
_outside = random.SystemRandom()


@contextlib.contextmanager
def moment(seed: str, at: float) -> Iterator[None]:
    """Give this thread random numbers from ``seed`` and the time ``at`` (epoch seconds)."""
    before = _present.random, _present.at
    _present.random, _present.at = random.Random(seed), at  # noqa: S311 - ids, no secrets
    try:
        yield
    finally:
        _present.random, _present.at = before


def steer(origin: Callable[[], tuple[str, float]]) -> None:
    """Patch moto, once it is imported. ``origin`` returns the seed and the time of the state's
    beginning; that of the last call counts, since moto has one state per process.
    """
    from moto.core import base_backend
    from moto.moto_api._internal import mock_random

    if not isinstance(mock_random, _numbers(type(mock_random))):
        mock_random.__class__ = _numbers(type(mock_random))
    base_backend.AccountSpecificBackend.__getitem__ = _beginning(origin)


def steer_new_modules() -> None:
    """Patch modules of moto that were imported since."""
    from moto.moto_api._internal import mock_random

    for name, module in list(sys.modules.items()):
        if not name.startswith("moto.") or name in _steered:
            continue
        if getattr(module.__spec__, "_initializing", False):
            continue  # another thread is importing it: the next call patches it
        _steered.add(name)
        members = vars(module)
        stand_ins = _stand_ins(mock_random)
        for member, value in list(members.items()):
            stand_in = stand_ins.get(id(value))
            if stand_in is not None:
                members[member] = stand_in


# base_backend is left alone: its ids are never shown, and it draws them when something is first
# used, which may be in any call.
_steered: set[str] = {"moto.moto_api._internal.moto_random", "moto.core.base_backend"}
_made: dict[str, Any] = {}


def _numbers(kind: type) -> type:
    """A subclass of moto's Random that draws from the moment."""
    if "numbers" not in _made:

        class Numbers(kind):  # type: ignore[misc]
            def random(self) -> float:
                return (_present.random or _outside).random()

            def getrandbits(self, k: int, /) -> int:
                return (_present.random or _outside).getrandbits(k)

        _made["numbers"] = Numbers
    made: type = _made["numbers"]
    return made


def _stand_ins(mock_random: Any) -> dict[int, Any]:
    """The replacements for objects of the standard library, by the id of what they replace."""
    if "stand_ins" not in _made:
        _made["stand_ins"] = {
            id(random): mock_random,
            id(uuid): _like(uuid, uuid1=mock_random.uuid1, uuid4=mock_random.uuid4),
            id(uuid.uuid1): mock_random.uuid1,
            id(uuid.uuid4): mock_random.uuid4,
            id(time): _like(time, time=_now),
            id(datetime): _like(datetime, datetime=_Clock),
            id(_Datetime): _Clock,
            id(os.urandom): _urandom,
            id(os): _like(os, urandom=_urandom),
        }
    made: dict[int, Any] = _made["stand_ins"]
    return made


def _like(module: types.ModuleType, **changed: Any) -> types.ModuleType:
    made = types.ModuleType(module.__name__)
    vars(made).update(vars(module) | changed)
    return made


def _now() -> float:
    return time.time() if _present.random is None else _present.at


def _urandom(size: int, /) -> bytes:
    return os.urandom(size) if _present.random is None else _present.random.randbytes(size)


class _AnyDatetime(type):
    """Makes ``isinstance`` accept the standard library's own datetimes."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Datetime)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _Datetime)


class _Clock(_Datetime, metaclass=_AnyDatetime):
    """``datetime.datetime`` with the moment's clock. Creates the standard library's objects."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return _Datetime(*args, **kwargs)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return _Datetime.fromtimestamp(_now(), tz)

    @classmethod
    def today(cls) -> Any:
        return _Datetime.fromtimestamp(_now())

    @classmethod
    def utcnow(cls) -> Any:
        return _Datetime.fromtimestamp(_now(), datetime.UTC).replace(tzinfo=None)


def _beginning(origin: Callable[[], tuple[str, float]]) -> Callable[[Any, str], Any]:
    """``AccountSpecificBackend.__getitem__``, which creates backends in moments of their own."""
    from moto.core.base_backend import AccountSpecificBackend

    if "getitem" not in _made:
        _made["getitem"] = AccountSpecificBackend.__getitem__
    original: Callable[[Any, str], Any] = _made["getitem"]

    def getitem(self: Any, region: str) -> Any:
        if ("aws" if region == "global" else region) in self.keys():
            return original(self, region)
        seed, at = origin()
        with moment(f"{seed} {self.service_name} {self.account_id} {region}", at):
            return original(self, region)

    return getitem
