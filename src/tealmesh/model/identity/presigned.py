"""Proof of an AWS identity: a presigned ``sts:GetCallerIdentity``, as aws-iam-authenticator has it.

Whoever has a role's credentials signs a request to STS and gives it away as a token. Whoever
verifies it sends it: STS says whose it is. The header ``x-teal-server-id`` is signed too, so that a
token for one control plane is worth nothing to another, nor is one for another purpose. Nothing of
a token is sent before it was checked here. Design note 038.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from tealmesh.model.errors import ProofRefused
from tealmesh.model.identity.base64url import decoded, encoded

FORM = "teal-sts1"
"""The first part of such a token."""
SERVER_HEADER = "x-teal-server-id"
LONGEST_SECONDS = 900
"""For how long a token may be good, at most."""
SKEW_SECONDS = 300
"""How far a clock may be ahead of ours."""
LONGEST_TOKEN = 12_000
LONGEST_ANSWER = 64 * 1024

_NAMES = frozenset(
    {
        "Action",
        "Version",
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    }
)
_FIXED = {
    "Action": "GetCallerIdentity",
    "Version": "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-SignedHeaders": f"host;{SERVER_HEADER}",
}
"""GHSA-wq26-3j2m-4hvv: a header that is not in SignedHeaders proves nothing."""
_NEEDED = _NAMES - {"X-Amz-Security-Token"}
_REGION = r"[a-z]{2,3}(?:-[a-z]+){1,3}-\d{1,2}"
_HOST = re.compile(
    rf"sts\.amazonaws\.com|sts(?:-fips)?\.{_REGION}\.(?:amazonaws\.com(?:\.cn)?|api\.aws)"
)
"""Nobody but AWS has a name of this form."""
_CREDENTIAL = re.compile(rf"[A-Z0-9]{{16,128}}/(\d{{8}})/{_REGION}/sts/aws4_request")
_ESCAPES = re.compile(r"(?:[A-Za-z0-9\-._~/+=:;]|%[0-9A-Fa-f]{2})*")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:"
    r"sts::(?P<account>\d{12}):assumed-role/(?P<role>[\w+=,.@-]+)/(?P<session>[\w+=,.@-]+)"
    r"|iam::(?P<own>\d{12}):user/(?P<user>[\w+=,.@/-]+))",
    re.ASCII,
)
_USER_ID = re.compile(r"([A-Z0-9]{16,128})(?::([\w+=,.@-]+))?", re.ASCII)


@dataclass(frozen=True)
class Presigned:
    """A token that may be sent to STS."""

    url: str
    ends: float
    """Until when it is good, in seconds since the epoch."""


@dataclass(frozen=True)
class AwsIdentity:
    """Whom STS named: a role that somebody assumed, or an IAM user."""

    partition: str
    account: str
    role: str
    """The role's name, without its path, which STS does not say; empty for a user."""
    user: str
    """The user's name with its path; empty for a role."""
    unique_id: str
    """Of the role or user: one that is deleted and created again has another."""
    session: str = ""
    """What assumed the role: on ECS the id of the task."""

    @property
    def arn(self) -> str:
        """Of the role, if it has no path, or of the user."""
        name = f"role/{self.role}" if self.role else f"user/{self.user}"
        return f"arn:{self.partition}:iam::{self.account}:{name}"


def is_proof(text: str) -> bool:
    """Whether a token has this form."""
    return text.startswith(f"{FORM}.")


def token(url: str) -> str:
    """A presigned URL as a token."""
    return f"{FORM}.{encoded(url.encode())}"


