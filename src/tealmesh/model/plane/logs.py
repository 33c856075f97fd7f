"""How the lines of a control plane's log look, in each of its processes."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from tealmesh.model.identity import answering

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
"""For `logging.basicConfig`."""

Form: TypeAlias = Literal["text", "json"]
Level: TypeAlias = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")

_NOISY = ("botocore", "boto3", "urllib3", "asyncio", "httpcore", "httpx", "grpc")
"""Their debug messages are about their internals."""


def begin(level: Level, form: Form = "text") -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines(FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


class TextLines(logging.Formatter):
    """For people: with the request's id where there is one."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        text = super().formatMessage(record)
        call = answering.current.get()
        return f"{text} [{call.request_id}]" if call is not None else text


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, and requestId, error where there is one.

    What is in ``extra={"fields": {…}}`` of a call becomes members too.
    """

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (call := answering.current.get()) is not None:
            line["requestId"] = call.request_id
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
