"""The client of our own API: AWS JSON 1.1 over HTTP, as boto3 would speak it, but quick to import.

https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html. Who runs `teal` as the user of the
control plane needs no keys, since the kernel tells it so; where it does not, the request is signed
with the keys in the data directory, or with those of the environment.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from urllib.parse import urlsplit

from tealmesh.cli.signing import Keys, owner_keys, sign
from tealmesh.model.errors import AwsError, NoControlPlane, TealError

if TYPE_CHECKING:
    from http.client import HTTPConnection

DEFAULT_PORT = 4566
DEFAULT_ENDPOINT = f"http://127.0.0.1:{DEFAULT_PORT}"
_ANOTHER = "start it, or name another one with --endpoint or TEAL_ENDPOINT"
TARGET_PREFIX = "Tealmesh_20261101"
CONTENT_TYPE = "application/x-amz-json-1.1"
REQUEST_TIMEOUT_SECONDS = 30.0
"""For an operation that is not asked to wait; waiting comes on top."""
_WANTS_KEYS = ("MissingAuthenticationTokenException", "UnrecognizedClientException")
A = TypeVar("A")
"""The type of an answer: a structure of `model.wire`."""


@dataclass(frozen=True)
class Health:
    """The answer of ``GET /_teal/health``."""

    status: str
    pid: int
    """0 where the control plane is on another machine."""
    version: str
    revision: int
    data_dir: str = ""
    runtime: str = ""
    """How tasks run, in words."""
    engine: bool = False
    """Whether it runs tasks itself, on this machine."""
    server_id: str = ""
    """For whom proofs of AWS identities are made."""


class Transport:
    """Requests to the control plane at ``endpoint``. Each opens its own connection: they are rare.
    By https its certificate must be for the host, and of an authority of this machine or of the
    file that TEAL_CA_BUNDLE, or else AWS_CA_BUNDLE, names; all requests are signed then.

    Every method raises NoControlPlane if nothing answers, and AwsError for an error of the API.
    """

    def __init__(self, endpoint: str) -> None:
        """``endpoint``: a URL or an address; without a port, `DEFAULT_PORT`. Raises TealError
        if it is neither.
        """
        try:
            parts = urlsplit(endpoint if "//" in endpoint else f"http://{endpoint}")
            host, port = parts.hostname, DEFAULT_PORT if parts.port is None else parts.port
        except ValueError:  # A port that is no number, a bracket that is not closed.
            host, port = None, 0
        known = parts.scheme in ("http", "https") and parts.path in ("", "/")
        if not host or not port or not known:
            raise TealError(
                f"endpoint {endpoint!r}: must be an address such as {DEFAULT_ENDPOINT} "
                "(--endpoint or TEAL_ENDPOINT)"
            )
        self._host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.endpoint = f"{parts.scheme}://{self._host}"
        self._address = (host, port)
        self._secure = parts.scheme == "https"
        self.announces = False
        """Whether somebody is told what takes more than a second."""

    @classmethod
    def from_environment(cls, endpoint: str | None = None) -> Self:
        """A client of ``endpoint``, or else of TEAL_ENDPOINT, or else of the default address."""
        return cls(endpoint or os.environ.get("TEAL_ENDPOINT") or DEFAULT_ENDPOINT)

    def health(self, timeout: float = 5.0) -> Health:
        """The control plane's health. Raises NoControlPlane if nothing answers in time."""
        with self._waiting(""):
            _, _, answer = self._request("GET", "/_teal/health", None, {}, timeout)
        try:
            return Health(
                status=str(answer["status"]),
                pid=int(answer.get("pid", 0)),
                version=str(answer["version"]),
                revision=int(answer["revision"]),
                data_dir=str(answer.get("dataDir", "")),
                runtime=str(answer.get("runtime", "")),
                engine=bool(answer.get("engine", "pid" in answer)),
                server_id=str(answer.get("serverId", "")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._not_tealmesh() from error

    def readiness(self) -> tuple[Sequence[str], Sequence[str]]:
        """Why it may not be given calls and Envoys, none if it may; and what it warns of."""
        with self._waiting(""):
            _, _, answer = self._request("GET", "/_teal/ready", None, {}, 5.0)
        if not isinstance(answer, dict):
            raise self._not_tealmesh()
        return answer.get("reasons", ()), answer.get("warnings", ())

    def login(self, token: str) -> dict[str, str | int]:
        """Keys for a proof of an AWS identity, as credential_process prints them."""
        headers = {"content-type": "application/json"}
        body = json.dumps({"token": token})
        status, _, answer = self._request(
            "POST", "/_teal/login", body, headers, REQUEST_TIMEOUT_SECONDS
        )
        if not isinstance(answer, dict):
            raise self._not_tealmesh()
        if status != 200:
            raise _error(status, answer)
        return answer

    def _call(self, answer_type: type[A], wait_seconds: float = 0.0, /, **request: object) -> A:
        """Perform the operation that answers ``answer_type``, without members that are None.

        ``wait_seconds``: how long the operation may wait, beyond `REQUEST_TIMEOUT_SECONDS`.
        """
        operation = answer_type.__name__.removesuffix("Output")
        with self._waiting(operation):
            return self._perform(answer_type, operation, wait_seconds, request)

    def _waiting(self, operation: str) -> AbstractContextManager[object]:
        """Says meanwhile what is waited for, if somebody is to be told."""
        if not self.announces:
            return nullcontext()
        from tealmesh.cli.screens.waiting import answer_of, waiting

        return waiting(answer_of(operation))

    def _perform(
        self,
        answer_type: type[A],
        operation: str,
        wait_seconds: float,
        request: Mapping[str, object],
    ) -> A:
        """`_call`, without a word."""
        body = json.dumps({name: value for name, value in request.items() if value is not None})
        headers = {"content-type": CONTENT_TYPE, "x-amz-target": f"{TARGET_PREFIX}.{operation}"}
        timeout = REQUEST_TIMEOUT_SECONDS + wait_seconds
        unsigned = {**headers, "authorization": _unsigned()}
        keys = keys_of_environment() if self._secure else None
        first = sign(keys, self._host, headers, body) if keys else unsigned
        status, content_type, answer = self._request("POST", "/", body, first, timeout)
        refused = status != 200 and isinstance(answer, dict) and answer.get("__type") in _WANTS_KEYS
        if refused and not self._secure and (keys := self._keys()) is not None:
            signed = sign(keys, self._host, headers, body)
            status, content_type, answer = self._request("POST", "/", body, signed, timeout)
        if not isinstance(answer, dict):
            raise self._not_tealmesh()
        if status != 200 and "__type" in answer:
            raise _error(status, answer)
        if status != 200 or content_type != CONTENT_TYPE:
            # An application behind a gateway answers JSON too.
            raise self._not_tealmesh()
        return cast(A, answer)  # The control plane builds its answers by the model.

    def _keys(self) -> Keys | None:
        """The keys to sign with: the owner's, if we may read them, or else those of the
        environment, which may be of AWS itself.
        """
        directory = self.health().data_dir
        if directory and (found := owner_keys(Path(directory))):
            return found
        return keys_of_environment()

    def _request(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str], timeout: float
    ) -> tuple[int, str, Any]:
        """The status, content type and JSON body of the answer."""
        import http.client  # Importing it takes a third of the time of `teal --help`.

        connection = self._connection(timeout)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            text = response.read()
        except TimeoutError as error:
            raise NoControlPlane(
                f"the control plane at {self.endpoint} did not answer within {timeout:.0f} s"
            ) from error
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise self._no_answer(error) from error
        finally:
            connection.close()
        try:
            return response.status, response.getheader("content-type", ""), json.loads(text)
        except ValueError as error:
            raise self._not_tealmesh() from error

    def _connection(self, timeout: float) -> HTTPConnection:
        import http.client

        if not self._secure:
            return http.client.HTTPConnection(*self._address, timeout=timeout)
        import ssl

        bundle = os.environ.get("TEAL_CA_BUNDLE") or os.environ.get("AWS_CA_BUNDLE")
        try:
            context = ssl.create_default_context(cafile=bundle or None)
        except OSError as error:
            raise TealError(
                f"{bundle}: {error.strerror or error}: TEAL_CA_BUNDLE or AWS_CA_BUNDLE must name a "
                "PEM file"
            ) from error
        return http.client.HTTPSConnection(*self._address, timeout=timeout, context=context)

    def _no_answer(self, error: Exception) -> NoControlPlane:
        """Why nothing answered, and what to do about it."""
        import http.client

        host, _ = self._address
        if reason := getattr(error, "verify_message", ""):
            return NoControlPlane(
                f"the certificate of {self.endpoint} is not good: {reason}: name the file of its "
                "authority by TEAL_CA_BUNDLE"
            )
        # UnicodeError: a host name with an empty label, or one that is too long.
        if isinstance(error, socket.gaierror | UnicodeError):
            return NoControlPlane(
                f"the name {host!r} does not resolve: check --endpoint or TEAL_ENDPOINT"
            )
        if isinstance(error, ConnectionRefusedError) and _is_here(host):
            # Elsewhere it may be a `teal serve`, of which there may be others.
            usual = self.endpoint == DEFAULT_ENDPOINT
            remedy = "start one with `teal up`" if usual else _ANOTHER
            return NoControlPlane(f"no control plane answers at {self.endpoint}: {remedy}")
        if isinstance(error, http.client.HTTPException | ConnectionError) and not isinstance(
            error, ConnectionRefusedError
        ):
            return NoControlPlane(
                f"no control plane answers at {self.endpoint}: the connection was closed; try "
                "again, or choose another address with --endpoint or TEAL_ENDPOINT"
            )
        reason = getattr(error, "strerror", None) or error
        return NoControlPlane(
            f"no control plane answers at {self.endpoint} ({reason}): check --endpoint or "
            "TEAL_ENDPOINT"
        )

    def _not_tealmesh(self) -> NoControlPlane:
        return NoControlPlane(
            f"the server at {self.endpoint} is not a Tealmesh control plane: "
            "choose another address with --endpoint or TEAL_ENDPOINT"
        )


def keys_of_environment() -> Keys | None:
    """The keys in AWS's variables; None if there are none."""
    key_id, secret = (
        os.environ.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    )
    token = os.environ.get("AWS_SESSION_TOKEN", "")
    return Keys(key_id, secret, token) if key_id and secret else None


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _unsigned() -> str:
    """For a user whom the kernel names: the service, and whom we take ourselves for."""
    scope = f"{_user()}/0/us-east-1/tealmesh/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"


def _user() -> str:
    """The login name, reduced to the characters that a credential scope allows."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # A user id without a name, as in some containers.
        name = f"uid-{os.getuid()}"
    return re.sub(r"[^A-Za-z0-9._-]", "_", name) or "teal"


def _error(status: int, answer: Mapping[str, object]) -> AwsError:
    """The error in an answer; ``__type`` may have a namespace before ``#``."""
    code = str(answer.get("__type") or answer.get("code") or "UnknownError").rpartition("#")[2]
    message = answer.get("message") or answer.get("Message") or f"{code} (status {status})"
    return AwsError(code, str(message), status=status)
