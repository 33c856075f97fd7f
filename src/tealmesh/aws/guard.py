"""Protects a port on loopback that verifies no signatures from web pages. Pure.

Any web page that the user has open can send requests to loopback. Two attacks are prevented:

- DNS rebinding: the page's own host name is made to resolve to 127.0.0.1. The ``Host`` header then
  has the page's name, so only loopback names and AWS's hosts are accepted.
- Cross-site requests: browsers mark them in ``Origin`` and ``Sec-Fetch-Site``
  (https://www.w3.org/TR/fetch-metadata/), which no AWS SDK sends.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from tealmesh.aws.signing import is_loopback

_AWS_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")

_IN_TASKS = "169.254.170.2"
"""The address of ECS's endpoints in tasks. DNS rebinding cannot fake it: it is not a name."""

_PRIVATE_PREFIX = "/_teal/"


def refusal(
    method: str, path: str, headers: Mapping[str, str], allowed_hosts: Collection[str] = ()
) -> str | None:
    """Why the request is refused, or None. ``allowed_hosts`` are further host names, without
    ports.
    """
    host = headers.get("host", "")
    if not _known_host(_without_port(host), allowed_hosts):
        return (
            f"the Host header {host[:200]!r} is neither a loopback name, nor an AWS host, "
            "nor one that this control plane allows"
        )
    origin = headers.get("origin")
    if origin is not None and (not host or urlsplit(origin).netloc.lower() != host.lower()):
        return f"requests from the web site {origin[:200]!r} are refused"
    site = headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") and not _is_link(method, path, headers):
        return f"a browser sent this for another web site (Sec-Fetch-Site: {site[:40]})"
    return None


def _is_link(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Whether a link on another site was followed to one of our own pages, which only reads."""
    navigates = headers.get("sec-fetch-mode") == "navigate"
    return method == "GET" and path.startswith(_PRIVATE_PREFIX) and navigates


def _without_port(host: str) -> str:
    return re.sub(r":\d*$", "", host) if not host.startswith("[") else host.partition("]")[0]


def _known_host(name: str, allowed_hosts: Collection[str]) -> bool:
    name = name.lower()
    # boto3 adds the model's host prefix to any endpoint: data-127.0.0.1 (DiscoverInstances)
    bare = name.removeprefix("data-")
    return (
        is_loopback(name)
        or is_loopback(bare)
        or bare == _IN_TASKS
        or name.endswith(_AWS_SUFFIXES)
        or name in {allowed.lower() for allowed in allowed_hosts}
    )
