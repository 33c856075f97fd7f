"""Makes a row's calls and compares their outcomes with what the row expects."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import ssl
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from http.cookies import SimpleCookie
from typing import Any

import grpc

from tests.behaviour.load_balancers.table import Call, Tls
from tests.support.certificates import Authority, client_context

Outcome = dict[str, Any]
"""``status`` (``refused`` without an answer), ``code`` (gRPC) or ``closed`` (TCP); what the target
told (``node``, ``port``, ``path``, ``method``, ``headers``); ``answer``: the answer's headers;
``body``; ``certificate``: the names in the server's; ``alpn``.
"""

LIMIT_SECONDS = 20.0
"""A call without an answer fails the test after this time."""


class Caller:
    """``place`` returns addresses; ``ports`` are the load balancer's mapped ports."""

    def __init__(
        self, place: Callable[[str], str], ports: Mapping[str, int], authority: Authority
    ) -> None:
        self._place = place
        self._ports = ports
        self._authority = authority
        self._cookies: dict[str, str] = {}

    def forget_cookies(self) -> None:
        """Send none of the cookies that came until now."""
        self._cookies.clear()

    def check(self, row: str, call: Call) -> None:
        """Make the call, and repeat it for ``until`` seconds if need be. Raises AssertionError."""
        deadline = time.monotonic() + call.until
        while True:
            outcomes = [self.make(call) for _ in range(call.times)]
            wrong = _difference(call, outcomes)
            if not wrong:
                return
            assert time.monotonic() < deadline, f"{row}: {call}: {wrong}"
            time.sleep(0.05)

    def make(self, call: Call) -> Outcome:
        """One call's outcome."""
        send = {"grpc": self._grpc, "tcp": self._tcp}.get(call.protocol, self._http)
        return send(call)

    def _target(self, call: Call) -> tuple[str, int]:
        return self._place("lb"), self._ports.get(str(call.port), call.port)

    def _context(self, tls: Tls) -> ssl.SSLContext:
        context = client_context(self._authority, alpn=tls.alpn)
        if tls.highest:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion[tls.highest]
        return context

    def _connect(self, call: Call, outcome: Outcome) -> socket.socket:
        source = (self._place(call.source), 0) if call.source else None
        plain = socket.create_connection(self._target(call), LIMIT_SECONDS, source)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if call.tls is None:
            return plain
        tls = Tls(**call.tls)
        secured = self._context(tls).wrap_socket(plain, server_hostname=tls.name)
        peer: Any = secured.getpeercert() or {}
        outcome["certificate"] = peer["subjectAltName"][0][1]
        outcome["alpn"] = secured.selected_alpn_protocol()
        outcome["version"] = secured.version()
        return secured

    def _http(self, call: Call) -> Outcome:
        outcome: Outcome = {}
        connection = http.client.HTTPConnection(*self._target(call), timeout=LIMIT_SECONDS)
        headers = {"host": call.host, **call.headers}
        if call.cookies and self._cookies:
            headers["cookie"] = "; ".join(f"{k}={v}" for k, v in self._cookies.items())
        try:
            connection.sock = self._connect(call, outcome)
            connection.request(call.method, call.path, headers=headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            return {"status": "refused", "why": str(error)}
        finally:
            connection.close()
        outcome["status"] = response.status
        outcome["body"] = body.decode()
        outcome["answer"] = {}
        for name, value in response.getheaders():
            known = outcome["answer"].get(name.lower())
            outcome["answer"][name.lower()] = f"{known}, {value}" if known else value
            if name.lower() == "set-cookie":
                self._cookies |= {k: one.value for k, one in SimpleCookie(value).items()}
        with contextlib.suppress(ValueError):
            told = json.loads(body)
            outcome |= told if isinstance(told, dict) else {}
        return outcome

    def _grpc(self, call: Call) -> Outcome:
        address, port = self._target(call)
        options = [
            ("grpc.ssl_target_name_override", "a.test"),
            ("grpc.enable_http_proxy", 0),
            ("grpc.enable_retries", 0),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        trusted = grpc.ssl_channel_credentials(self._authority.pem.encode())
        with grpc.secure_channel(f"{address}:{port}", trusted, options) as channel:
            try:
                answer = channel.unary_unary(call.path)(b"", timeout=LIMIT_SECONDS)
            except grpc.RpcError as error:
                return {"code": error.code().name, "details": error.details()}
        return {"code": "OK", **json.loads(answer)}

    def _tcp(self, call: Call) -> Outcome:
        """One line; the connection then stays open for ``x-delay`` seconds before a second one:
        ``closed`` if that got no answer.
        """
        outcome: Outcome = {"closed": True}
        try:
            with contextlib.closing(self._connect(call, outcome)) as connection:
                stream = connection.makefile("rwb")
                stream.write(b"hello\n")
                stream.flush()
                line = stream.readline()
                outcome |= json.loads(line) if line else {}
                time.sleep(float(call.headers.get("x-delay", 0)))
                stream.write(b"again\n")
                stream.flush()
                outcome["closed"] = not stream.readline()
        except OSError as error:
            outcome["why"] = str(error)
        return outcome


def _difference(call: Call, outcomes: list[Outcome]) -> str:
    """How the outcomes differ from the expected ones; empty if they do not."""
    for outcome in outcomes:
        seen = {key: outcome.get(key) for key in call.expect}
        wrong = seen != dict(call.expect)
        wrong |= not _headers(call.seen, outcome.get("headers", {}))
        wrong |= not _headers(call.answer, outcome.get("answer", {}))
        wrong |= bool(call.body) and not re.search(call.body, outcome.get("body", ""))
        if wrong:
            return f"saw {outcome}"
    if call.spread is not None and {one.get("node") for one in outcomes} != call.spread:
        return f"answered by {Counter(one.get('node') for one in outcomes)}"
    return ""


def _headers(expected: Mapping[str, str | None], headers: Mapping[str, str]) -> bool:
    for name, pattern in expected.items():
        value = headers.get(name)
        if pattern is None and value is not None:
            return False
        if pattern is not None and (value is None or not re.fullmatch(pattern, value)):
            return False
    return True
