"""The built-in X-Ray daemon: receives segments by UDP and sends them to the X-Ray API.

``python -m tealmesh.engine.runtimes.xray`` runs in place of the image ``aws-xray-daemon``. It
listens on HOST, port 2000, and sends to AWS_ENDPOINT_URL.
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

_log = logging.getLogger("xray")

_BATCH_SEGMENTS = 50
"""In one PutTraceSegments call, the API's maximum."""

_BATCH_SECONDS = 1.0
"""How long a segment waits for others."""


def document(datagram: bytes) -> str:
    """The segment document in a datagram: a header line (format json, version 1), then JSON.

    Raises ValueError for anything else.
    """
    header, separator, body = datagram.partition(b"\n")
    if not separator:
        raise ValueError("no header line")
    fields = _read(header)
    if not isinstance(fields, dict) or fields.get("format") != "json" or fields.get("version") != 1:
        raise ValueError(f"header {header[:80]!r}: only format json, version 1 is understood")
    text = body.decode()
    _read(text)
    return text


def _read(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply") from error


def receive(source: socket.socket, ending: threading.Event) -> Iterator[list[str]]:
    """Yield batches of segment documents until ``ending`` is set."""
    batch: list[str] = []
    due = time.monotonic() + _BATCH_SECONDS
    while not ending.is_set():
        source.settimeout(max(0.01, min(_BATCH_SECONDS, due - time.monotonic())))
        try:
            batch.append(document(source.recv(65536)))
        except TimeoutError:
            pass
        except ValueError as error:
            _log.warning("segment refused: %s", error)
        if len(batch) >= _BATCH_SEGMENTS or time.monotonic() >= due:
            if batch:
                yield batch
                batch = []
            due = time.monotonic() + _BATCH_SECONDS
    if batch:
        yield batch


def _client() -> Any:
    # Imported late, because importing boto3 is slow and most daemons never see a segment.
    import boto3
    from botocore.config import Config

    # The task's role, where it has one. A process without one is the control plane's own user, who
    # needs no particular keys.
    has_role = any(name.startswith("AWS_CONTAINER_CREDENTIALS_") for name in os.environ)
    return boto3.client(
        "xray",
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        region_name=os.environ.get("AWS_REGION", "us-east-1"),
        aws_access_key_id=None if has_role else os.environ.get("AWS_ACCESS_KEY_ID", "xray"),
        aws_secret_access_key=None if has_role else os.environ.get("AWS_SECRET_ACCESS_KEY", "xray"),
        config=Config(retries={"total_max_attempts": 2}, proxies={}),
    )


def main() -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT") or 2000))
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    client = None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
        source.bind(address)
        _log.info("listening on %s:%d", *address)
        for batch in receive(source, ending):
            try:
                client = client or _client()
                answer = client.put_trace_segments(TraceSegmentDocuments=batch)
            except Exception:  # noqa: BLE001 - losing a trace is no reason to stop
                _log.exception("%d segments could not be sent", len(batch))
                continue
            for refused in answer.get("UnprocessedTraceSegments", []):
                _log.warning("segment refused by the X-Ray API: %s", refused)


if __name__ == "__main__":
    main()
