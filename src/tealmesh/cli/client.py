"""Talking to a control plane: AWS JSON 1.1 over HTTP, as boto3 would, without its import time.

https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html. A control plane on loopback takes
anybody's word and `teal` holds no credentials: requests say who asks, for the audit and the
journal, and carry no signature.
"""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tealmesh.model.errors import AwsError, NoControlPlane, TealError

DEFAULT_ENDPOINT = "http://127.0.0.1:4566"
TARGET = "Tealmesh_20261101"
CONTENT_TYPE = "application/x-amz-json-1.1"
TIMEOUT = 30.0
"""Seconds that an operation may take, beyond what it is asked to wait."""


@dataclass(frozen=True)
class Health:
    """What ``GET /_teal/health`` says."""

    status: str
    pid: int
    version: str
    revision: int
    data_dir: str = ""
    runtime: str = ""


class Client:
    """A control plane at ``endpoint``. One connection per call: calls are few and far between.

    Raises TealError for an endpoint that is not an http URL.
    """

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint if "//" in endpoint else f"http://{endpoint}")
        try:
            port = parts.port or 80
        except ValueError:
            port = 0
        if parts.scheme != "http" or not parts.hostname or not port:
            raise TealError(
                f"endpoint {endpoint!r}: must be an address such as {DEFAULT_ENDPOINT} "
                "(--endpoint or TEAL_ENDPOINT)"
            )
        self.endpoint = f"http://{parts.hostname}:{port}"
        self._address = (parts.hostname, port)

    @classmethod
    def from_environment(cls, endpoint: str | None = None) -> Client:
        """At ``endpoint``, else at TEAL_ENDPOINT, else at the default address."""
        return cls(endpoint or os.environ.get("TEAL_ENDPOINT") or DEFAULT_ENDPOINT)

    def call(self, operation: str, wait: float = 0.0, **request: Any) -> dict[str, Any]:
        """Perform an operation of our own API; members that are None are left out.

        ``wait``: seconds that the operation is asked to wait. Raises NoControlPlane when nothing
        answers, AwsError for an error that the API answers.
        """
        body = json.dumps({name: value for name, value in request.items() if value is not None})
        headers = {
            "content-type": CONTENT_TYPE,
            "x-amz-target": f"{TARGET}.{operation}",
            "authorization": f"AWS4-HMAC-SHA256 Credential={_user()}/0/us-east-1/tealmesh"
            "/aws4_request, SignedHeaders=host, Signature=none",
        }
        status, kind, answer = self._request("POST", "/", body, headers, TIMEOUT + wait)
        if not isinstance(answer, dict):
            raise self._stranger()
        if status != 200 and "__type" in answer:
            raise _error(status, answer)
        if status != 200 or kind != CONTENT_TYPE:
            # An application behind a gateway answers JSON too.
            raise self._stranger()
        return answer

    def health(self, timeout: float = 5.0) -> Health:
        """Raises NoControlPlane when nothing answers."""
        _, _, answer = self._request("GET", "/_teal/health", None, {}, timeout)
        try:
            return Health(
                status=str(answer["status"]),
                pid=int(answer["pid"]),
                version=str(answer["version"]),
                revision=int(answer["revision"]),
                data_dir=str(answer.get("dataDir", "")),
                runtime=str(answer.get("runtime", "")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._stranger() from error

    def _request(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str], timeout: float
    ) -> tuple[int, str, Any]:
        """Status, content type and JSON body of the answer."""
        import http.client  # a third of the time that `teal --help` would take

        connection = http.client.HTTPConnection(*self._address, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            text = response.read()
        except TimeoutError as error:
            raise NoControlPlane(
                f"the control plane at {self.endpoint} did not answer within {timeout:.0f} s"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise NoControlPlane(
                f"no control plane answers at {self.endpoint}: start one with `teal up`"
            ) from error
        finally:
            connection.close()
        try:
            return response.status, response.getheader("content-type", ""), json.loads(text)
        except ValueError as error:
            raise self._stranger() from error

    def _stranger(self) -> NoControlPlane:
        return NoControlPlane(
            f"what answers at {self.endpoint} is not a Tealmesh control plane: "
            "choose another address with --endpoint or TEAL_ENDPOINT"
        )


def _user() -> str:
    """The login name, in letters that a credential scope may have."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # an id without a name, in a container say
        name = f"uid-{os.getuid()}"
    return re.sub(r"[^A-Za-z0-9._-]", "_", name) or "teal"


def _error(status: int, answer: Mapping[str, Any]) -> AwsError:
    """The error of an answer; ``__type`` may carry a namespace before ``#``."""
    code = str(answer.get("__type") or answer.get("code") or "UnknownError").rpartition("#")[2]
    message = answer.get("message") or answer.get("Message") or f"{code} (status {status})"
    return AwsError(code, str(message), status=status)
