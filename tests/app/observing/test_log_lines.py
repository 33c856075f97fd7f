"""The lines of the log."""

from __future__ import annotations

import json
import logging

from tealmesh.model.identity import answering
from tealmesh.model.identity.answering import Answering
from tealmesh.model.plane.logs import FORMAT, JsonLines, TextLines


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.makeLogRecord(
        {"name": "tealmesh.app", "levelno": 20, "levelname": "INFO", "msg": message, "created": 0.0}
    )
    made.fields = fields
    return made


def test_lines_of_one_call_have_its_request_id() -> None:
    token = answering.current.set(Answering("the-request"))
    try:
        inside = json.loads(JsonLines().format(record("two\nlines", mesh="shop")))
        assert TextLines(FORMAT).format(record("done")).endswith("done [the-request]")
    finally:
        answering.current.reset(token)
    assert inside == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "info",
        "logger": "tealmesh.app",
        "message": "two\nlines",
        "requestId": "the-request",
        "mesh": "shop",
    }
    assert "requestId" not in json.loads(JsonLines().format(record("outside")))


def test_an_error_is_a_member_of_one_line() -> None:
    try:
        raise LookupError("no such mesh")
    except LookupError as error:
        made = record("failed")
        made.exc_info = (type(error), error, error.__traceback__)
    (line,) = JsonLines().format(made).splitlines()
    assert "LookupError: no such mesh" in json.loads(line)["error"]
