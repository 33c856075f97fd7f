"""A double of STS for tests: HTTPS with an authority of its own, signatures verified for real."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs

from botocore.credentials import Credentials

from tealmesh.aws.callers import signatures
from tealmesh.aws.callers.signatures import Key
from tealmesh.aws.wire.codec import Request
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.presigning import presigned_token
from tests.support.certificates import Authority
from tests.support.programs.server import https_server, in_thread

ACCOUNT = "123456789012"
REGION = "eu-central-1"


@dataclass(frozen=True)
class Session:
    """Credentials of a role that somebody assumed."""

    role: str
    session: str
    unique_id: str
    key_id: str
    secret: str

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.key_id, self.secret, "its-session-token")


@dataclass
class Sts:
    """What it knows, and how it misbehaves."""

    authority: Authority
    port: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)
    """By key id."""
    asked: list[str] = field(default_factory=list)
    """The paths of all requests."""
    instead: Callable[[BaseHTTPRequestHandler], None] | None = None
    """Answers in its place."""

    @property
    def endpoint(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def context(self) -> ssl.SSLContext:
        """Trusts its authority alone."""
        return ssl.create_default_context(cafile=str(self.authority.file))

    def assume(self, role: str, session: str, made: int = 1) -> Session:
        """New credentials; ``made`` counts how often the role was made anew."""
        number = len(self.sessions)
        one = Session(role, session, f"AROAEXAMPLEEXAMPLE{made}", f"ASIA{number:016}", "s" * 40)
        self.sessions[one.key_id] = one
        return one

    def token(self, session: Session, server_id: str, *, seconds: int = 900) -> str:
        return presigned_token(
            session.credentials, REGION, server_id, self.endpoint, seconds=seconds
        )

    def answer(self, request: Request) -> tuple[int, str]:
        """Status and body."""
        action = parse_qs(request.query).get("Action")
        signed = signatures.read(request)
        session = self.sessions.get(signed.key_id) if signed else None
        if signed is None or session is None or action != ["GetCallerIdentity"]:
            return (
                403,
                "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>",
            )
        try:
            key = Key(session.key_id, session.secret)
            signatures.verify(request, signed, key, time.time(), b"")
        except AwsError as error:
            return 403, f"<ErrorResponse><Error><Code>{error.code}</Code></Error></ErrorResponse>"
        return 200, identity(session.role, session.session, session.unique_id)


def identity(role: str, session: str, unique_id: str) -> str:
    """GetCallerIdentity's answer."""
    return (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<GetCallerIdentityResult><Arn>arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}</Arn>"
        f"<UserId>{unique_id}:{session}</UserId><Account>{ACCOUNT}</Account>"
        "</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    )


@contextlib.contextmanager
def sts(directory: Path) -> Iterator[Sts]:
    """Run it until the end of the block."""
    authority = Authority.make(directory, "sts")
    leaf = authority.issue("localhost", "localhost")
    double = Sts(authority)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            double.asked.append(self.path)
            if double.instead is not None:
                double.instead(self)
                return
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply(self, *double.answer(Request("GET", path, query, headers, b"")))

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with in_thread(https_server(Handler, leaf)) as double.port:
        yield double


def reply(handler: BaseHTTPRequestHandler, status: int, body: str, **headers: str) -> None:
    """Answer."""
    with contextlib.suppress(OSError):  # whoever has read enough hangs up
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        data = body.encode()
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)
