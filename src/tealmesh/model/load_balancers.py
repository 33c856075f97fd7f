"""Load balancers, target groups and targets, as the store keeps them.

Members have ELB's own names and shapes, as its ``Describe…`` operations answer them:
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html
Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NotRequired, TypedDict

from tealmesh.model.certificates import Material
from tealmesh.model.clock import MomentBody
from tealmesh.model.mesh import Proxy, load_balancer_proxy, load_balancer_scope

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ContainerHandle


class WeightedGroup(TypedDict):
    """A target group of a forward action."""

    TargetGroupArn: str
    Weight: NotRequired[int]
    """0 to 999; relative to the action's other groups."""


class StickinessBody(TypedDict):
    """Whether a client stays with the target group that its first request was sent to."""

    Enabled: NotRequired[bool]
    DurationSeconds: NotRequired[int]


class ForwardBody(TypedDict):
    """The target groups of a forward action."""

    TargetGroups: list[WeightedGroup]
    TargetGroupStickinessConfig: NotRequired[StickinessBody]


class RedirectBody(TypedDict):
    """Where a redirect action sends a client; members may hold ELB's placeholders (``#{host}``)."""

    StatusCode: str
    """HTTP_301 or HTTP_302."""
    Protocol: NotRequired[str]
    Port: NotRequired[str]
    Host: NotRequired[str]
    Path: NotRequired[str]
    Query: NotRequired[str]


class FixedResponseBody(TypedDict):
    """What a fixed-response action answers."""

    StatusCode: str
    ContentType: NotRequired[str]
    MessageBody: NotRequired[str]


class ActionBody(TypedDict):
    """An action of a rule: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html"""

    Type: str
    """forward, redirect or fixed-response."""
    Order: NotRequired[int]
    TargetGroupArn: NotRequired[str]
    ForwardConfig: NotRequired[ForwardBody]
    RedirectConfig: NotRequired[RedirectBody]
    FixedResponseConfig: NotRequired[FixedResponseBody]


class ValuesBody(TypedDict):
    """Values, of which one must match."""

    Values: list[str]


class HttpHeaderBody(TypedDict):
    """A header, and values of which one must match."""

    HttpHeaderName: str
    Values: list[str]


class QueryPair(TypedDict):
    """A parameter of the query string; without a key, any parameter with that value."""

    Key: NotRequired[str]
    Value: str


class QueryStringBody(TypedDict):
    """Parameters, of which one must be in the query string."""

    Values: list[QueryPair]


class ConditionBody(TypedDict):
    """A condition of a rule: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html"""

    Field: str
    Values: NotRequired[list[str]]
    HostHeaderConfig: NotRequired[ValuesBody]
    PathPatternConfig: NotRequired[ValuesBody]
    HttpHeaderConfig: NotRequired[HttpHeaderBody]
    QueryStringConfig: NotRequired[QueryStringBody]
    HttpRequestMethodConfig: NotRequired[ValuesBody]
    SourceIpConfig: NotRequired[ValuesBody]


class RuleBody(TypedDict):
    """A rule of a listener that is not its default one."""

    RuleArn: str
    Priority: int
    """1 to 50000; the lowest is evaluated first."""
    Conditions: list[ConditionBody]
    Actions: list[ActionBody]


class ListenerBody(TypedDict):
    """A listener: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Listener.html"""

    ListenerArn: str
    Port: int
    Protocol: Literal["HTTP", "HTTPS", "TCP", "TLS"]
    Certificates: list[str]
    """ARNs, the default certificate first."""
    SslPolicy: NotRequired[str]
    AlpnPolicy: NotRequired[str]
    DefaultActions: list[ActionBody]
    Rules: list[RuleBody]
    """By ascending priority."""
    Attributes: dict[str, str]


class LoadBalancerBody(TypedDict):
    """A load balancer with its listeners:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancer.html
    """

    LoadBalancerArn: str
    LoadBalancerName: str
    DNSName: str
    Type: Literal["application", "network"]
    Scheme: str
    Attributes: dict[str, str]
    Listeners: list[ListenerBody]
    """By ascending port."""


class PlaceBody(TypedDict):
    """Where a load balancer listens on this machine."""

    address: str
    ports: dict[str, int]
    """The local port of each listener, by the listener's port in decimal."""
    containerAddress: NotRequired[str]
    """Where containers reach it, at the listeners' own ports; absent if they cannot."""
    containerPorts: NotRequired[list[int]]
    """The listeners' ports there; one that another program has on all addresses is missing."""
    generation: NotRequired[int]
    """Counts its Envoys, each of which replaces one that ended; absent before the first."""
    handle: NotRequired[ContainerHandle]
    """The runtime's handle of its present Envoy, once that has been started."""


class MatcherBody(TypedDict):
    """Codes of a successful health check, such as ``200-299`` or ``200,302``."""

    HttpCode: NotRequired[str]
    GrpcCode: NotRequired[str]


class TargetGroupBody(TypedDict):
    """A target group: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroup.html"""

    TargetGroupArn: str
    TargetGroupName: str
    Protocol: str
    ProtocolVersion: NotRequired[str]
    """HTTP1, HTTP2 or GRPC."""
    Port: int
    TargetType: str
    """ip or instance."""
    HealthCheckProtocol: str
    HealthCheckPort: str
    """A number, or ``traffic-port``."""
    HealthCheckPath: NotRequired[str]
    HealthCheckIntervalSeconds: int
    HealthCheckTimeoutSeconds: int
    HealthCheckEnabled: bool
    HealthyThresholdCount: int
    UnhealthyThresholdCount: int
    Matcher: NotRequired[MatcherBody]
    Attributes: dict[str, str]
    LoadBalancerArns: list[str]


