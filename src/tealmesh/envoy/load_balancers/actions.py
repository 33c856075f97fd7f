"""Actions of a rule as Envoy routes.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2 as components
from envoy.extensions.filters.http.stateful_session.v3 import stateful_session_pb2
from envoy.extensions.http.stateful_session.cookie.v3 import cookie_pb2
from envoy.type.http.v3 import cookie_pb2 as http_cookie_pb2
from envoy.type.matcher.v3 import string_pb2
from google.protobuf import any_pb2

from tealmesh.envoy.load_balancers import names
from tealmesh.envoy.load_balancers.script import APPLICATION_COOKIE, Redirect, Settings, metadata
from tealmesh.envoy.protos import milliseconds, packed
from tealmesh.envoy.routing.matches import regex
from tealmesh.model.errors import TranslationError
from tealmesh.model.load_balancers import (
    ActionBody,
    FixedResponseBody,
    RedirectBody,
    TargetGroupBody,
    WeightedGroup,
    forwards_to,
)

SESSION_FILTER = "envoy.filters.http.stateful_session"
GROUP_COOKIE = "AWSALBTG"
SERVER = "awselb/2.0"
"""The Server header of answers that the load balancer makes itself."""

_DEFAULT_STICKINESS = "86400"
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html"""


@dataclass(frozen=True)
class Context:
    """What the actions of one listener depend on."""

    groups: Mapping[str, TargetGroupBody]
    """By ARN."""
    settings: Settings
    """What the script does on each of the listener's routes."""
    idle_seconds: int
    secure: bool
    """Whether the listener is an HTTPS listener."""
    headers: tuple[tuple[str, str], ...] = field(default=())
    """Response headers that the listener adds."""


def routes(
    name: str, match: components.RouteMatch, actions: list[ActionBody], context: Context
) -> list[components.Route]:
    """The routes of a rule, in the order in which they are tried. Its last action by ``Order``
    counts: those before it authenticate, which is refused.
    """
    action = max(actions, key=lambda one: one.get("Order", 1))
    if action["Type"] == "redirect":
        return [_redirect(name, match, action["RedirectConfig"], context)]
    if action["Type"] == "fixed-response":
        return [_fixed(name, match, action["FixedResponseConfig"], context)]
    return _forward(name, match, action, context)


def clusters(actions: list[ActionBody], groups: Mapping[str, TargetGroupBody]) -> list[str]:
    """The clusters that the actions lead to."""
    named = [group["TargetGroupArn"] for one in actions for group in forwards_to(one)]
    return [names.cluster(group_of(arn, groups)) for arn in named]


def group_of(arn: str, groups: Mapping[str, TargetGroupBody]) -> TargetGroupBody:
    """The target group ``arn``. Raises TranslationError when there is none."""
    if arn not in groups:
        raise TranslationError(f"target group {arn} does not exist")
    return groups[arn]


def _route(name: str, match: components.RouteMatch, settings: Settings) -> components.Route:
    return components.Route(name=name, match=match, metadata=metadata(settings))


def _redirect(
    name: str, match: components.RouteMatch, spec: RedirectBody, context: Context
) -> components.Route:
    """The script answers. Envoy's own redirects know none of ELB's placeholders."""
    redirect = Redirect(
        status=spec["StatusCode"].removeprefix("HTTP_"),
        protocol=spec.get("Protocol", "#{protocol}"),
        host=spec.get("Host", "#{host}"),
        port=spec.get("Port", "#{port}"),
        path=spec.get("Path", "/#{path}"),
        query=spec.get("Query", "#{query}"),
    )
    settings: Settings = {**context.settings, "redirect": redirect}
    route = _route(name, match, settings)
    route.direct_response.status = 500
    return route


def _fixed(
    name: str, match: components.RouteMatch, spec: FixedResponseBody, context: Context
) -> components.Route:
    route = _route(name, match, context.settings)
    route.direct_response.status = int(spec["StatusCode"])
    if spec.get("MessageBody"):
        route.direct_response.body.inline_string = spec["MessageBody"]
        route.response_headers_to_add.append(
            header("content-type", spec.get("ContentType") or "text/plain")
        )
    route.response_headers_to_add.append(header("server", SERVER))
    return route


