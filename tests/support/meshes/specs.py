"""Random valid specifications of App Mesh, from botocore's own model.

`Writer.value` walks a shape: required members always, optional ones by chance, one member of a
union, list lengths and numbers within their bounds. Tables add what the model does not say: how a
scalar must look (`SCALARS` by the shape's name, `PLACES` by path), and which members of a
structure exclude or need each other (`ALTERNATIVES`, `TOGETHER`, `NEEDS`). What depends on the
rest of the mesh (ports, names) is `Given` by the caller. All randomness comes from the caller's
`random.Random`, so a seed always makes the same specifications.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from tealmesh.apis.appmesh.nouns import NOUNS
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.model.mesh import Kind
from tests.behaviour.secrets import ACM, PCA

MODEL = load_model("appmesh")
OMIT = object()
"""A given value: leave the member out."""

CHOSEN = object()
"""A given value: write this one of the members that exclude each other."""

Given = Mapping[str, Any]
"""By dotted path (``[]`` for elements): a value, `OMIT`, `CHOSEN` or a function."""

_TEXT = string.ascii_letters + string.digits + " -_.,;:/*%\\\"'+?()[]{}|^$é漢"
_WORD = string.ascii_letters + string.digits
_REGEXES = ("[a-z]+.*", "a{1,3}|b", "(x|y)z?", r"\d+\.\d+", r"[^/]*\pL$", ".*", r"(?i)beta")
_LOG_TEXTS = (
    "%START_TIME% %REQ(:METHOD)% %RESPONSE_CODE%\n",
    '{"at": "%START_TIME(%s.%3f)%", "flags": "%RESPONSE_FLAGS%"}\n',
    "%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %DURATION% 100%%\n",
    "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH):20% %BYTES_SENT%\n",
    "nothing of the request\n",
)
_LOG_VALUES = (
    "%PROTOCOL%",
    "%BYTES_RECEIVED%",
    "%RESP(SERVER)%",
    "plain",
    "%REQ(:AUTHORITY)%",
    "é",
)


def spec_shape(kind: Kind) -> Any:
    """The botocore shape of this kind's specification."""
    return MODEL.operation(f"Create{NOUNS[kind].title}").input_shape.members["spec"]


def shape_leaves(shape: Any, path: str = "") -> Iterator[str]:
    """The paths of all leaves of a shape, e.g. ``listeners[].portMapping.port``."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from shape_leaves(member, f"{path}.{name}" if path else name)
    elif shape.type_name == "list":
        yield from shape_leaves(shape.member, f"{path}[]")
    else:
        yield path


def all_leaves() -> set[tuple[Kind, str]]:
    """Every leaf of the seven specifications."""
    return {(kind, path) for kind in Kind for path in shape_leaves(spec_shape(kind))}


def value_leaves(value: Any, path: str = "") -> Iterator[str]:
    """The paths of the leaves that occur in a specification."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from value_leaves(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from value_leaves(item, f"{path}[]")
    else:
        yield path


