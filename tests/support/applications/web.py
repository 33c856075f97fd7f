"""A small web application for tests of the engine: ``python web.py [MODE]...`` on HOST:PORT.

Modes: ``silent`` never listens; ``crash`` ends with code 3 at once; ``crash-after=S``;
``stubborn`` ignores SIGTERM; ``version=V``. GET /pid answers the pid, /env the environment,
/slow waits a second, /crash ends the process; any other path answers the version.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODES = dict(word.partition("=")[::2] for word in sys.argv[1:])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/crash":
            os._exit(7)
        if path == "/slow":
            print("slow: begun", flush=True)
            time.sleep(1)
        text = {
            "/pid": str(os.getpid()),
            "/env": json.dumps(dict(os.environ)),
        }.get(path, MODES.get("version", "1"))
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        print("request", format % args, flush=True)


def main() -> None:
    print("starting", sys.argv[1:], flush=True)
    if "crash" in MODES:
        print("this application cannot work: no database", flush=True)
        sys.exit(3)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in MODES else lambda *_: os._exit(0))
    if "crash-after" in MODES:
        threading.Timer(float(MODES["crash-after"]), lambda: os._exit(3)).start()
    if "silent" in MODES:
        while True:
            print("still loading the database", flush=True)
            time.sleep(0.2)
    address = (os.environ["HOST"], int(os.environ["PORT"]))
    ThreadingHTTPServer(address, Handler).serve_forever()


main()
