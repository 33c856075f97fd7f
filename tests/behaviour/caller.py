"""Makes a row's calls and compares their outcomes with what the row expects."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from tests.behaviour.applications import CALL_ID, Tries
from tests.behaviour.secrets import Pki
from tests.behaviour.table import PORTS, Call

Outcome = dict[str, Any]
"""``status`` (HTTP; ``refused`` without an answer), ``code`` (gRPC) or ``closed`` (TCP); ``node``,
``port``, ``path``, ``method``, ``host`` and ``protocol`` as the application saw them; ``tries``:
how often the call reached an application; ``certificate``: the names in the server's.
"""

LIMIT_SECONDS = 20.0
"""A call without an answer fails the test after this time."""


class Caller:
    """``place`` returns addresses; ``lines`` are the bridge's ports for HTTP/2."""

    def __init__(
        self,
        place: Callable[[str], str],
        lines: Mapping[tuple[str, str], int],
        tries: Tries,
        pki: Pki,
    ) -> None:
        self._pki = pki
        self._place = place
        self._lines = lines
        self._tries = tries
        self._ids = itertools.count(1)

    def check(self, row: str, call: Call) -> None:
        """Make the call, and repeat it for ``until`` seconds if need be. Raises AssertionError."""
        deadline = time.monotonic() + call.until
        while True:
            outcomes = self._make(call)
            wrong = _difference(call, outcomes)
            if not wrong:
                return
            assert time.monotonic() < deadline, f"{row}: {call}: {wrong}"
            time.sleep(0.05)

    def _make(self, call: Call) -> list[Outcome]:
        if call.together > 1:
            with ThreadPoolExecutor(call.together) as pool:
                return list(pool.map(lambda _: self._one(call), range(call.together)))
        return [self._one(call) for _ in range(call.times)]

    def _one(self, call: Call) -> Outcome:
        name = f"call-{next(self._ids)}"
        send = {"grpc": self._grpc, "tcp": self._tcp}.get(call.protocol, self._http)
        outcome = send(call, name)
        outcome["tries"] = self._tries.of(name)
        return outcome

    def _target(self, call: Call) -> tuple[str, int]:
        if (call.via, call.protocol) in self._lines:
            return self._place("BRIDGE"), self._lines[call.via, call.protocol]
        if call.via == "egress":
            return self._place("WEB"), 15001
        where = "APP" if call.via == "node" else "EDGE"
        return self._place(where), call.port or PORTS[call.protocol]

    def _http(self, call: Call, name: str) -> Outcome:
        outcome: Outcome = {}
        connection = http.client.HTTPConnection(*self._target(call), timeout=LIMIT_SECONDS)
        if call.tls is not None:
            context = self._pki.context(call.tls["trust"], call.tls["own"])
            connection = http.client.HTTPSConnection(
                *self._target(call), timeout=LIMIT_SECONDS, context=context
            )
        try:
            headers = {"host": call.host, CALL_ID: name, **call.headers}
            connection.connect()
            if isinstance(connection.sock, ssl.SSLSocket):
                peer: Any = connection.sock.getpeercert() or {}
                outcome["certificate"] = tuple(name for _, name in peer["subjectAltName"])
            connection.request(call.method, call.path, headers=headers)
            response = connection.getresponse()
            body = response.read()
            outcome["status"] = response.status
        except (ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
            return {"status": "refused", "why": str(error)}
        finally:
            connection.close()
        with contextlib.suppress(ValueError):
            answer = json.loads(body)
            outcome |= answer if isinstance(answer, dict) else {}
        return outcome

    def _grpc(self, call: Call, name: str) -> Outcome:
        address, port = self._target(call)
        options = [
            ("grpc.default_authority", call.host),
            ("grpc.enable_http_proxy", 0),
            ("grpc.enable_retries", 0),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        metadata = ((CALL_ID, name), *call.headers.items())
        with grpc.insecure_channel(f"{address}:{port}", options) as channel:
            method = channel.unary_unary(call.path)
            try:
                answer = method(b"", timeout=LIMIT_SECONDS, metadata=metadata)
            except grpc.RpcError as error:
                return {"code": error.code().name, "details": error.details()}
        return {"code": "OK", **json.loads(answer)}

    def _tcp(self, call: Call, name: str) -> Outcome:
        """Two lines on one connection, ``x-delay`` apart; ``closed``: the second got no answer."""
        outcome: Outcome = {"closed": True}
        with (
            contextlib.suppress(ConnectionError),
            socket.create_connection(self._target(call), LIMIT_SECONDS) as connection,
        ):
            stream = connection.makefile("rwb")
            if call.via == "egress":
                port = call.port or PORTS["tcp"]
                stream.write(f"CONNECT {call.host}:{port} HTTP/1.1\r\n\r\n".encode())
                stream.flush()
                outcome["status"] = int(stream.readline().split()[1])
                while stream.readline().strip():
                    """The answer's headers."""
                if outcome["status"] != 200:
                    return outcome
            stream.write(f"{name}\n".encode())
            stream.flush()
            if not (line := stream.readline()):
                return outcome
            outcome |= json.loads(line)
            time.sleep(float(call.headers.get("x-delay", 0)))
            stream.write(f"{name}\n".encode())
            stream.flush()
            outcome["closed"] = not stream.readline()
        return outcome


def _difference(call: Call, outcomes: list[Outcome]) -> str:
    """How the outcomes differ from the expected ones; empty if they do not."""
    for outcome in outcomes:
        seen = {key: outcome.get(key) for key in call.expect}
        if seen != dict(call.expect):
            return f"saw {outcome}"
    if call.spread is not None and {one.get("node") for one in outcomes} != call.spread:
        return f"answered by {Counter(one.get('node') for one in outcomes)}"
    if call.counts is not None:
        key = "code" if call.protocol == "grpc" else "status"
        key = "closed" if call.protocol == "tcp" else key
        counts = Counter(one.get(key) for one in outcomes)
        if counts != Counter(call.counts):
            return f"saw {dict(counts)}"
    return ""
