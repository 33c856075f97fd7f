"""Every AWS API that is not ours, answered by moto in this process, which is one of its own
(`apart`).

moto's state is in memory. With a journal (`journal`) every call that changes it is on disk before
it is answered, and the first request after a restart repeats those calls.

Parts of Tealmesh that use such an API (the engine: CloudWatch Logs) call our own port over HTTP
with `aws.clients.client`, just as users do.

moto, WSGI's environ and its applications have no types: hence Any.

https://docs.getmoto.org/en/latest/docs/server_mode.html
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
import time
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from tealmesh.aws.moto import faults, keys, telemetry, topics
from tealmesh.aws.moto.certificates import Issued, issued
from tealmesh.aws.moto.corrections import correct_new_modules
from tealmesh.aws.moto.journal import Entry, kept, made_by, operation, to_keep
from tealmesh.aws.moto.journal_file import Journal, sealed_with
from tealmesh.aws.moto.moments import moment, steer, steer_new_modules
from tealmesh.aws.moto.sealing import Sealing
from tealmesh.aws.signing import identify
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.arn import DEFAULT_ACCOUNT
from tealmesh.model.clock import Clock, NewId, random_id, system_clock
from tealmesh.model.errors import AwsError, TealError
from tealmesh.model.identity import rings
from tealmesh.model.identity.iam_keys import IamKey

log = logging.getLogger(__name__)

OURS = frozenset({"appmesh", "ecs", "servicediscovery", "tealmesh", "xray"})
"""The services that moto must never answer for."""

_TIDY_SECONDS = 600.0
"""How often old metrics are forgotten, at most."""


class Moto:
    """Answers HTTP requests with moto, which the first request imports. Thread-safe.

    ``journal`` is the file that keeps its state, sealed with the master key beside it; with None,
    nothing outlives the process.
    """

    def __init__(
        self, journal: Path | None = None, clock: Clock = system_clock, new_id: NewId = random_id
    ) -> None:
        self._path = journal
        self._journal: Journal | None = None
        self._clock = clock
        self._new_id = new_id
        self._changing = threading.Lock()
        self._lock = threading.Lock()
        self._dispatcher: Any = None
        self._tidied = 0.0

    def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        """Answer ``request`` for ``service`` (None if the request does not tell). Blocking.

        Whatever moto cannot do is answered with an error in the service's format, never in HTML.
        """
        try:
            if service is None and not _names_its_service(request):
                raise AwsError(
                    "UnknownOperationException",
                    f"{request.method} {request.path[:200]} is not signed and names no service",
                    status=404,
                )
            response = self._call(request, service)
        except AwsError as error:
            return faults.shaped(service, request, error, request_id)
        kind = response.headers.get("content-type", "")
        if response.status < 400 or not kind.startswith("text/html"):
            return faults.named(request, response)
        status = response.status if response.status < 500 else 400
        text = f"moto has no {request.method} {request.path[:200]} in {service}"
        unknown = AwsError("UnknownOperationException", text, status=status)
        return faults.shaped(service, request, unknown, request_id)

    def certificate(self, arn: str) -> Issued:
        """A certificate with its private key; see `certificates`. Raises CertificateError if there
        is none.
        """
        self.load()
        return issued(arn)

    def key(self, key_id: str) -> IamKey | None:
        """An access key with its secret; see `keys`. Raises AwsError for an unreadable journal."""
        self.load()
        # A backend is made when it is first used, with ids that must be the same each time.
        for service in ("iam", "sts"):
            importlib.import_module(f"moto.{service}.responses")
        steer_new_modules()
        correct_new_modules()
        return keys.find(key_id)

    def renew(self) -> None:
        """Seal the journal with the master key of the moment, if that is another. Raises OSError
        or TealError if that fails, after which it is as before.
        """
        with self._lock:
            if self._journal is None:
                self._renew_closed()
                return
        with self._changing:
            self._journal.renew()

    def close(self) -> None:
        """Accept no more changes."""
        with self._changing:
            if self._journal is not None:
                self._journal.close()

    def _call(self, request: Request, service: str | None) -> Response:
        faults.check_body(request, service)
        dispatcher = self.load()
        if operation(request) == "PutMetricData" and self._clock() > self._tidied + _TIDY_SECONDS:
            self._tidied = self._clock()
            telemetry.forget_old(self._clock())
        journal = self._journal
        if journal is None or not to_keep(service, request, identify(request, (), "").access_key):
            return self._answered(dispatcher, request, service)
        # One change at a time, so that the journal has them in the order in which they took effect.
        with self._changing:
            entry = Entry(service, kept(request), self._new_id(), self._clock())
            response = self._answered(dispatcher, request, service, entry)
            if response.status < 400:
                made = made_by(entry.request, response.body)
                try:
                    journal.append(Entry(entry.service, entry.request, entry.seed, entry.at, made))
                except OSError as error:
                    log.error("the journal %s cannot be written: %s", self._path, error)
                    text = "done, but it will be lost when the control plane stops; see the log"
                    raise AwsError("InternalFailure", text, status=500) from error
            return response

    def _replay(self, dispatcher: Any, journal: Journal) -> None:
        """Repeat the journal's calls."""
        started, failed = time.perf_counter(), 0
        with topics.repeating():
            for entry in journal.entries:
                try:
                    status = self._answered(dispatcher, entry.request, entry.service, entry).status
                except AwsError as error:
                    log.debug("repeated in vain: %s", error)
                    status = error.status
                failed += status >= 400
        took, total = time.perf_counter() - started, len(journal.entries)
        if total:
            # A call on something that a dropped call created fails harmlessly; many such calls
            # would be a reason to look.
            log.info("moto: repeated %d calls in %.1f s, %d of them in vain", total, took, failed)
        journal.entries = []

    def _answered(
        self, dispatcher: Any, request: Request, service: str | None, change: Entry | None = None
    ) -> Response:
        """The answer, for a ``change`` within its moment. Importing the service is not part of the
        moment, since any call may be the first to need it.
        """
        environ = _environ(request, service)
        name = service or "this request"
        try:
            app = dispatcher.get_application(environ)
            steer_new_modules()
            correct_new_modules()
        except ModuleNotFoundError as error:
            text = (
                f"moto needs the Python package {error.name} for {name}: install it, or all that"
                " moto can use with pip install 'tealmesh[moto]'"
            )
            raise AwsError("UnknownOperationException", text) from error
        except Exception as error:
            log.info("moto does not know %s: %r", name, error)
            raise AwsError(
                "UnknownOperationException", f"neither Tealmesh nor moto implements {name}"
            ) from error
        if app.service in OURS or app.service == "moto_api":
            raise AwsError("UnknownOperationException", f"moto does not answer for {app.service}")
        try:
            with moment(change.seed, change.at) if change else nullcontext():
                return _run(app, environ)
        except NotImplementedError as error:
            text = str(error) or f"{name} {request.method} {request.path[:200]}"
            raise AwsError(
                "UnknownOperationException", f"moto does not implement it: {text}"
            ) from error
        except MemoryError:
            raise
        except Exception as error:
            told = faults.fault(service, request, error)
            if told.status < 500:
                log.info("moto cannot answer %s %s: %s", name, request.path[:200], told.message)
            else:
                log.exception("moto failed on %s %s", name, request.path[:200])
            raise told from error

    def load(self) -> Any:
        """moto's application, in the state of the journal. Raises AwsError if it is unreadable."""
        with self._lock:
            if self._dispatcher is None:
                # Users refer to AWS-managed policies (AmazonECSTaskExecutionRolePolicy, …) by ARN.
                os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
                from moto.moto_server.werkzeug_app import (
                    DomainDispatcherApplication,
                    create_backend_app,
                )

                self._dispatcher = self._restored(DomainDispatcherApplication(create_backend_app))
            return self._dispatcher

    def _opened(self, path: Path) -> Journal:
        sealing = Sealing(rings.watched(path.with_name(rings.MASTER_KEY)))
        return Journal(path, sealing, self._new_id(), self._clock())

    def _renew_closed(self) -> None:
        """While no request has needed moto yet: to repeat the journal would be much."""
        path = self._path
        if path is not None and path.exists():
            try:
                key = sealed_with(path)
            except ValueError as error:
                raise TealError(f"the journal {path} cannot be read: {error}") from error
            if key and key != rings.load(path.with_name(rings.MASTER_KEY)).ids[0]:
                self._opened(path).close()

    def _restored(self, dispatcher: Any) -> Any:
        """moto in the state of the journal. Raises AwsError if the journal cannot be read."""
        if self._path is not None and self._journal is None:
            try:
                journal = self._opened(self._path)
            except TealError as error:
                # If we answered from an empty state, Terraform would create everything again.
                log.error("%s", error)
                raise AwsError("InternalFailure", str(error), status=500) from error
            steer(lambda: (journal.seed, journal.at))
            self._replay(dispatcher, journal)
            self._journal = journal
        return dispatcher


