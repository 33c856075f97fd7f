"""moto's ids and times as arguments: a call that is made again makes the same ids again.

moto takes its ids from random numbers and its times from the clock, in every module of its own.
Within ``moment(seed, at)`` both come from its arguments, for the calling thread alone; outside of
it they are what they always are. What moto makes when a service is first touched (the default VPC
with its subnets and groups) is made in a moment of its own, named by service, account and region,
so it is the same whichever call touches it first.

Not covered: keys that the cryptography library makes (EC2 key pairs that are not imported).
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
    """The thread's moment; None outside of one."""

    random: random.Random | None = None
    at: float = 0.0


_present = _Present()
_outside = random.SystemRandom()


@contextlib.contextmanager
def moment(seed: str, at: float) -> Iterator[None]:
    """Random numbers from ``seed`` and the time ``at`` (epoch seconds) for this thread."""
    before = _present.random, _present.at
    _present.random, _present.at = random.Random(seed), at  # noqa: S311 - ids, no secrets
    try:
        yield
    finally:
        _present.random, _present.at = before


def steer(origin: Callable[[], tuple[str, float]]) -> None:
    """Make moto ask us. Call once it is imported; ``origin`` is the seed and time of its beginning.

    The last caller's ``origin`` counts: moto has one state in a process.
    """
    from moto.core import base_backend
    from moto.moto_api._internal import mock_random

    if not isinstance(mock_random, _numbers(type(mock_random))):
        mock_random.__class__ = _numbers(type(mock_random))
    base_backend.AccountSpecificBackend.__getitem__ = _beginning(origin)


def steer_new_modules() -> None:
    """The same for modules of moto that have been imported since."""
    from moto.moto_api._internal import mock_random

    for name, module in list(sys.modules.items()):
        if not name.startswith("moto.") or name in _steered:
            continue
        if getattr(module.__spec__, "_initializing", False):
            continue  # another thread is importing it: the next call steers it
        _steered.add(name)
        members = vars(module)
        stand_ins = _stand_ins(mock_random)
        for member, value in list(members.items()):
            stand_in = stand_ins.get(id(value))
            if stand_in is not None:
                members[member] = stand_in


# base_backend: its own ids show nowhere, and are made when something is first touched, which is
# another call each time.
_steered: set[str] = {"moto.moto_api._internal.moto_random", "moto.core.base_backend"}
_made: dict[str, Any] = {}


def _numbers(kind: type) -> type:
    """A subclass of moto's own kind of Random whose bits are the moment's."""
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
    """What takes the place of the standard library's, by the identity of what is replaced."""
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
    """To moto, what the standard library made is a datetime as well."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Datetime)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _Datetime)


class _Clock(_Datetime, metaclass=_AnyDatetime):
    """``datetime.datetime`` at the moment's time. Makes the standard library's own objects."""

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
    """``AccountSpecificBackend.__getitem__``, in a moment of its own where it makes a backend."""
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
