"""Topics of SNS with subscribers by HTTP: each message is sent once, and beside the call.

moto sends while the publisher waits, for as long as the subscriber likes, and again whenever the
journal is repeated. A subscriber that cannot be reached is no error of the publisher's, as on AWS:
it is logged once. Where moto runs, only loopback can be reached (`apart.limits`). moto has no
types: hence Any.

https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

log = logging.getLogger(__name__)

_SECONDS = 15.0
"""For a subscriber to answer, as on AWS."""

_MOST_WAITING = 1000
"""Messages that are still to be sent; further ones are dropped, and logged."""

_REMEMBERED = 1000
"""Failures that are logged once."""

_senders = ThreadPoolExecutor(4, thread_name_prefix="topics")
_free = threading.Semaphore(_MOST_WAITING)
_told: set[tuple[str, str]] = set()
_repeating = threading.Event()


@contextlib.contextmanager
def repeating() -> Iterator[None]:
    """While the journal is repeated, nothing is sent: it has been."""
    _repeating.set()
    try:
        yield
    finally:
        _repeating.clear()


def correct(module: Any) -> None:
    """Correct ``moto.sns.models``, which sends by ``requests.post``."""
    module.requests = SimpleNamespace(**{**vars(module.requests), "post": _post})


def _post(url: str, json: object, headers: Mapping[str, str]) -> None:
    if _repeating.is_set():
        return
    if not _free.acquire(blocking=False):
        _tell(url, f"{_MOST_WAITING} messages wait to be sent: one is dropped")
        return
    _senders.submit(_send, url, json, headers)


def _send(url: str, json: Any, headers: Mapping[str, str]) -> None:
    import requests

    try:
        answer = requests.post(url, json=json, headers=dict(headers), timeout=_SECONDS)
        if not answer.ok:
            _tell(url, f"it answers {answer.status_code}")
    except (requests.RequestException, OSError, ValueError) as error:
        _tell(url, _reason(error))
    finally:
        _free.release()


def _reason(error: BaseException) -> str:
    """The first cause: what the system said, and not who passed it on."""
    while (cause := getattr(error, "reason", None) or _argument(error)) is not None:
        error = cause
    return str(error)


def _argument(error: BaseException) -> BaseException | None:
    return next((one for one in error.args if isinstance(one, BaseException)), None)


def _tell(url: str, why: str) -> None:
    if (url, why) not in _told and len(_told) < _REMEMBERED:
        _told.add((url, why))
        # Without a query, which may have a secret of the subscriber's.
        log.warning("SNS cannot send to %s: %s", url.partition("?")[0][:200], why)
