"""TLS: of the listeners of nodes and gateways, and towards backends.

https://docs.aws.amazon.com/app-mesh/latest/userguide/tls.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.behaviour.secrets import ACM, PCA
from tests.behaviour.table import (
    ALL_LISTENERS,
    MEMBERS,
    PORTS,
    Call,
    Row,
    Spec,
    Via,
    call,
    gateway_route,
    listener,
    node,
    path_of,
    route,
)

SERVER = "app.ns"
"""The name that callers expect in the server's certificate: the Cloud Map name."""


def _file(name: str) -> dict[str, Any]:
    return {"file": {"certificateChain": f"$DIR/{name}.crt", "privateKey": f"$DIR/{name}.key"}}


CERTIFICATES: Mapping[str, Any] = {
    "file": _file("file"),
    "sds": {"sds": {"secretName": "sds"}},
    "acm": {"acm": {"certificateArn": ACM}},
}
LEAVES: Mapping[str, tuple[str, ...]] = {
    "file": ("file.certificateChain", "file.privateKey"),
    "sds": ("sds.secretName",),
    "acm": ("acm.certificateArn",),
}


def _trust(source: str, authority: str = "mesh") -> dict[str, Any]:
    return {
        "file": {"file": {"certificateChain": f"$DIR/{authority}.pem"}},
        "sds": {"sds": {"secretName": f"{authority}-ca"}},
        "acm": {"acm": {"certificateAuthorityArns": [f"{PCA}{authority}"]}},
    }[source]


TRUST: Mapping[str, str] = {
    "file": "file.certificateChain",
    "sds": "sds.secretName",
    "acm": "acm.certificateAuthorityArns[]",
}


def _validation(source: str = "file", authority: str = "mesh", *names: str) -> dict[str, Any]:
    validation: dict[str, Any] = {"trust": _trust(source, authority)}
    if names:
        validation["subjectAlternativeNames"] = {"match": {"exact": list(names)}}
    return validation


def _strict(**more: Any) -> dict[str, Any]:
    return {"mode": "STRICT", "certificate": CERTIFICATES["file"], **more}


@dataclass(frozen=True)
class _Listeners:
    """Listeners with TLS, seen by clients that have no Envoy."""

    kind: Literal["virtualNode", "virtualGateway"]

    def rows(self) -> Iterator[Row]:
        yield from self.modes()
        yield from self.certificates()
        yield from self.clients()

    @property
    def via(self) -> Via:
        return "node" if self.kind == "virtualNode" else "gateway"

    def one(self, trust: str = "", own: str = "", **expected: Any) -> Call:
        """A call that is answered; in plaintext without ``trust``."""
        tls = {"trust": trust, "own": own} if trust else None
        answers = "app" if self.via == "node" else "blue"
        return call("/", answers, via=self.via, tls=tls, **expected)

    def refused(self, trust: str = "", own: str = "") -> Call:
        tls = {"trust": trust, "own": own} if trust else None
        return call("/", via=self.via, tls=tls, status="refused")

    def row(self, name: str, says: str, paths: tuple[str, ...], tls: Spec, *calls: Call) -> Row:
        spec = listener(tls=tls)
        proves = tuple(f"{self.kind}.listeners[].tls.{path}" for path in paths)
        name = f"tls-{self.via}-listener-{name}"
        if self.via == "node":
            return Row(name, says, proves, calls, app=node("app", spec))
        gateway, routes = {"listeners": [spec]}, {"only": gateway_route({"prefix": "/"})}
        return Row(name, says, proves, calls, gateway=gateway, gateway_routes=routes)

    def modes(self) -> Iterator[Row]:
        yield self.row(
            "strict", "STRICT: TLS only", ("mode",), _strict(), self.one("mesh"), self.refused()
        )
        yield self.row(
            "permissive",
            "PERMISSIVE: TLS and plaintext on the same port",
            ("mode",),
            _strict(mode="PERMISSIVE"),
            self.one("mesh"),
            self.one(),
        )
        yield self.row(
            "disabled",
            "DISABLED: plaintext only",
            ("mode",),
            _strict(mode="DISABLED"),
            self.one(),
            self.refused("mesh"),
        )

    def certificates(self) -> Iterator[Row]:
        for source, certificate in CERTIFICATES.items():
            yield self.row(
                f"certificate-{source}",
                f"the server certificate comes from {source}",
                tuple(f"certificate.{leaf}" for leaf in LEAVES[source]),
                _strict(certificate=certificate),
                self.one("mesh", certificate=(SERVER, f"from.{source}")),
                self.refused("other"),
            )

    def clients(self) -> Iterator[Row]:
        """Which clients a listener accepts."""
        for source in ("file", "sds"):
            yield self.row(
                f"client-trust-{source}",
                f"clients need a certificate signed by the authority from {source}",
                (f"validation.trust.{TRUST[source]}",),
                _strict(validation=_validation(source)),
                self.one("mesh", "web"),
                self.refused("mesh"),
                self.refused("mesh", "stranger"),
            )
        yield self.row(
            "client-name",
            "client certificates must have one of these names",
            ("validation.subjectAlternativeNames.match.exact[]",),
            _strict(validation=_validation("file", "mesh", "spiffe://m/web")),
            self.one("mesh", "web"),
            self.refused("mesh", "file"),
        )


HOLDERS: Mapping[str, str] = {
    "default": "virtualNode.backendDefaults.clientPolicy.tls",
    "backend": "virtualNode.backends[].virtualService.clientPolicy.tls",
    "gateway": "virtualGateway.backendDefaults.clientPolicy.tls",
}


def _policy(validation: Spec | None = None, **more: Any) -> dict[str, Any]:
    return {"validation": validation or _validation(), **more}


