"""The page before a control plane that is made up: what a real one shows only when much is wrong.

It serves the built files as they are, and the stream as `app.dashboard.board` writes it. What it
answers is the scene's, so a test or a picture needs no tasks, no Envoys and no waiting.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tealmesh.app.dashboard.board import Board, Items
from tests.support.programs.chromium import BUILT

Answer = Mapping[str, Any] | tuple[int, Mapping[str, Any]]
"""What an operation answers: a body, or a status and a body."""

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


@dataclass
class Scene:
    """What a control plane shows and answers."""

    sections: Mapping[str, Items]
    answers: Mapping[str, Answer] = field(default_factory=dict)
    access: str = "admin"
    session: int = 200
    """The status with which the stream is answered: 401 for a session that has ended."""
    ends: threading.Event = field(default_factory=threading.Event)
    """Once it is set the session has expired: the stream says so and ends, and 401 follows."""
    silent: threading.Event = field(default_factory=threading.Event)
    """While it is set the stream is open and says nothing."""
    loads: int = 0
    """How often the page was loaded."""
    called: list[tuple[str, Any]] = field(default_factory=list)
    """The operations that were called, with their input."""


@dataclass
class Stage:
    """Plays one scene at a time."""

    url: str
    scene: Scene

    def show(self, scene: Scene) -> str:
        """Play a scene; the address that opens it with a session of its own."""
        self.scene = scene
        return f"{self.url}/_teal/?{time.monotonic_ns()}#code=any"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stage: ClassVar[Stage]

    def log_message(self, *_: object) -> None:
        """Nothing is said on the terminal."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/_teal/stream":
            self._stream(self.stage.scene)
            return
        self.stage.scene.loads += path == "/_teal/"
        file = BUILT / (path.removeprefix("/_teal/") or "index.html")
        if file.is_file():
            self._send(200, file.read_bytes(), _TYPES.get(file.suffix, "image/svg+xml"))
        else:
            self._send(404, b"", "text/plain")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        scene = self.stage.scene
        if self.path == "/_teal/session":
            found = {"token": "t", "expires": time.time() + 3600, "actor": "alice"}
            self._json(200, {**found, "access": scene.access})
            return
        operation = self.path.rpartition("/")[2]
        scene.called.append((operation, body))
        answer = scene.answers.get(operation, {})
        status, told = answer if isinstance(answer, tuple) else (200, answer)
        self._json(status, told)

    def do_DELETE(self) -> None:
        self._json(200, {})

    def _json(self, status: int, body: Mapping[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, scene: Scene) -> None:
        if scene.session != 200 or scene.ends.is_set():
            self._json(401, {"message": "the session has ended: run `teal open`"})
            return
        board = Board("staged")
        board.update(scene.sections, 0.0)
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(board.read(None))
        try:
            while self.stage.scene is scene and not scene.ends.is_set():
                if not scene.silent.is_set():
                    self.wfile.write(f'event: beat\ndata: {{"at":{time.time()}}}\n\n'.encode())
                scene.ends.wait(0.5)
            if scene.ends.is_set():
                self.wfile.write(b'event: end\ndata: {"reason":"expired"}\n\n')
        except OSError:
            return  # The browser has left.


@contextmanager
def stage(scene: Scene) -> Iterator[Stage]:
    """A server that plays scenes, this one first."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    made = Stage(f"http://127.0.0.1:{server.server_port}", scene)
    handler.stage = made
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        made.scene = Scene({})
        server.shutdown()
        thread.join()
        server.server_close()