def _names_its_service(request: Request) -> bool:
    """Whether moto can assign an unsigned request: Cognito's has a target, STS's federation an
    Action.
    """
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "x-amz-target" in request.headers or (form and b"Action=" in request.body)


def _environ(request: Request, service: str | None) -> dict[str, Any]:
    """The request in WSGI's form: https://peps.python.org/pep-3333/#environ-variables"""
    host = request.headers.get("host", "localhost")
    target = request.path + (f"?{request.query}" if request.query else "")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "RAW_URI": target,
        "REQUEST_URI": target,
        "SERVER_NAME": host.partition(":")[0],
        "SERVER_PORT": host.rpartition(":")[2] if ":" in host else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name not in ("content-length", "transfer-encoding"):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    # Otherwise moto looks the access key up in the IAM of every partition and creates each of these
    # first, with all its managed policies: half a second of one core.
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = DEFAULT_ACCOUNT
    if service not in (None, "s3") and "HTTP_AUTHORIZATION" not in environ:
        # A presigned URL: moto reads the scope from the header only, and would assume S3.
        scope = f"Credential=presigned/00000000/us-east-1/{service}/aws4_request"
        environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"
    return environ


def _run(app: Any, environ: dict[str, Any]) -> Response:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        started.append((status, headers))
        return None

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, headers = started[-1]
    return Response(int(status.split()[0]), {k.lower(): v for k, v in headers}, body)