@dataclass(frozen=True)
class _Policies:
    """A caller's TLS policy towards node ``app``."""

    holder: str
    """A key of `HOLDERS`."""

    def rows(self) -> Iterator[Row]:
        yield from self.trust()
        yield from self.names()
        yield from self.enforcement()
        yield from self.ports()
        yield from self.certificates()

    def row(
        self, name: str, says: str, paths: tuple[str, ...], policy: Spec, server: Any, good: bool
    ) -> Row:
        """``server`` is the TLS of the app's listener; ``good`` whether it answers the caller."""
        via: Via = "gateway" if self.holder == "gateway" else "egress"
        outcome = call("/", "app", via=via) if good else call("/", via=via, status=503, tries=0)
        own = listener(tls=server) if server else listener()
        return Row(
            f"tls-{self.holder}-{name}",
            says,
            tuple(f"{HOLDERS[self.holder]}.{path}" for path in paths),
            (outcome,),
            app=node("app", own),
            routes={"all": route("app")},
            **self.caller(policy),
        )

    def caller(self, policy: Spec) -> dict[str, Any]:
        """Members of the row: the caller with this policy."""
        tls = {"clientPolicy": {"tls": policy}}
        if self.holder == "gateway":
            gateway = {"listeners": [listener()], "backendDefaults": tls}
            return {"gateway": gateway, "gateway_routes": {"only": gateway_route({"prefix": "/"})}}
        if self.holder == "default":
            return {"web": {"backendDefaults": tls}}
        backend = {"virtualServiceName": "shop.local", **tls}
        return {"web": {"backends": [{"virtualService": backend}]}}

    def trust(self) -> Iterator[Row]:
        for source, leaf in TRUST.items():
            path = (f"validation.trust.{leaf}",)
            yield self.row(
                f"trust-{source}",
                f"a server is accepted if the authority from {source} has signed its certificate",
                path,
                _policy(_validation(source)),
                _strict(),
                True,
            )
            yield self.row(
                f"trust-{source}-other",
                "a server is refused if another authority has signed its certificate",
                path,
                _policy(_validation(source, "other")),
                _strict(),
                False,
            )

    def names(self) -> Iterator[Row]:
        names = ("validation.subjectAlternativeNames.match.exact[]",)
        yield self.row(
            "name",
            "the server's certificate must have one of these names",
            names,
            _policy(_validation("file", "mesh", "else.ns", SERVER)),
            _strict(),
            True,
        )
        yield self.row(
            "name-other",
            "a server whose certificate has none of these names is refused",
            names,
            _policy(_validation("file", "mesh", "else.ns")),
            _strict(),
            False,
        )

    def enforcement(self) -> Iterator[Row]:
        yield self.row(
            "enforce",
            "enforced: requests to a server without TLS fail",
            ("enforce",),
            _policy(enforce=True),
            None,
            False,
        )
        yield self.row(
            "enforce-false",
            "not enforced: requests to a server without TLS are sent in plaintext",
            ("enforce",),
            _policy(enforce=False),
            None,
            True,
        )

    def ports(self) -> Iterator[Row]:
        yield self.row(
            "ports",
            "a policy for this port applies",
            ("ports[]",),
            _policy(_validation("file", "other"), ports=[9999, PORTS["http"]]),
            _strict(),
            False,
        )
        yield self.row(
            "ports-other",
            "a policy for another port does not apply",
            ("ports[]",),
            _policy(_validation("file", "other"), ports=[9999]),
            _strict(),
            True,
        )

    def certificates(self) -> Iterator[Row]:
        asking = _strict(validation=_validation("file", "mesh", "spiffe://m/web"))
        for source, certificate in (
            ("file", _file("web")),
            ("sds", {"sds": {"secretName": "web"}}),
        ):
            yield self.row(
                f"certificate-{source}",
                f"the caller presents the certificate from {source} if the server requires one",
                tuple(f"certificate.{leaf}" for leaf in LEAVES[source]),
                _policy(certificate=certificate),
                asking,
                True,
            )
            wrong = _file("stranger") if source == "file" else {"sds": {"secretName": "stranger"}}
            yield self.row(
                f"certificate-{source}-other",
                f"a server that requires another authority refuses the certificate from {source}",
                tuple(f"certificate.{leaf}" for leaf in LEAVES[source]),
                _policy(certificate=wrong),
                asking,
                False,
            )


def _protocols() -> Iterator[Row]:
    for protocol in PORTS:
        more: dict[str, Any] = {"closed": False} if protocol == "tcp" else {}
        path = path_of(protocol)
        yield Row(
            f"tls-between-envoys-{protocol}",
            f"{protocol} runs in TLS between two Envoys as soon as the server requires it",
            ("virtualNode.listeners[].tls.mode",),
            (call(path, "app", protocol=protocol, **more),),
            app=node("app", listener(protocol, tls=_strict())),
            routes={"all": route("app", None, MEMBERS[protocol])},
        )
    yield Row(
        "tls-one-listener-of-many",
        "each listener has its own TLS settings; the node's others stay plaintext",
        ("virtualNode.listeners[].tls.mode",),
        (
            call("/", "app", via="node", tls={"trust": "mesh", "own": ""}),
            call("/pkg.S/Do", "app", via="node", protocol="grpc"),
        ),
        app=node("app", listener(tls=_strict()), *ALL_LISTENERS[1:]),
    )


ROWS: tuple[Row, ...] = (
    *_Listeners("virtualNode").rows(),
    *_Listeners("virtualGateway").rows(),
    *(row for holder in HOLDERS for row in _Policies(holder).rows()),
    *_protocols(),
)
