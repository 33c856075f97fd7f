"""What a running deployment adds to the routes that lead to its new side: preview, mirror, A/B and
stickiness (design note 028).

Each is a further Envoy route just before the one that it belongs to, with its match and one more
condition, so that the order of routes stays App Mesh's. Preview, mirror and A/B lead to clusters of
their own (`names.beside_cluster`): what goes there is in nobody's share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2 as components
from envoy.type.v3 import percent_pb2

from tealmesh.envoy import names
from tealmesh.envoy.protos import serialized
from tealmesh.envoy.routing import matches
from tealmesh.envoy.routing.matches import Match
from tealmesh.model.config.beside import PREVIEW_HEADER

if TYPE_CHECKING:
    from tealmesh.envoy.routing.weights import WeightedTarget
    from tealmesh.model.config.beside import Cohort, Mirror, Preview, Sticky
    from tealmesh.model.extensions import RouterExtension

BAGGAGE = "baggage"
"""https://www.w3.org/TR/baggage/#baggage-http-header-format"""

_MILLION = 1_000_000
_RANDOM = 14
"""Characters at the beginning of a request's id, a UUID, that nobody changes: 48 random bits."""


@dataclass(frozen=True)
class Way:
    """A route for some requests of another route."""

    name: str
    match: Match
    action: bytes
    """Envoy's RouteAction, serialized."""
    clusters: frozenset[str]
    more: bytes = b""
    """Further members of Envoy's Route, serialized."""


def kinds(extension: RouterExtension) -> tuple[names.BesideKind, ...]:
    """The clusters that the extension needs, beside those of weighted targets."""
    wanted: Mapping[names.BesideKind, object] = {
        "preview": extension.preview,
        "mirror": extension.mirror,
        "cohort": extension.cohort,
    }
    return tuple(kind for kind, setting in wanted.items() if setting)


def ways(
    extension: RouterExtension, way: Way, target: WeightedTarget, previews: frozenset[str] | None
) -> Iterator[Way]:
    """``way``, the route itself, with those before it. ``target`` is the new side in it.
    ``previews``: the headers that may choose a side here; None for any.
    """
    if extension.preview and (previews is None or extension.preview.header in previews):
        yield from _preview(extension, extension.preview, way, target)
    if extension.cohort and target.capable:
        # Without a healthy task there, its requests go by the weights.
        yield _elsewhere(way, "cohort", target, _of_cohort(extension.cohort))
    sticky = extension.sticky
    usual = tuple(_sticky(sticky, way)) if sticky else (way,)
    if extension.mirror and target.capable and not target.weight:
        yield _mirrored(usual[-1], extension.mirror, target)
    yield from usual


