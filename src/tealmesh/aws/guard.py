"""Who may talk to a control plane that listens on loopback and verifies no signature. Pure.

A web page that the user has open can send requests to loopback too. Two doors are shut:

- DNS rebinding: a page's own host name is made to resolve to 127.0.0.1. The ``Host`` header then
  carries the page's name, so only loopback names and AWS's own hosts are let in.
- Cross-site requests: a browser says so in ``Origin`` and ``Sec-Fetch-Site``
  (https://www.w3.org/TR/fetch-metadata/). No AWS SDK sends either.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from tealmesh.aws.signing import is_loopback

_AWS_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")

_IN_TASKS = "169.254.170.2"
"""Where containers find us (the ECS endpoints). It is a number: no page's name is made of it."""

_PRIVATE_PREFIX = "/_teal/"


def refusal(
    method: str, path: str, headers: Mapping[str, str], allowed_hosts: Collection[str] = ()
) -> str | None:
    """Why the request is refused, or None. ``allowed_hosts`` are further names, without port."""
    host = headers.get("host", "")
    if not _known_host(_without_port(host), allowed_hosts):
        return (
            f"the Host header {host[:200]!r} is neither a loopback name, nor an AWS host, "
            "nor one that this control plane was told to allow"
        )
    origin = headers.get("origin")
    if origin is not None and (not host or urlsplit(origin).netloc.lower() != host.lower()):
        return f"requests from the web site {origin[:200]!r} are refused: only our own pages may"
    site = headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") and not _is_link(method, path, headers):
        return f"a browser sent this for another web site (Sec-Fetch-Site: {site[:40]})"
    return None


def _is_link(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """A link from elsewhere to one of our own pages, opened in a window: reads, changes nothing."""
    navigates = headers.get("sec-fetch-mode") == "navigate"
    return method == "GET" and path.startswith(_PRIVATE_PREFIX) and navigates


def _without_port(host: str) -> str:
    return re.sub(r":\d*$", "", host) if not host.startswith("[") else host.partition("]")[0]


def _known_host(name: str, allowed_hosts: Collection[str]) -> bool:
    name = name.lower()
    # boto3 puts the model's host prefix before any endpoint: data-127.0.0.1 (DiscoverInstances)
    bare = name.removeprefix("data-")
    return (
        is_loopback(name)
        or is_loopback(bare)
        or bare == _IN_TASKS
        or name.endswith(_AWS_SUFFIXES)
        or name in {allowed.lower() for allowed in allowed_hosts}
    )
