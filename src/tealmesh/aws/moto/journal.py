"""The calls that changed moto's state, so that they can be repeated, and which of them are kept.

moto keeps everything in memory. A call that changed something is written to a file (`journal_file`)
with the seed of its ids and its time (`moments`), and is on disk before its caller gets the answer.
Repeating the calls in order after a restart gives the same state with the same ids.

Of a signature only the credential scope is kept. Calls that only read, telemetry (log events,
metrics, traces) and credentials that have ended are not kept.

`compacted` drops calls about things that have been deleted since, so the file grows with the
current state and not with how often things are created and deleted.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from tealmesh.aws.wire.codec import Request

_READS = re.compile(
    r"(BatchGet|Check|Decode|Decrypt|Describe|Download|Encrypt|Estimate|Filter|GenerateData"
    r"|GenerateMac|GenerateRandom|Get|Head|List|Lookup|Preview|Query|ReEncrypt|Scan|Search|Select"
    r"|Sign|Simulate|StartQuery|StopQuery|Test|Validate|Verify)(?![a-z])"
)
"""The beginnings of the names of operations that change nothing."""

_TELEMETRY = frozenset(
    {
        ("logs", "PutLogEvents"),
        ("monitoring", "PutMetricData"),
        ("cloudwatch", "PutMetricData"),
        ("sqs", "ReceiveMessage"),
    }
)
_NEVER = frozenset({"xray"})
"""The services that have only telemetry."""

_SESSIONS = {
    "AssumeRole": 3600,
    "AssumeRoleWithSAML": 3600,
    "AssumeRoleWithWebIdentity": 3600,
    "GetSessionToken": 43200,
}
"""Operations of STS that issue credentials, and for how many seconds if the call does not say."""

_VERB = re.compile(r"([A-Z][a-z]+)(\w*)")
_CREATORS = frozenset({"Allocate", "Create", "Import", "Put", "Register", "Request", "Upload"})

_HEADERS = re.compile(r"(host|content-type|content-encoding|accept|smithy-protocol|x-amz-.+)$")
_UNKEPT = frozenset({"x-amz-security-token", "x-amz-date", "x-amz-user-agent"})
_BY_PATH = re.compile(r"(localhost|[\d.]+|\[.*\])(:\d+)?$")
_SCOPE = re.compile(r"Credential=([^,\s]*)")
_ID = re.compile(r"\b[a-z][a-z0-9]{1,15}-[0-9a-f]{8,17}\b")


@dataclass(frozen=True)
class Entry:
    """One call."""

    service: str | None
    request: Request

    seed: str
    """Of the ids that it creates."""

    at: float
    """Its time, in seconds since the epoch."""

    made: tuple[str, ...] = ()
    """The ids in its answer that were not in its request."""

    def to_json(self) -> str:
        request = self.request
        fields = {
            "service": self.service,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": dict(request.headers),
            "body": base64.b64encode(request.body).decode(),
            "seed": self.seed,
            "at": self.at,
            "made": self.made,
        }
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> Entry:
        d = json.loads(text)
        body = base64.b64decode(d["body"])
        request = Request(d["method"], d["path"], d["query"], d["headers"], body)
        return cls(d["service"], request, d["seed"], d["at"], tuple(d["made"]))


def to_keep(service: str | None, request: Request, access_key: str) -> bool:
    """Whether a successful call is kept.

    Our own calls (access key "tealmesh") are not: the engine creates its log groups and streams
    again.
    """
    if service in _NEVER or access_key == "tealmesh":
        return False
    name = operation(request)
    if service == "sts":
        return name in _SESSIONS
    if not name:
        return request.method not in ("GET", "HEAD", "OPTIONS")
    return not _READS.match(name) and (service, name) not in _TELEMETRY


def operation(request: Request) -> str:
    """The operation's name; empty if the protocol does not put it into the request."""
    if target := request.headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if "/operation/" in request.path:
        return request.path.rpartition("/operation/")[2]
    return _form(request).get("Action", "")