def stripped(
    extensions: Mapping[str, RouterExtension], gateway: str
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The headers of previews that a gateway removes, sorted, and those that it lets pass: the ones
    that every running preview with this header allows there.
    """
    previews = [one.preview for one in extensions.values() if one.preview]
    refused = {one.header for one in previews if gateway not in one.allow}
    passed = frozenset(one.header for one in previews if one.header not in refused)
    return tuple(sorted(({PREVIEW_HEADER} | refused) - passed)), passed


def _preview(
    extension: RouterExtension, preview: Preview, way: Way, target: WeightedTarget
) -> Iterator[Way]:
    """By the header, or by the member of ``baggage`` of the same name."""
    service = re.escape(extension.service)
    side = re.escape(extension.side)
    if extension.called:
        side = f"(?:{'|'.join(map(re.escape, (extension.side, *extension.called)))})"
    header = rf"(?:.*,)?\s*(?:{service}\s*=\s*)?{side}\s*(?:,.*)?"
    yield _elsewhere(way, "preview", target, matches.regex_header(preview.header, header))
    # In baggage a comma ends the member, so libraries write one in a value as %2C, and often the
    # equals sign too.
    comma, equals = "%2[Cc]", "(?:=|%3[Dd])"
    value = rf"(?:[^,;]*{comma})?(?:{service}{equals})?{side}(?:{comma}[^,;]*)?"
    member = rf"(?:.*,)?\s*(?i:{re.escape(preview.header)})\s*=\s*{value}\s*(?:[;,].*)?"
    baggage = _elsewhere(way, "preview", target, matches.regex_header(BAGGAGE, member))
    yield replace(baggage, name=f"{way.name}/preview-baggage")


def _of_cohort(cohort: Cohort) -> bytes:
    """The condition that a request belongs to the cohort."""
    if cohort.header:
        return matches.exact_header(cohort.header, cohort.value)
    return _with_cookie(cohort.cookie, f'"?{re.escape(cohort.value)}"?')


def _with_cookie(name: str, value: str) -> bytes:
    """The condition that a cookie has a value that matches a regular expression."""
    return matches.regex_header("cookie", rf"(?:.*;)?\s*{re.escape(name)}\s*=\s*{value}\s*(?:;.*)?")


def _elsewhere(way: Way, kind: names.BesideKind, target: WeightedTarget, *conditions: bytes) -> Way:
    """The same route with more conditions, to a cluster of the new side alone."""
    cluster = names.beside_cluster(kind, target.cluster)
    action = components.RouteAction.FromString(way.action)
    action.cluster = cluster
    return Way(
        f"{way.name}/{kind}", _narrower(way.match, *conditions), serialized(action),
        frozenset([cluster]),
    )  # fmt: skip


def _mirrored(way: Way, mirror: Mirror, target: WeightedTarget) -> Way:
    """The same route for requests that may be copied. An upgraded connection is no request that
    could be answered twice.
    """
    cluster = names.beside_cluster("mirror", target.cluster)
    action = components.RouteAction.FromString(way.action)
    copied = action.request_mirror_policies.add(cluster=cluster)
    copied.disable_shadow_host_suffix_append = True
    copied.trace_sampled.value = False
    fraction = copied.runtime_fraction.default_value
    fraction.numerator = round(mirror.percent / 100 * _MILLION)
    fraction.denominator = percent_pb2.FractionalPercent.DenominatorType.MILLION
    methods = "|".join(re.escape(method) for method in mirror.methods)
    conditions = matches.regex_header(":method", methods), matches.without_header("upgrade")
    return replace(
        way,
        name=f"{way.name}/mirror",
        match=_narrower(way.match, *conditions),
        action=serialized(action),
        clusters=way.clusters | {cluster},
    )


def _sticky(sticky: Sticky, way: Way) -> Iterator[Way]:
    """The same route, whose weights go by a hash of the header or cookie: the new side's part of
    the range only grows with its weight, as the total stays the same.

    Envoy itself sets a cookie only where a load balancer hashes hosts (seen with 1.40). So a
    request without one goes by the hash of the beginning of its id, and the answer sets just that
    as the cookie, which has the same hash. What comes after, Envoy changes when it decides about
    tracing, which is after the route is chosen.
    """
    if sticky.header:
        yield _by_hash(way, components.RouteAction.HashPolicy(
            header=components.RouteAction.HashPolicy.Header(header_name=sticky.header)
        ))  # fmt: skip
        return
    cookie = components.RouteAction.HashPolicy.Cookie(name=sticky.cookie)
    known = _by_hash(way, components.RouteAction.HashPolicy(cookie=cookie))
    condition = _with_cookie(sticky.cookie, "[^;]+")
    yield replace(known, name=f"{way.name}/known", match=_narrower(way.match, condition))
    request_id = components.RouteAction.HashPolicy.Header(header_name="x-request-id")
    request_id.regex_rewrite.pattern.CopyFrom(matches.regex(rf"^(.{{{_RANDOM}}}).*$"))
    request_id.regex_rewrite.substitution = r"\1"
    age = f"; Max-Age={sticky.ttl:.0f}" if sticky.ttl else ""
    issued = base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(
            key="set-cookie",
            value=f"{sticky.cookie}=%REQ(x-request-id):{_RANDOM}%; Path=/{age}; HttpOnly; "
            "SameSite=Lax",
        )
    )
    more = components.Route(response_headers_to_add=[issued])
    unknown = _by_hash(way, components.RouteAction.HashPolicy(header=request_id))
    yield replace(unknown, more=serialized(more))


def _by_hash(way: Way, policy: components.RouteAction.HashPolicy) -> Way:
    action = components.RouteAction.FromString(way.action)
    action.weighted_clusters.use_hash_policy.value = True
    action.hash_policy.append(policy)
    return replace(way, action=serialized(action))


def _narrower(match: Match, *conditions: bytes) -> Match:
    return replace(match, headers=(*match.headers, *conditions))
