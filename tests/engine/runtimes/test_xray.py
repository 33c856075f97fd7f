"""The built-in X-Ray daemon, as the process that tasks run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tealmesh.engine.runtimes.xray import document

SEGMENT = {
    "name": "web",
    "id": "70de5b6f19ff9a0a",
    "trace_id": "1-581cf771-a006649127e371903a2de979",
}


def test_segments_reach_the_api() -> None:
    got: list[dict[str, object]] = []
    arrived = threading.Event()

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append({"path": self.path, **json.loads(body)})
            answer = b'{"UnprocessedTraceSegments": []}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            arrived.set()

        def log_message(self, format: str, *args: object) -> None:
            pass

    api = HTTPServer(("127.0.0.1", 0), Api)
    serving = threading.Thread(target=api.serve_forever)
    serving.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{api.server_port}",
    }
    daemon = subprocess.Popen(
        [sys.executable, "-m", "tealmesh.engine.runtimes.xray"],
        env=environment,
        stderr=subprocess.PIPE,
    )
    try:
        assert daemon.stderr is not None
        assert b"listening" in daemon.stderr.readline()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as application:
            header = b'{"format": "json", "version": 1}\n'
            application.sendto(b"nonsense", ("127.0.0.1", port))
            application.sendto(header + json.dumps(SEGMENT).encode(), ("127.0.0.1", port))
        assert b"segment refused" in daemon.stderr.readline()
        assert arrived.wait(20)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.communicate(timeout=20)
        api.shutdown()
        api.server_close()
        serving.join()
    assert daemon.returncode == 0
    (request,) = got
    assert request["path"] == "/TraceSegments"
    assert [json.loads(text) for text in request["TraceSegmentDocuments"]] == [SEGMENT]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "datagram", [b"", b"{}\n{}", b'{"format": "json", "version": 1}\nnot json']
)
def test_what_is_no_segment_is_refused(datagram: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        document(datagram)
