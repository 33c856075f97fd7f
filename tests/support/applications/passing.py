"""An application that passes headers on: ``python passing.py VERSION [NEXT]``.

It answers with its version as JSON, and with that of NEXT behind a comma: a URL that it calls with
the headers ``x-teal-preview`` and ``baggage`` of the request, through the proxy of its environment.
The version ``bad`` answers with status 500.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION, NEXT = sys.argv[1], next(iter(sys.argv[2:]), "")
PASSED = ("x-teal-preview", "baggage")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        answer = VERSION
        if NEXT and self.path != "/health":
            headers = {name: self.headers[name] for name in PASSED if name in self.headers}
            with urllib.request.urlopen(urllib.request.Request(NEXT, headers=headers)) as behind:
                answer += f",{json.load(behind)['version']}"
        body = json.dumps({"version": answer}).encode()
        self.send_response(500 if VERSION == "bad" and self.path != "/health" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128


Server((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
