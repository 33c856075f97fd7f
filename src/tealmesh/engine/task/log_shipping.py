"""Bounds the log files of containers, and ships them to CloudWatch Logs for ``awslogs``.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html

One thread does so for all containers, as boto3 blocks. Lines are shipped at least once: the offset
is saved after the API has accepted them. If a log cannot be shipped, that is reported and retried;
the task is not affected.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypedDict, Unpack

from tealmesh.engine.runtimes.containers import Container
from tealmesh.engine.runtimes.files import log_path
from tealmesh.model.arn import last_part
from tealmesh.supervision.trouble import last_line

_log = logging.getLogger(__name__)

_BATCH_BYTES = 512 * 1024
_BATCH_LINES = 10_000
"""PutLogEvents accepts 10,000 events and 1 MiB, counting 26 bytes more for each event.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

_RETRY_SECONDS = 30.0
"""Delay before a log that could not be shipped is tried again."""

_UNSHIPPED_FACTOR = 4
"""A log that is still to be shipped may grow to so many times the limit before it is trimmed."""

DEFAULT_LIMIT_BYTES = 10 * 1024 * 1024
DEFAULT_INTERVAL_SECONDS = 1.0


class LogEvent(TypedDict):
    """One line for PutLogEvents; the time in milliseconds since the epoch."""

    timestamp: int
    message: str


class LogGroupRequest(TypedDict):
    """CreateLogGroup's parameters."""

    logGroupName: str


class LogStreamRequest(LogGroupRequest):
    """CreateLogStream's parameters."""

    logStreamName: str


class LogEventsRequest(LogStreamRequest):
    """PutLogEvents' parameters."""

    logEvents: Sequence[LogEvent]


class LogsClient(Protocol):
    """The operations of boto3's ``logs`` client that are used here; their answers are not."""

    def create_log_group(self, **request: Unpack[LogGroupRequest]) -> object: ...

    def create_log_stream(self, **request: Unpack[LogStreamRequest]) -> object: ...

    def put_log_events(self, **request: Unpack[LogEventsRequest]) -> object: ...


