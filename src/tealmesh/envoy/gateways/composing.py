"""What a gateway route does to a request, and what a request must look like before that to match a
route behind it. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tealmesh.envoy.extensions.parts import Conditions
from tealmesh.envoy.routing import matches
from tealmesh.envoy.routing.matches import Match, Path

if TYPE_CHECKING:
    from tealmesh.envoy.specs import HostnameRewrite, HttpRewrite

_DIVISIBLE = re.compile(r"[^*+?{|][^|]*\Z|\Z")
"""What may follow a literal prefix of a pattern so that the prefix can be cut off: no quantifier of
its last character, and no alternatives."""


@dataclass(frozen=True)
class Rewrite:
    """How a gateway route changes a request."""

    host: str | None
    """The new Host; None keeps it."""

    exact: str | None = None
    """The new path; None to look at ``pattern``."""

    pattern: str | None = None
    """The beginning of the path that becomes ``prefix``, a regular expression; None keeps it."""

    prefix: str = ""

    @property
    def keeps_path(self) -> bool:
        """Whether the path stays as it is."""
        return self.exact is None and self.pattern is None


def compose(gateway: Match, rewrite: Rewrite, route: Match) -> Match | None:
    """What a request must look like at the gateway so that both match; None if no request can."""
    path, extra = _compose_path(gateway.path, rewrite, route.path)
    if path is None:
        return None
    return Match(
        path=path,
        headers=(*gateway.headers, *route.headers, *extra),
        query=(*gateway.query, *route.query),
        grpc=gateway.grpc or route.grpc,
    )


def _compose_path(
    gateway: Path, rewrite: Rewrite, route: Path
) -> tuple[Path | None, tuple[bytes, ...]]:
    """The path to match at the gateway, None if there is none, and further conditions on it."""
    if rewrite.exact is not None or (gateway.kind == "exact" and rewrite.keeps_path):
        fixed = gateway.value if rewrite.exact is None else rewrite.exact
        return (gateway if _matches(route, fixed) else None), ()
    if route == matches.ANY_PATH:
        return gateway, ()
    if rewrite.keeps_path or (gateway == matches.ANY_PATH and rewrite.prefix == "/"):
        return _both(gateway, route)
    return _behind_rewrite(rewrite, gateway, route), ()


def _both(gateway: Path, route: Path) -> tuple[Path | None, tuple[bytes, ...]]:
    """Two conditions on one unchanged path."""
    if gateway.kind == "prefix" and route.kind != "regex":
        if route.value.startswith(gateway.value):
            return route, ()
        inside = route.kind == "prefix" and gateway.value.startswith(route.value)
        return (gateway if inside else None), ()
    if gateway == matches.ANY_PATH:
        return route, ()
    # Envoy takes one condition on the path; the other goes on the pseudo-header, which includes
    # the query string.
    second = rf"(?:{_as_regex(route)})(?:\?.*)?"
    return gateway, (matches.regex_header(":path", second),)


def _behind_rewrite(rewrite: Rewrite, gateway: Path, route: Path) -> Path | None:
    """The condition on the path before the rewrite, for the condition ``route`` after it."""
    new, pattern = rewrite.prefix, rewrite.pattern or ""
    if route.kind == "prefix" and new.startswith(route.value):
        return gateway
    if route.kind == "regex":
        return _quotient(gateway.value, new, route.value)
    if not route.value.startswith(new):
        return None
    rest = re.escape(route.value.removeprefix(new))
    return Path("regex", f"{pattern}{rest}" + (".*" if route.kind == "prefix" else ""))


def _quotient(old: str, new: str, pattern: str) -> Path | None:
    """The condition on a path whose beginning ``old`` is replaced by ``new`` so that the result
    matches ``pattern``; None if it cannot be expressed.

    Both are cut before a slash, so that the rest of the path begins with one, like the pattern.
    """
    if old.endswith("/") and not new.endswith("/"):
        return None  # "/x" becomes "/newx": the rest of the path does not begin with a slash
    old, new = old.rstrip("/"), new.rstrip("/")
    literal = re.escape(new)
    begins = next((one for one in (new, literal) if pattern.startswith(one)), None)
    divisible = begins == "" or (begins is not None and _DIVISIBLE.match(pattern, len(begins)))
    if begins is None or not divisible:
        # Better that nothing matches than the wrong requests.
        return None
    return Path("regex", f"{re.escape(old)}(?:{pattern[len(begins) :]})")


def _matches(route: Path, path: str) -> bool:
    if route.kind == "prefix":
        return path.startswith(route.value)
    if route.kind == "exact":
        return path == route.value
    return matches.full_match(route.value, path)


def _as_regex(path: Path) -> str:
    if path.kind == "regex":
        return path.value
    return re.escape(path.value) + (".*" if path.kind == "prefix" else "")


def below(gateway: Path, rewrite: Rewrite, prefix: Path) -> Conditions | None:
    """The conditions at the gateway for a path that has this prefix at the service; None if none
    has it.
    """
    path, extra = _compose_path(gateway, rewrite, prefix)
    if path is None:
        return None
    if path == gateway:
        return extra
    return (*extra, matches.regex_header(":path", rf"(?:{_as_regex(path)})(?:\?.*)?"))


def new_host(rewrite: HostnameRewrite | None, service: str) -> str | None:
    """The service's name, unless the rewrite of the hostname is disabled."""
    disabled = rewrite is not None and rewrite.get("defaultTargetHostname") == "DISABLED"
    return None if disabled else service


def http_rewrite(rewrite: HttpRewrite, path: Path, service: str) -> Rewrite:
    """By default Host becomes the service's name and the matched prefix becomes ``/``."""
    host = new_host(rewrite.get("hostname"), service)
    exact = rewrite["path"].get("exact") if "path" in rewrite else None
    if exact is not None or path.kind != "prefix":
        return Rewrite(host, exact=exact)
    prefix = rewrite.get("prefix") or {}
    if prefix.get("defaultPrefix") == "DISABLED":
        return Rewrite(host)
    escaped, new = re.escape(path.value), prefix.get("value", "/")
    if new.endswith("/") and not escaped.endswith("/"):
        # "/shop" and "/shop/" both become "/", never "//": App Mesh's gateway sends the rewritten
        # request to its own listener, which merges slashes.
        escaped += "/?"
    return Rewrite(host, pattern=escaped, prefix=new)
