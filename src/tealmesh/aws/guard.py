"""Protects a port on loopback, where a user needs no signature, from web pages. Pure.

Any web page that the user has open can send requests to loopback. Two attacks are prevented:

- DNS rebinding: the page's own host name is made to resolve to 127.0.0.1. The ``Host`` header then
  has the page's name, so only the names of loopback and those that the owner allows are accepted.
- Cross-site requests: browsers mark them in ``Origin`` and ``Sec-Fetch-Site``
  (https://www.w3.org/TR/fetch-metadata/), which no AWS SDK sends.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl, urlsplit

from tealmesh.aws.wire.codec import Request
from tealmesh.model.errors import AwsError

_IN_TASKS = "169.254.170.2"
"""The address of ECS's endpoints in tasks. DNS rebinding cannot fake it: it is not a name."""

_PRIVATE_PREFIX = "/_teal/"


_SIGNED_FOR_S3 = re.compile(r"AWS4-HMAC-SHA256 .*Credential=[^,\s]*/s3/aws4_request")


def refusal(
    method: str,
    path: str,
    headers: Mapping[str, str],
    allowed_hosts: Collection[str] = (),
    query: str = "",
) -> str | None:
    """Why the request is refused, or None. ``allowed_hosts`` are further host names, without
    ports.
    """
    host = headers.get("host", "")
    name = without_port(host).lower()
    known = _known_host(name, allowed_hosts) or _is_bucket(name, headers, query)
    if not known:
        return (
            f"the Host header {host[:200]!r} is neither localhost, nor an address of loopback, "
            "nor one that this control plane allows (teal up --allow-host)"
        )
    origin = headers.get("origin")
    if origin is not None and (not host or _host_of(origin) != host.lower()):
        return f"requests from the web site {origin[:200]!r} are refused"
    site = headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") and not _is_link(method, path, headers):
        return f"a browser sent this for another web site (Sec-Fetch-Site: {site[:40]})"
    return None


def _is_link(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Whether a link on another site was followed to one of our own pages, which only reads."""
    navigates = headers.get("sec-fetch-mode") == "navigate"
    return method == "GET" and path.startswith(_PRIVATE_PREFIX) and navigates


def refuse_unsigned_change(request: Request, *, signed: bool) -> None:
    """Raise AwsError for an action in a URL that any web page can let a browser get.

    ``signed``: whether a signature has been verified. A header cannot be forged by a page.
    """
    actions = [value for name, value in parse_qsl(request.query) if name == "Action"]
    changes = any(not one.startswith(("Describe", "Get", "List")) for one in actions)
    forgeable = "authorization" not in request.headers and not signed
    if request.method in ("GET", "HEAD") and changes and forgeable:
        raise AwsError(
            "AccessDenied",
            "a GET that changes something must be signed with keys of this control plane "
            "(`teal env`), since a web page could have sent it: use POST",
            status=403,
        )


def _host_of(origin: str) -> str:
    """The host and port of an origin; empty if it has none, or is no URL."""
    try:
        parts = urlsplit(origin)
        return parts.netloc.lower() if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""


def without_port(host: str) -> str:
    """The name or address in a Host header."""
    return re.sub(r":\d*$", "", host)


def _known_host(name: str, allowed_hosts: Collection[str]) -> bool:
    # boto3 adds the model's host prefix to any endpoint: data-127.0.0.1 (DiscoverInstances)
    bare = name.removeprefix("data-")
    return (
        bare in ("localhost", "localhost.", _IN_TASKS)
        or _is_loopback_address(bare)
        or not {name, bare}.isdisjoint(allowed.lower() for allowed in allowed_hosts)
    )


def _is_loopback_address(name: str) -> bool:
    bracketed = re.fullmatch(r"\[([0-9a-f:.]+)\]", name)
    try:
        return ipaddress.ip_address(bracketed[1] if bracketed else name).is_loopback and (
            bool(bracketed) == (":" in name)
        )
    except ValueError:
        return False


def _is_bucket(name: str, headers: Mapping[str, str], query: str) -> bool:
    """Whether this is S3's virtual-hosted style, ``BUCKET.localhost``: only with a scope of S3,
    which no browser sends.
    """
    if not re.fullmatch(r"[a-z0-9.-]+\.localhost", name) or "origin" in headers:
        return False
    signed = _SIGNED_FOR_S3.match(headers.get("authorization", "")) is not None
    return signed or "%2Fs3%2Faws4_request" in query
