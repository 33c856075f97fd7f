"""Containers' log files: kept within bounds, and shipped to the logs API for ``awslogs``.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html

One thread looks after all of them, as boto3 blocks. Lines are shipped at least once: the place
reached is written down after the API has taken them. A log that cannot be shipped is reported and
tried again; the task does not notice.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tealmesh.engine.runtimes.containers import Container
from tealmesh.engine.runtimes.files import log_path
from tealmesh.model.ecs.names import task_id

_log = logging.getLogger(__name__)

_BATCH_BYTES = 512 * 1024
_BATCH_LINES = 10_000
"""PutLogEvents takes 10,000 events and 1 MiB, 26 bytes for each event included."""

_RETRY = 30.0
"""Seconds until a log that could not be shipped is tried again."""


class LogsClient(Protocol):
    """The operations of a boto3 ``logs`` client that are used here."""

    def create_log_group(self, **kwargs: Any) -> Any: ...
    def create_log_stream(self, **kwargs: Any) -> Any: ...
    def put_log_events(self, **kwargs: Any) -> Any: ...


@dataclass
class _Follow:
    """One container's log. ``group`` is empty where it is not shipped."""

    task: str
    path: Path
    group: str
    stream: str
    region: str
    ready: bool = False
    ending: bool = False
    retry_at: float = 0.0

    @property
    def offset_path(self) -> Path:
        return self.path.with_name("shipped")

    @property
    def offset(self) -> int:
        try:
            return int(self.offset_path.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    @offset.setter
    def offset(self, value: int) -> None:
        fresh = self.offset_path.with_suffix(".new")
        fresh.write_text(str(value))
        fresh.replace(self.offset_path)


class LogKeeper:
    """Looks after the log files of running tasks.

    ``client(region)`` makes a logs client, of our own region for an empty one;
    ``report(task ARN, message)`` is called from the keeper's thread when a log cannot be shipped;
    files are looked at ``every`` so many seconds. A file that has grown to ``limit`` bytes is moved
    to ``log.1`` by copying and truncating, for its writer cannot be asked to reopen it.
    """

    def __init__(
        self,
        client: Callable[[str], LogsClient],
        report: Callable[[str, str], None],
        limit: int = 10 * 1024 * 1024,
        every: float = 1.0,
    ) -> None:
        self._client = client
        self._clients: dict[str, LogsClient] = {}
        self._report = report
        self._limit = limit
        self._every = every
        self._follows: dict[Path, _Follow] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="log-keeper", daemon=True)
        self._thread.start()

    def keep(
        self, task: Mapping[str, Any], directory: Path, containers: Sequence[Container]
    ) -> None:
        """Look after the logs of a task's containers from now on."""
        with self._lock:
            for container in containers:
                follow = _follow(task, directory, container)
                self._follows.setdefault(follow.path, follow).ending = False

    def forget(self, directory: Path) -> None:
        """The task has ended: ship what is left, then look no more."""
        with self._lock:
            for path, follow in self._follows.items():
                follow.ending |= directory in path.parents

    def close(self) -> None:
        """Stop looking; what is not shipped yet is shipped by whoever keeps the files next."""
        self._closing.set()
        self._thread.join(timeout=3)

    def _work(self) -> None:
        while not self._closing.wait(self._every):
            with self._lock:
                follows = list(self._follows.values())
            for follow in follows:
                ending = follow.ending
                try:
                    done = self._look(follow)
                except OSError as error:
                    # One log's trouble must not end the care of all others.
                    _log.warning("log of %s: %s", follow.task, error)
                    done = False
                if ending and done:
                    with self._lock:
                        self._follows.pop(follow.path, None)

    def _look(self, follow: _Follow) -> bool:
        """Ship and trim; whether nothing is left to ship."""
        if not follow.path.exists():
            return True
        done = True
        if follow.group and time.monotonic() >= follow.retry_at:
            try:
                done = self._ship(follow)
            except Exception as error:  # noqa: BLE001 - whatever boto3 raises must not harm a task
                follow.retry_at = time.monotonic() + _RETRY
                _log.warning("log of %s: %s", follow.task, error)
                self._report(follow.task, f"cannot ship its log to group {follow.group}: {error}")
        size = follow.path.stat().st_size
        # What is being shipped may wait a little longer, but not for ever.
        if size >= self._limit * (1 if done else 4):
            self._trim(follow)
        return done

    def _trim(self, follow: _Follow) -> None:
        try:
            shutil.copyfile(follow.path, follow.path.with_name("log.1"))
        except OSError:
            # A full disk needs the room more than anybody needs the older lines.
            follow.path.with_name("log.1").unlink(missing_ok=True)
        os.truncate(follow.path, 0)
        if follow.group:
            follow.offset = 0

    def _ship(self, follow: _Follow) -> bool:
        client = self._prepared(follow)
        offset = follow.offset
        with follow.path.open("rb") as file:
            file.seek(offset)
            data = file.read(_BATCH_BYTES)
        lines = data.splitlines(keepends=True)[:_BATCH_LINES]
        # Half a line is the rest of a line to come, unless nothing more can come.
        if lines and not lines[-1].endswith(b"\n") and not follow.ending and len(lines) > 1:
            lines.pop()
        elif lines and not lines[-1].endswith(b"\n") and not follow.ending:
            lines = lines if len(data) == _BATCH_BYTES else []
        if not lines:
            return True
        now = int(time.time() * 1000)
        texts = (line.rstrip(b"\r\n").decode(errors="replace") for line in lines)
        events = [{"timestamp": now, "message": text} for text in texts if text]
        if events:
            client.put_log_events(
                logGroupName=follow.group, logStreamName=follow.stream, logEvents=events
            )
        offset += sum(len(line) for line in lines)
        follow.offset = offset
        return offset >= follow.path.stat().st_size

    def _prepared(self, follow: _Follow) -> LogsClient:
        """The client; group and stream exist once this has returned."""
        if follow.region not in self._clients:
            self._clients[follow.region] = self._client(follow.region)
        client = self._clients[follow.region]
        if not follow.ready:
            with _existing():
                client.create_log_group(logGroupName=follow.group)
            with _existing():
                client.create_log_stream(logGroupName=follow.group, logStreamName=follow.stream)
            follow.ready = True
        return client


def _follow(task: Mapping[str, Any], directory: Path, container: Container) -> _Follow:
    options = container.log_options or {}
    prefix = options.get("awslogs-stream-prefix", "ecs")
    return _Follow(
        task=task["taskArn"],
        path=log_path(directory, container.name),
        group=options.get("awslogs-group", ""),
        stream=f"{prefix}/{container.name}/{task_id(task)}",
        region=options.get("awslogs-region", ""),
    )


@contextlib.contextmanager
def _existing() -> Any:
    """What exists already need not be created."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