def _forward(
    name: str, match: components.RouteMatch, action: ActionBody, context: Context
) -> list[components.Route]:
    groups = [one for one in forwards_to(action) if one.get("Weight", 1)]
    if not groups:
        # No group has weight. Envoy refuses a route like that.
        route = _route(name, match, context.settings)
        route.direct_response.status = 503
        return [route]
    config = action.get("ForwardConfig")
    sticky = config.get("TargetGroupStickinessConfig") if config else None
    if not sticky or not sticky.get("Enabled") or len(groups) == 1:
        return [_to_groups(name, match, groups, context, None)]
    duration = sticky.get("DurationSeconds", int(_DEFAULT_STICKINESS))
    made = []
    for group in groups:
        again = components.RouteMatch()
        again.CopyFrom(match)
        cookie = rf"(?:.*;\s*)?{GROUP_COOKIE}={_group_id(group)}(?:;.*)?"
        matcher = string_pb2.StringMatcher(safe_regex=regex(cookie))
        again.headers.append(components.HeaderMatcher(name="cookie", string_match=matcher))
        made.append(_to_groups(f"{name}_sticky", again, [group], context, duration))
    return [*made, _to_groups(name, match, groups, context, duration)]


def _to_groups(
    name: str,
    match: components.RouteMatch,
    weighted: list[WeightedGroup],
    context: Context,
    sticky_seconds: int | None,
) -> components.Route:
    """A route to target groups by weight. Load balancers do not fail over to another group when
    one of them has no target.
    """
    settings: Settings = {**context.settings}
    cookies = []
    action = components.RouteAction(
        timeout=milliseconds(0), idle_timeout=milliseconds(context.idle_seconds * 1000)
    )
    # Only what a target has certainly not looked at is sent again: RFC 9113, section 8.7.
    action.retry_policy.retry_on = "refused-stream"
    action.retry_policy.num_retries.value = 1
    for one in weighted:
        group = group_of(one["TargetGroupArn"], context.groups)
        added = action.weighted_clusters.clusters.add(name=names.cluster(group))
        added.weight.value = one.get("Weight", 1)
        session = _session(group)
        if session is not None:
            added.typed_per_filter_config[SESSION_FILTER].CopyFrom(session)
        if _stickiness(group) == "app_cookie":
            cookies.append(group["Attributes"].get("stickiness.app_cookie.cookie_name", ""))
        if sticky_seconds is not None:
            added.response_headers_to_add.extend(_group_cookies(one, sticky_seconds, context))
    if cookies:
        settings["application_cookies"] = cookies
    route = _route(name, match, settings)
    route.route.CopyFrom(action)
    return route


def _group_id(group: WeightedGroup) -> str:
    """What the cookie says instead of a target group's name."""
    return hashlib.sha256(group["TargetGroupArn"].encode()).hexdigest()[:32]


def _group_cookies(
    group: WeightedGroup, seconds: int, context: Context
) -> list[base_pb2.HeaderValueOption]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#target-group-stickiness"""
    end = f"{_group_id(group)}; Max-Age={seconds}; Path=/"
    cookies = [f"{GROUP_COOKIE}={end}"]
    if context.secure:
        cookies.append(f"{GROUP_COOKIE}CORS={end}; SameSite=None; Secure")
    return [header("set-cookie", cookie, append=True) for cookie in cookies]


def _stickiness(group: TargetGroupBody) -> str:
    """lb_cookie or app_cookie; empty when the group's targets are not sticky."""
    attributes = group["Attributes"]
    if attributes.get("stickiness.enabled") != "true":
        return ""
    return attributes.get("stickiness.type", "lb_cookie")


def _session(group: TargetGroupBody) -> any_pb2.Any | None:
    """The sticky sessions of a target group, or None.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#sticky-sessions
    """
    kind = _stickiness(group)
    if kind not in ("lb_cookie", "app_cookie"):
        return None
    seconds = group["Attributes"].get(f"stickiness.{kind}.duration_seconds", _DEFAULT_STICKINESS)
    cookie = http_cookie_pb2.Cookie(
        name="AWSALB" if kind == "lb_cookie" else APPLICATION_COOKIE,
        path="/",
        ttl=milliseconds(int(seconds) * 1000),
    )
    state = packed(cookie_pb2.CookieBasedSessionState(cookie=cookie))
    session = stateful_session_pb2.StatefulSession()
    session.session_state.name = "envoy.http.stateful_session.cookie"
    session.session_state.typed_config.CopyFrom(state)
    return packed(stateful_session_pb2.StatefulSessionPerRoute(stateful_session=session))


def header(name: str, value: str, *, append: bool = False) -> base_pb2.HeaderValueOption:
    """A header to add, beside those of the same name or in their place. ``value`` is literal."""
    actions = base_pb2.HeaderValueOption.HeaderAppendAction
    return base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=name, value=value.replace("%", "%%")),
        append_action=actions.APPEND_IF_EXISTS_OR_ADD
        if append
        else actions.OVERWRITE_IF_EXISTS_OR_ADD,
    )