class TargetBody(TypedDict):
    """A target that is registered, or draining."""

    TargetGroupArn: str
    Id: str
    """An IP address."""
    Port: int
    draining: bool
    """Whether it is deregistered, and serves only the requests that it has."""
    registered: NotRequired[MomentBody]
    """When it was registered; always there, but for targets of earlier versions. So below."""
    deregistered: NotRequired[MomentBody]
    """When it began to drain."""
    delay: NotRequired[float]
    """For how many seconds at most it drains."""
    task: NotRequired[str]
    """ARN of the ECS task for which the engine registered it."""


class RegionBody(TypedDict):
    """A region in which load balancers may have been made."""

    region: str


Verdict = tuple[str, str, str]
"""Of a target: its state (initial, healthy, unhealthy, unused or draining), reason code and
description; the last two are empty for a healthy one.
"""
DRAINING: Verdict = (
    "draining",
    "Target.DeregistrationInProgress",
    "Target deregistration is in progress",
)
UNUSED: Verdict = (
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
REGISTERING: Verdict = (
    "initial",
    "Elb.RegistrationInProgress",
    "Target registration is in progress",
)

HealthOf = Callable[[str], Awaitable[Mapping[str, Verdict]]]
"""The health of a target group's targets, as its load balancers see it: ARN of the group ->
``ADDRESS:PORT`` -> verdict, in ELB's words. Targets of which no load balancer knows yet are absent.
"""

InFlightOf = Callable[[str], Awaitable[Mapping[str, int]]]
"""The requests, or connections where the protocol is TCP, that a target group's load balancers have
open: ARN of the group -> ``ADDRESS:PORT`` -> number. Targets without any may be absent.
"""


def target_key(address: str, port: int) -> str:
    """The last part of a target's key in the store, and its name in `HealthOf`."""
    return f"{address}:{port}"


@dataclass(frozen=True)
class LoadBalancerSnapshot:
    """A load balancer at one revision, with all that its Envoy is configured from."""

    revision: int
    load_balancer: LoadBalancerBody
    place: PlaceBody
    target_groups: Mapping[str, TargetGroupBody]
    """By ARN: those that its listeners and rules name."""
    targets: Mapping[str, tuple[TargetBody, ...]]
    """By ARN of the target group."""
    material: Mapping[str, Material] = field(default_factory=dict)
    """Certificates by ARN."""
    missing: frozenset[str] = frozenset()
    """ARNs of certificates that were asked for in vain. Those that are in neither have still to be
    asked for."""

    @property
    def scope(self) -> str:
        """``elb/NAME``."""
        return load_balancer_scope(self.load_balancer["LoadBalancerName"])

    def has(self, proxy: Proxy) -> bool:
        """Whether ``proxy`` is this load balancer's Envoy."""
        return proxy == load_balancer_proxy(self.load_balancer["LoadBalancerName"])


BY_HOST: Final = "*"
"""Stands for a load balancer's ARN, and for its name, where the Envoy is meant whose one port
serves every load balancer by the Host header. No load balancer has such a name."""


@dataclass(frozen=True)
class ByHostSnapshot:
    """What the Envoy that selects load balancers by the Host header forwards to, at one
    revision.
    """

    revision: int
    port: int
    """Where it listens, on 127.0.0.1."""
    addresses: Mapping[str, tuple[str, int]]
    """By DNS name: address and local port of the load balancer's listener without TLS that has the
    lowest port."""
    further: Mapping[str, tuple[str, int]]
    """The same for a Host header that names a listener's own port: ``DNS-NAME:PORT``."""

    @property
    def scope(self) -> str:
        """``elb/*``."""
        return load_balancer_scope(BY_HOST)

    def has(self, proxy: Proxy) -> bool:
        """Whether ``proxy`` is this Envoy."""
        return proxy == load_balancer_proxy(BY_HOST)


def is_by_host(arn: str) -> bool:
    """Whether this stands for the Envoy that selects load balancers by the Host header."""
    return arn == BY_HOST


def listens_by_host(listener: ListenerBody) -> bool:
    """Whether the Host header can select the listener: it takes plain HTTP, or bytes of any kind,
    which may be HTTP, such as those for a virtual gateway behind a network load balancer.
    """
    return listener["Protocol"] in ("HTTP", "TCP")


def load_balancer_name(arn: str) -> str:
    """The name in a load balancer's ARN: ``…:loadbalancer/app/NAME/ID``."""
    return arn if is_by_host(arn) else arn.split("/")[2]


def forwards_to(action: ActionBody) -> list[WeightedGroup]:
    """The target groups of a forward action with their weights, 1 where none is given; empty for
    other actions.
    """
    if action["Type"] != "forward":
        return []
    config = action.get("ForwardConfig")
    if config is not None and config.get("TargetGroups"):
        return [{"Weight": 1, **group} for group in config["TargetGroups"]]
    return [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]


def named_groups(load_balancer: LoadBalancerBody) -> set[str]:
    """The ARNs of the target groups that the listeners and rules of a load balancer lead to."""
    return {
        group["TargetGroupArn"]
        for listener in load_balancer["Listeners"]
        for actions in (
            listener["DefaultActions"],
            *(rule["Actions"] for rule in listener["Rules"]),
        )
        for action in actions
        for group in forwards_to(action)
    }