class Writer:
    """Writes specifications. Their access logs and certificates (of `tests.behaviour.secrets.Pki`)
    are in ``directory``. ``unused`` starts as `all_leaves` and is shared by writers that together
    should soon use every leaf: a member that leads to one of these is always present. ``presence``
    is the probability of any other optional member.
    """

    def __init__(
        self,
        chance: Random,
        directory: Path,
        unused: set[tuple[Kind, str]] | None = None,
        *,
        presence: float = 0.5,
    ) -> None:
        self.chance = chance
        self.presence = presence
        self.directory = directory
        self._unused: set[tuple[Kind, str]] = set() if unused is None else unused
        self._kind = Kind.MESH

    def spec(self, kind: Kind, given: Given) -> dict[str, Any]:
        """A valid specification that contains what is ``given``."""
        self._kind = kind
        made: dict[str, Any] = self._value(spec_shape(kind), "", given)
        self._unused.difference_update((kind, path) for path in value_leaves(made))
        return made

    def part(self, kind: Kind, member: str, given: Given) -> Any:
        """One element of a list of the specification, e.g. of ``listeners``."""
        self._kind = kind
        shape = spec_shape(kind).members[member].member
        return self._value(shape, f"{member}[]", given)

    def often(self, probability: float = 0.5) -> bool:
        return self.chance.random() < probability

    def text(self, low: int, high: int, alphabet: str = _TEXT) -> str:
        return "".join(self.chance.choices(alphabet, k=self.chance.randint(low, high)))

    def _value(self, shape: Any, path: str, given: Given) -> Any:
        known = given.get(path, CHOSEN)
        if known is not CHOSEN:
            return known() if callable(known) else known
        if shape.type_name == "structure":
            return self._structure(shape, path, given)
        if shape.type_name == "list":
            return self._list(shape, path, given)
        return self.scalar(shape, path)

    def _structure(self, shape: Any, path: str, given: Given) -> dict[str, Any]:
        prefix = f"{path}." if path else ""
        names = list(shape.members)
        if shape.metadata.get("union"):
            names = [self._one_of(names, prefix, given)]
        else:
            names = self._fitting(shape, names, prefix, given)
        made = {}
        for name in names:
            value = self._value(shape.members[name], f"{prefix}{name}", given)
            if value is not OMIT:
                made[name] = value
        return made

    def _one_of(self, names: list[str], prefix: str, given: Given) -> str:
        asked = [name for name in names if given.get(f"{prefix}{name}") is CHOSEN]
        fresh = [name for name in names if self._fresh(f"{prefix}{name}")]
        return self.chance.choice(asked or fresh or names)

    def _fresh(self, path: str) -> bool:
        """Whether a leaf below ``path`` has not been used yet."""
        return any(kind is self._kind and leaf.startswith(path) for kind, leaf in self._unused)

    def _fitting(self, shape: Any, names: list[str], prefix: str, given: Given) -> list[str]:
        """The members to write: those that are required or given and some of the rest, but never
        two that exclude each other.
        """
        sure = {*shape.required_members, *TOGETHER.get(shape.name, ())}
        sure |= {name for name in names if given.get(f"{prefix}{name}", OMIT) is not OMIT}
        sure |= {name for name in names if self._fresh(f"{prefix}{name}")}
        chosen = [name for name in names if name in sure or self.often(self.presence)]
        for group in ALTERNATIVES:
            present = [name for name in names if name in group]
            if len(present) < 2:
                continue
            one = self._one_of(present, prefix, given)
            chosen = [name for name in chosen if name not in group or name == one]
            if shape.name not in MAY_LACK and one not in chosen:
                chosen.append(one)
        return [name for name in chosen if NEEDS.get(name, name) in chosen]

    def _list(self, shape: Any, path: str, given: Given) -> list[Any]:
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 3)
        if shape.name in NEVER_EMPTY or self._fresh(f"{path}[]"):
            low = max(low, 1)
        count = self.chance.randint(low, min(high, 3))
        made = [self._value(shape.member, f"{path}[]", given) for _ in range(count)]
        return _distinct(made)

    def scalar(self, shape: Any, path: str) -> Any:
        """A valid value of a leaf."""
        steps = path.split(".")
        for place in (".".join(steps[-count:]) for count in (3, 2, 1)):
            if place in PLACES:
                return PLACES[place](self)
        if shape.name in SCALARS:
            return SCALARS[shape.name](self)
        if "enum" in shape.metadata:
            return self.chance.choice(shape.metadata["enum"])
        low, high = shape.metadata.get("min", 1), shape.metadata.get("max")
        if shape.type_name == "boolean":
            return self.often()
        if shape.type_name == "string":
            return self.text(max(low, 1), min(high or 12, 12))
        return self.chance.choice([low, self._between(low, high or 2**31 - 1)])

    def _between(self, low: int, high: int) -> int:
        """Draws the size before the number, so that small numbers are as likely as large ones."""
        reach = min(high - low, 2 ** self.chance.randint(0, 31))
        return low + self.chance.randint(0, reach)


def _distinct(values: list[Any]) -> list[Any]:
    """Without duplicates; pairs count as duplicates if they have the same ``key``."""
    distinct: dict[Any, Any] = {}
    for value in values:
        mark = value.get("key", str(value)) if isinstance(value, dict) else value
        distinct.setdefault(mark, value)
    return list(distinct.values())


ALTERNATIVES = (
    ("httpRoute", "http2Route", "grpcRoute", "tcpRoute"),
    ("prefix", "path"),
    ("exact", "regex"),
    ("exact", "suffix"),
    ("defaultPrefix", "value"),
)
"""Members of a structure that exclude each other, which the model does not say."""