def checked(
    text: str, now: float, hosts: Collection[str] = (), *, plain: bool = False
) -> Presigned:
    """The request in a token, which may be sent to STS with the header ``x-teal-server-id``.

    ``hosts``, as HOST[:PORT], are known beside AWS's: a STS of one's own, ``plain`` if it speaks
    HTTP. Raises ProofRefused.
    """
    if len(text) > LONGEST_TOKEN or not is_proof(text):
        raise ProofRefused("the token is not a presigned GetCallerIdentity")
    try:
        url = decoded(text.removeprefix(f"{FORM}.")).decode("ascii")
        parts = urlsplit(url)
    except ValueError as error:
        raise ProofRefused("the token has no URL") from error
    own = parts.netloc in hosts
    if parts.scheme != ("http" if own and plain else "https"):
        raise ProofRefused("the URL of the token must be https")
    if not own and not _HOST.fullmatch(parts.netloc):
        raise ProofRefused(f"{parts.netloc[:100]!r} is not a host of STS")
    if (
        parts.path != "/"
        or parts.fragment
        or url != f"{parts.scheme}://{parts.netloc}/?{parts.query}"
    ):
        raise ProofRefused("the URL of the token must be that of STS, with a query and no path")
    query = _parameters(parts.query)
    return Presigned(url, _ends(query, now))


def _parameters(query: str) -> Mapping[str, str]:
    """Each once, and no other: what one side overlooks another may not."""
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name not in _NAMES or name in found:
            raise ProofRefused(f"parameter {name[:50]!r} of the token: unknown, or there twice")
        if not _ESCAPES.fullmatch(value):
            raise ProofRefused(f"parameter {name} of the token is not well formed")
        found[name] = unquote(value)
    if absent := _NEEDED - found.keys():
        raise ProofRefused(f"the token has no {', '.join(sorted(absent))}")
    for name, wanted in _FIXED.items():
        if found[name] != wanted:
            raise ProofRefused(f"{name} of the token is {found[name][:100]!r}: must be {wanted}")
    if not _SIGNATURE.fullmatch(found["X-Amz-Signature"]):
        raise ProofRefused("the token has no signature")
    return found


def _ends(query: Mapping[str, str], now: float) -> float:
    stamp, lasts = query["X-Amz-Date"], query["X-Amz-Expires"]
    credential = _CREDENTIAL.fullmatch(query["X-Amz-Credential"])
    if credential is None or credential[1] != stamp[:8]:
        raise ProofRefused("X-Amz-Credential of the token is not one for STS at its date")
    if not re.fullmatch(r"[0-9]{1,4}", lasts) or not 0 < int(lasts) <= LONGEST_SECONDS:
        raise ProofRefused(f"X-Amz-Expires of the token must be at most {LONGEST_SECONDS}")
    try:
        if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", stamp):
            raise ValueError(stamp)
        made = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise ProofRefused("X-Amz-Date of the token is not a time") from error
    if made > now + SKEW_SECONDS:
        raise ProofRefused("the token was made later than now: look at the clocks")
    ends = made + int(lasts)
    if now > ends:
        raise ProofRefused("the token has expired")
    return ends


def answered(body: bytes) -> AwsIdentity:
    """Whom STS named in its answer. Raises ProofRefused for anybody else."""
    # Entities are declared in a DOCTYPE, which STS never sends.
    if len(body) > LONGEST_ANSWER or b"<!" in body:
        raise ProofRefused("what STS answered is not an identity")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - see above
    except (ElementTree.ParseError, ValueError) as error:
        raise ProofRefused("what STS answered is not an identity") from error
    if _local(root) != "GetCallerIdentityResponse":
        raise ProofRefused("what STS answered is not an identity")
    found = [one for one in root if _local(one) == "GetCallerIdentityResult"]
    members = {_local(one): (one.text or "").strip() for result in found for one in result}
    arn = _ARN.fullmatch(members.get("Arn", ""))
    user = _USER_ID.fullmatch(members.get("UserId", ""))
    if arn is None or user is None:
        raise ProofRefused(f"{members.get('Arn', '')[:200]!r} is neither a role nor a user")
    account, session = arn["account"] or arn["own"], arn["session"] or ""
    if len(found) != 1 or (user[2] or "") != session or members.get("Account") != account:
        raise ProofRefused("what STS answered contradicts itself")
    role, name = arn["role"] or "", arn["user"] or ""
    return AwsIdentity(arn["partition"], account, role, name, user[1], session)


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
