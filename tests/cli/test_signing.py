"""`teal` signs where the control plane asks for keys, and only there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tealmesh.aws.callers import signatures
from tealmesh.aws.callers.signatures import Key
from tealmesh.aws.wire.codec import Request
from tealmesh.cli.client import Client
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.issued import owner

KEY = Key("AKIATEST", "secret")


class Asking(ThreadingHTTPServer):
    """Wants calls signed with ``key``."""

    key = KEY
    data_dir = ""
    seen: list[bool]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen = []


class _Handler(BaseHTTPRequestHandler):
    server: Asking

    def do_GET(self) -> None:
        health = {"status": "ok", "pid": 1, "version": "0", "revision": 0}
        self._answer(200, {**health, "dataDir": self.server.data_dir})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request("POST", self.path, "", headers, body)
        signed = "x-amz-date" in headers
        self.server.seen.append(signed)
        if not signed:
            self._answer(400, {"__type": "MissingAuthenticationTokenException", "message": "sign"})
            return
        found = signatures.read(request)
        assert found is not None
        try:
            signatures.verify(request, found, self.server.key, time.time(), body)
        except AwsError as error:
            self._answer(400, {"__type": "InvalidSignatureException", "message": error.message})
            return
        self._answer(200, {"services": []})

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asking]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with Asking() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def client(asking: Asking) -> Client:
    return Client(f"http://127.0.0.1:{asking.server_port}")


@pytest.mark.parametrize("token", ["", "teal.token"])
def test_with_the_keys_of_the_environment(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret)
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    client(asking).get_status(10)
    assert asking.seen == [False, True]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(AwsError) as error:
        client(asking).get_status(10)
    assert error.value.code == "InvalidSignatureException"


def test_with_the_owners_keys_of_the_data_directory(asking: Asking, tmp_path: Path) -> None:
    mine = owner(tmp_path)
    asking.key, asking.data_dir = Key(mine.key_id, mine.secret), str(tmp_path)
    client(asking).get_status(10)
    assert asking.seen == [False, True]


def test_without_keys_the_refusal_is_told(asking: Asking) -> None:
    with pytest.raises(AwsError, match="sign"):
        client(asking).get_status(10)
    assert asking.seen == [False]
