"""Another user of the machine, as whom tests attack: needs root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

STRANGER = 65534
"""The user id of nobody."""

NEEDS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="acting as another Unix user needs root and setpriv",
)

_ASK = """
import http.client, json, sys
port, method, path, headers, body = json.loads(sys.stdin.read())
c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
c.request(method, path, body=body, headers=headers)
r = c.getresponse()
print(json.dumps([r.status, dict((k.lower(), v) for k, v in r.getheaders()), r.read().decode()]))
"""


def as_stranger(*command: str, text: str = "") -> str:
    """What a command prints that another user runs, without this repository's files."""
    argv = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", *command]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, cwd="/", timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def request(
    port: int, method: str, path: str, headers: dict[str, str] | None = None, body: str = ""
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of what another user is answered."""
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    asked = json.dumps([port, method, path, headers or {}, body])
    status, answered, text = json.loads(as_stranger(python, "-c", _ASK, text=asked))
    return status, answered, text


def claimed(service: str, key: str = "test") -> dict[str, str]:
    """A signature that nobody has made."""
    scope = f"{key}/20261127/us-east-1/{service}/aws4_request"
    signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=00"
    return {"authorization": signature, "x-amz-date": "20261127T000000Z"}


def code(answer: tuple[int, dict[str, str], str]) -> Any:
    """The error code of a refusal."""
    _, _, text = answer
    if text.startswith("<?xml"):
        return text.partition("<Code>")[2].partition("</Code>")[0]
    return json.loads(text)["__type"]
