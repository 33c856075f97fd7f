"""What Cloud Map's errors mean."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tealmesh.discovery.cloud_map import CloudMapClient
from tealmesh.discovery.schedule import Place
from tealmesh.model.errors import (
    DiscoveryError,
    DiscoveryRefused,
    DiscoveryThrottled,
    NoSuchService,
)
from tests.support import sdk
from tests.support.programs.server import in_thread

PLACE = Place("apps.local", "web")


def _answering(code: str, status: int) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps({"__type": code, "message": "so it is"}).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Answering


@pytest.mark.parametrize(
    ("code", "status", "kind", "said"),
    [
        (
            "AccessDeniedException",
            400,
            DiscoveryRefused,
            "servicediscovery:DiscoverInstances of web.apps.local is refused",
        ),
        ("RequestLimitExceeded", 400, DiscoveryThrottled, "Cloud Map throttles this account"),
        ("ServiceNotFound", 400, NoSuchService, "Cloud Map knows no service web.apps.local"),
        ("NamespaceNotFound", 400, NoSuchService, "Cloud Map knows no service web.apps.local"),
        ("InternalFailure", 500, DiscoveryError, "Cloud Map answers InternalFailure: so it is"),
    ],
)
def test_errors(code: str, status: int, kind: type[DiscoveryError], said: str) -> None:
    with in_thread(HTTPServer(("127.0.0.1", 0), _answering(code, status)), 0.05) as port:
        asking = CloudMapClient(sdk.client(f"http://127.0.0.1:{port}", "servicediscovery"))
        with pytest.raises(DiscoveryError, match=said) as raised:
            asking.instances(PLACE)
        assert type(raised.value) is kind
        with pytest.raises(kind):
            asking.revision(PLACE)


def test_nobody_there() -> None:
    asking = CloudMapClient(sdk.client("http://127.0.0.1:9", "servicediscovery"))
    with pytest.raises(DiscoveryError, match="Cloud Map cannot be asked"):
        asking.revision(PLACE)