MAY_LACK = frozenset({"HttpRouteMatch", "HttpGatewayRouteMatch", "HttpGatewayRouteRewrite"})
"""Structures that may be without any of their alternatives."""

TOGETHER = {
    "Duration": ("unit", "value"),
    "HttpGatewayRoutePathRewrite": ("exact",),
    "HttpRetryPolicy": ("httpRetryEvents",),
    "GrpcRetryPolicy": ("grpcRetryEvents",),
}
"""Optional members without which the structure is refused, or has no effect."""

NEEDS = {"methodName": "serviceName"}
"""Members that need another one."""

NEVER_EMPTY = frozenset({"JsonFormat", "SubjectAlternativeNameList"})


def _path(writer: Writer) -> str:
    return "/" + writer.text(0, 8, _WORD + "/-._~+")


def _log_path(writer: Writer) -> str:
    files = (str(writer.directory / "access.log"), "/dev/null")
    return writer.chance.choice(("/dev/stdout", "/dev/stderr", *files))


def _host(writer: Writer) -> str:
    return ".".join(writer.text(1, 6, _WORD) for _ in range(writer.chance.randint(1, 3)))


SCALARS: Mapping[str, Callable[[Writer], Any]] = {
    "SubjectAlternativeName": lambda w: w.chance.choice(
        ("*.example.com", "spiffe://mesh/app", "127.0.0.1", _host(w))
    ),
    "TextFormat": lambda w: w.chance.choice(_LOG_TEXTS),
    "JsonKey": lambda w: w.text(1, 8, _WORD + "_é"),
    "JsonValue": lambda w: w.chance.choice(_LOG_VALUES),
    # Names that resolve without a name server: Envoy looks them up once it has the cluster.
    "Hostname": lambda w: w.chance.choice(("127.0.0.1", "localhost", "127.0.0.9")),
    "AwsCloudMapInstanceAttributeKey": lambda w: w.text(1, 8, _WORD),
    "AwsCloudMapInstanceAttributeValue": lambda w: w.text(1, 8, _WORD + "-._"),
    "HeaderName": lambda w: w.chance.choice(("x-", "X-", "")) + w.text(1, 8, _WORD + "-_"),
    "HttpPathExact": _path,
    "HttpPathRegex": lambda w: "/" + w.chance.choice(_REGEXES),
    "HttpGatewayRoutePrefix": _path,
    "MethodName": lambda w: w.text(1, 8, _WORD + "_"),
    "ServiceName": lambda w: f"{w.text(1, 6, _WORD)}.{w.text(1, 6, _WORD)}",
    "String": _path,
    "ExactHostName": _host,
    "SuffixHostname": lambda w: w.chance.choice(("*.", ".")) + _host(w),
    "HttpRetryPolicyEvent": lambda w: w.chance.choice(
        ("server-error", "gateway-error", "client-error", "stream-error")
    ),
    "DurationValue": lambda w: w.chance.choice((0, 1, 250, 15_000, 2**31 - 1)),
    "MaxRetries": lambda w: w.chance.choice((0, 1, 5, 2**32 - 1)),
    "OutlierDetectionMaxServerErrors": lambda w: w.chance.choice((1, 5, 2**32 - 1)),
}
"""Scalars for which the model's constraints are not enough, by the shape's name."""

PLACES: Mapping[str, Callable[[Writer], Any]] = {
    "accessLog.file.path": _log_path,
    "queryParameters[].match.exact": lambda w: w.text(0, 6),
    "match.regex": lambda w: w.chance.choice(_REGEXES),
    "range.start": lambda w: w.chance.choice((-(2**63), -7, 0)),
    "range.end": lambda w: w.chance.choice((1, 500, 2**63 - 1)),
    "certificate.file.certificateChain": lambda w: str(w.directory / "file.crt"),
    "certificate.file.privateKey": lambda w: str(w.directory / "file.key"),
    "trust.file.certificateChain": lambda w: str(w.directory / "mesh.pem"),
    "certificate.sds.secretName": lambda w: w.chance.choice(("sds", "web")),
    "trust.sds.secretName": lambda w: w.chance.choice(("mesh-ca", "other-ca")),
    "certificate.acm.certificateArn": lambda w: ACM,
    "certificateAuthorityArns[]": lambda w: PCA + w.chance.choice(("mesh", "other")),
}
"""The same, by the last steps of a path."""
