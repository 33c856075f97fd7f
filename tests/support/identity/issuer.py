"""An issuer of identities, and an Application Load Balancer that signs them, with their keys."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.programs.server import in_thread

ISSUER = "https://login.example.com"
CLIENT = "teal-client"
BALANCER = (
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/teal/50dc6c495c0c9188"
)
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def claims(**changed: Any) -> dict[str, Any]:
    """What a good token says; a member that is None is left out."""
    given = {
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": "4711",
        "email": "ann@example.com",
        "exp": time.time() + 300,
        **changed,
    }
    return {name: value for name, value in given.items() if value is not None}


@dataclass
class Issuer:
    """Its keys, and how it misbehaves."""

    port: int = 0
    keys: dict[str, Private] = field(default_factory=dict)
    """By their ids."""
    asked: list[str] = field(default_factory=list)
    """The paths of all requests."""
    instead: bytes | int | None = None
    """A body or a status that is answered in place of keys."""
    location: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def elliptic(self, kid: str) -> str:
        """Another key of P-256."""
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())
        return kid

    def token(self, kid: str, given: Mapping[str, Any], /, **header: Any) -> str:
        """A token that the key of an id signs, or of the header's ``kid``."""
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(dict(given), key, algorithm, {"kid": kid, **header})

    def of_balancer(self, kid: str, given: Mapping[str, Any], /, **header: Any) -> str:
        """What a load balancer's header has."""
        said = {"signer": BALANCER, "client": CLIENT, "iss": ISSUER, "exp": given["exp"]}
        return self.token(kid, {k: v for k, v in given.items() if k != "aud"}, **said, **header)

    def answer(self, path: str) -> tuple[int, bytes]:
        if isinstance(self.instead, int):
            return self.instead, b""
        if self.instead is not None:
            return 200, self.instead
        if path == "/jwks":
            return 200, json.dumps({"keys": [_jwk(*one) for one in self.keys.items()]}).encode()
        key = self.keys.get(path.removeprefix("/pem/"))
        if key is None:
            return 403, b"<Error><Code>AccessDenied</Code></Error>"
        form = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        return 200, key.public_key().public_bytes(*form)


def _jwk(kid: str, key: Private) -> dict[str, Any]:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return {**RSAAlgorithm.to_jwk(public, as_dict=True), "kid": kid, "alg": "RS256"}
    return {**ECAlgorithm.to_jwk(public, as_dict=True), "kid": kid, "use": "sig"}


@contextlib.contextmanager
def issuer() -> Iterator[Issuer]:
    """Run one until the end of the block."""
    double = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            double.asked.append(self.path)
            status, body = double.answer(self.path)
            self.send_response(status)
            if double.location:
                self.send_header("location", double.location)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever has read enough hangs up
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with in_thread(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as double.port:
        yield double
