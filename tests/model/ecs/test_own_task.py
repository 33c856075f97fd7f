"""A program in a task of ECS finds its own address."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tealmesh.model.ecs.own_task import VARIABLE, address
from tealmesh.model.errors import TealError


@contextmanager
def endpoint(answer: object) -> Iterator[str]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v4/me"
        server.shutdown()


def test_its_address_is_in_the_metadata() -> None:
    with endpoint({"Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.1.7"]}]}) as uri:
        assert address({VARIABLE: uri}) == "10.0.1.7"


@pytest.mark.parametrize("answer", [{}, [], {"Networks": []}, {"Networks": [{}]}])
def test_what_has_no_address_is_said(answer: object) -> None:
    with endpoint(answer) as uri, pytest.raises(TealError, match="metadata of this task"):
        address({VARIABLE: uri})


def test_elsewhere_there_is_none() -> None:
    with pytest.raises(TealError, match="not an ECS task"):
        address({})