def kept(request: Request) -> Request:
    """The request without its signature."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if _HEADERS.match(name) and name not in _UNKEPT
    }
    if scope := _SCOPE.search(request.headers.get("authorization", "")):
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 {scope.group()}, SignedHeaders=host, Signature=0"
        )
    return Request(request.method, request.path, request.query, headers, request.body)


def made_by(request: Request, answer: bytes) -> tuple[str, ...]:
    """The ids in an answer that were not in its request."""
    asked = set(_ID.findall(request.body.decode("latin-1") + request.query))
    answered = dict.fromkeys(_ID.findall(answer.decode("latin-1")))
    return tuple(name for name in answered if name not in asked)


@dataclass
class _Deletion:
    """A call that deletes something, and whether the call that made it has been dropped."""

    entry: Entry
    complete: bool = False


_Gone = dict[tuple[str, str, str], _Deletion]
"""Scope, name of a parameter (empty for an id that an answer made), value -> what deletes it."""


def compacted(entries: Iterable[Entry], now: float = 0.0) -> list[Entry]:
    """The calls that still matter, in order. Credentials that have ended before ``now`` do not.

    A ``Delete`` with one parameter makes every earlier call obsolete that has the same parameter
    or created the thing. It is obsolete itself only once the call that created the thing has been
    found: many name by ARN what was created by name. In a bucket without versions, an object is
    obsolete once it is put again or deleted. Every call is repeated from its own seed, so dropping
    one does not change others.
    """
    kept_entries: list[Entry | _Deletion] = []
    gone: _Gone = {}
    objects: set[tuple[str, str, str]] = set()
    every = [entry for entry in entries if not _ended(entry, now)]
    versioned = {_bucket(entry) for entry in every if "versioning" in _keys(entry)}
    for entry in reversed(every):
        if entry.service == "s3":
            if not _s3_outlived(entry, objects, versioned):
                kept_entries.append(entry)
        elif deletion := _deletion(entry, gone):
            kept_entries.append(deletion)
        elif not _outlived(entry, gone):
            kept_entries.append(entry)
    kept_entries.reverse()
    return [
        one.entry if isinstance(one, _Deletion) else one
        for one in kept_entries
        if not isinstance(one, _Deletion) or not one.complete
    ]


def _ended(entry: Entry, now: float) -> bool:
    """Whether credentials that a call has issued have ended."""
    lasting = _SESSIONS.get(operation(entry.request))
    if lasting is None:
        return False
    asked = parameters(entry.request).get("DurationSeconds", "")
    return entry.at + (int(asked) if asked.isdecimal() else lasting) < now


def _deletion(entry: Entry, gone: _Gone) -> _Deletion | None:
    """The call as a deletion, noted in ``gone``; None if it is none, or has several parameters."""
    fields = parameters(entry.request)
    if not operation(entry.request).startswith("Delete") or len(fields) != 1:
        return None
    ((name, value),) = fields.items()
    deletion = _Deletion(entry)
    scope = _scope(entry)
    gone[scope, name, value] = gone[scope, "", value] = deletion
    return deletion


def _outlived(entry: Entry, gone: _Gone) -> bool:
    """Whether a later call made this one obsolete."""
    scope = _scope(entry)
    made = [gone[key] for value in entry.made if (key := (scope, "", value)) in gone]
    for deletion in made:
        deletion.complete = True
    named = [
        gone[key]
        for name, value in parameters(entry.request).items()
        if (key := (scope, name, value)) in gone
    ]
    for deletion in named:
        deletion.complete |= _creates(entry, deletion.entry)
    return bool(made or named)


def _creates(entry: Entry, deletion: Entry) -> bool:
    """Whether a call with the parameter of a deletion creates the thing: CreateRole, DeleteRole."""
    verb, noun = _words(entry)
    return verb in _CREATORS and noun == _words(deletion)[1]


def _words(entry: Entry) -> tuple[str, str]:
    """The verb and the noun of an operation's name."""
    match = _VERB.match(operation(entry.request))
    return (match[1], match[2]) if match else ("", "")


def _s3_outlived(entry: Entry, gone: set[tuple[str, str, str]], versioned: set[str]) -> bool:
    request, bucket = entry.request, _bucket(entry)
    if not _BY_PATH.match(request.headers.get("host", "")):
        return False  # the bucket is in the host's name
    whole = (_scope(entry), "path", request.path)
    if request.path.strip("/") == bucket:
        if request.method == "DELETE" and not request.query:
            gone.add((_scope(entry), "bucket", bucket))
            return True
    elif bucket not in versioned and not _keys(entry) - {"x-id"}:
        if whole in gone:
            return True
        if request.method in ("PUT", "DELETE"):
            gone.add(whole)
    return (_scope(entry), "bucket", bucket) in gone


def parameters(request: Request) -> dict[str, str]:
    """The parameters as text, by name; none for a REST call."""
    if "x-amz-target" not in request.headers:
        ignored = ("Action", "Version", "DryRun")
        return {name: v for name, v in _form(request).items() if name not in ignored}
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return _plain(body) if isinstance(body, dict) else {}


def _plain(body: Mapping[str, object]) -> dict[str, str]:
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in body.items()}


def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "")
    text = request.query
    if kind.startswith("application/x-www-form-urlencoded"):
        text = (
            f"{text}&{request.body.decode('latin-1')}" if text else request.body.decode("latin-1")
        )
    return dict(parse_qsl(text))


def _scope(entry: Entry) -> str:
    """Service, access key and region: calls with different ones are about different things."""
    scope = _SCOPE.search(entry.request.headers.get("authorization", ""))
    parts = scope.group(1).split("/") if scope else []
    # The access key stands for the account; few callers use more than one.
    return "/".join([entry.service or "", *parts[:1], *parts[2:3]])


def _bucket(entry: Entry) -> str:
    return entry.request.path.strip("/").partition("/")[0] if entry.service == "s3" else ""


def _keys(entry: Entry) -> set[str]:
    return {name for name, _ in parse_qsl(entry.request.query, keep_blank_values=True)}