@dataclass
class _Follow:
    """The log file of one container."""

    task_arn: str
    path: Path
    group: str
    """Log group; empty if the log is not shipped."""
    stream: str
    region: str
    """Empty for our own."""
    ready: bool = False
    """Group and stream exist."""
    ending: bool = False
    """The task has ended: nothing more is written."""
    retry_at: float = 0.0
    """Do not ship before this time of the monotonic clock."""
    problem: str = ""
    """What was told last of trouble with the file."""

    @property
    def offset_path(self) -> Path:
        return self.path.with_name("shipped")

    @property
    def offset(self) -> int:
        """The number of bytes that have been shipped."""
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
    """Ships and trims the log files of running tasks, in a thread of its own.

    A file that has grown to the limit is copied to ``log.1`` and truncated, since its writer cannot
    be asked to reopen it.
    """

    def __init__(
        self,
        client: Callable[[str], LogsClient],
        report: Callable[[str, str], None],
        limit: int = DEFAULT_LIMIT_BYTES,
        every: float = DEFAULT_INTERVAL_SECONDS,
    ) -> None:
        """``client(region)`` makes a logs client, in our own region for an empty one;
        ``report(task ARN, message)`` is called in the keeper's thread when a log cannot be shipped.
        Files are examined every ``every`` seconds and trimmed at ``limit`` bytes.
        """
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

    def keep(self, task_arn: str, directory: Path, containers: Sequence[Container]) -> None:
        """Begin to ship and trim the logs of a task's containers."""
        with self._lock:
            for container in containers:
                follow = _follow(task_arn, directory, container)
                self._follows.setdefault(follow.path, follow).ending = False

    def forget(self, directory: Path) -> None:
        """The task has ended: ship the rest of its logs, then forget them."""
        with self._lock:
            for path, follow in self._follows.items():
                follow.ending |= directory in path.parents

    def close(self) -> None:
        """Stop the thread. The next control plane ships what is left."""
        self._closing.set()
        self._thread.join(timeout=3)

    def _work(self) -> None:
        while not self._closing.wait(self._every):
            with self._lock:
                follows = list(self._follows.values())
            for follow in follows:
                ending = follow.ending
                try:
                    done = self._process(follow)
                except Exception as error:  # noqa: BLE001 - told; the next round tries again
                    # Trouble with one file must not affect the others, nor end the thread.
                    self._note(follow, error)
                    done = False
                if ending and done:
                    with self._lock:
                        self._follows.pop(follow.path, None)

    def _note(self, follow: _Follow, error: Exception) -> None:
        """Tell what is wrong with a file, unless it was told already."""
        text = last_line(error)
        if text != follow.problem:
            follow.problem = text
            _log.warning("log of %s: %s", follow.task_arn, text, exc_info=error)
            self._report(follow.task_arn, f"cannot keep its log {follow.path}: {text}")

    def _process(self, follow: _Follow) -> bool:
        """Ship and trim; return whether everything has been shipped."""
        if not follow.path.exists():
            return True
        done = True
        if follow.group and time.monotonic() >= follow.retry_at:
            try:
                done = self._ship(follow)
            except Exception as error:  # noqa: BLE001 - boto3's errors have no common class
                follow.retry_at = time.monotonic() + _RETRY_SECONDS
                follow.ready = False  # Somebody may have deleted its group or stream.
                _log.warning("log of %s: %s", follow.task_arn, error)
                self._report(
                    follow.task_arn, f"cannot ship its log to group {follow.group}: {error}"
                )
        size = follow.path.stat().st_size
        if size >= self._limit * (1 if done else _UNSHIPPED_FACTOR):
            self._trim(follow)
        return done

    def _trim(self, follow: _Follow) -> None:
        try:
            shutil.copyfile(follow.path, follow.path.with_name("log.1"))
        except OSError:
            # Probably the disk is full, and needs the space more than anyone needs old lines.
            follow.path.with_name("log.1").unlink(missing_ok=True)
        os.truncate(follow.path, 0)
        if follow.group:
            follow.offset = 0

    def _ship(self, follow: _Follow) -> bool:
        """Ship one batch; return whether it was the last one."""
        client = self._ready_client(follow)
        offset = follow.offset
        with follow.path.open("rb") as file:
            file.seek(offset)
            data = file.read(_BATCH_BYTES)
        lines = _complete_lines(data, follow.ending)
        if not lines:
            return True
        events = _events(lines)
        if events:
            client.put_log_events(
                logGroupName=follow.group, logStreamName=follow.stream, logEvents=events
            )
        offset += sum(len(line) for line in lines)
        follow.offset = offset
        return offset >= follow.path.stat().st_size

    def _ready_client(self, follow: _Follow) -> LogsClient:
        """The client, once the log's group and stream exist."""
        if follow.region not in self._clients:
            self._clients[follow.region] = self._client(follow.region)
        client = self._clients[follow.region]
        if not follow.ready:
            with _ignoring_existing():
                client.create_log_group(logGroupName=follow.group)
            with _ignoring_existing():
                client.create_log_stream(logGroupName=follow.group, logStreamName=follow.stream)
            follow.ready = True
        return client


def _complete_lines(data: bytes, ending: bool) -> list[bytes]:
    """The lines of a batch. A line without its end is left for later, unless nothing more will be
    written or the line alone fills a batch.
    """
    lines = data.splitlines(keepends=True)[:_BATCH_LINES]
    if not lines or lines[-1].endswith(b"\n") or ending:
        return lines
    if len(lines) > 1:
        return lines[:-1]
    return lines if len(data) == _BATCH_BYTES else []


def _events(lines: Sequence[bytes]) -> list[LogEvent]:
    """The lines as events of this moment; empty lines, which the API refuses, are left out."""
    now = int(time.time() * 1000)
    texts = (line.rstrip(b"\r\n").decode(errors="replace") for line in lines)
    return [{"timestamp": now, "message": text} for text in texts if text]


def _follow(task_arn: str, directory: Path, container: Container) -> _Follow:
    options = container.log_options or {}
    prefix = options.get("awslogs-stream-prefix", "ecs")
    return _Follow(
        task_arn=task_arn,
        path=log_path(directory, container.name),
        group=options.get("awslogs-group", ""),
        stream=f"{prefix}/{container.name}/{last_part(task_arn)}",
        region=options.get("awslogs-region", ""),
    )


@contextlib.contextmanager
def _ignoring_existing() -> Iterator[None]:
    """Ignore that the group or stream to be created exists."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
