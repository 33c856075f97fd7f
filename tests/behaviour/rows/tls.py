"""TLS: of the listeners of nodes and gateways, and towards backends.

https://docs.aws.amazon.com/app-mesh/latest/userguide/tls.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.behaviour.secrets import ACM, PCA
from tests.behaviour.table import (
    ALL_LISTENERS,
    MEMBERS,
    PORTS,
    Row,
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
    found: dict[str, Any] = {"trust": _trust(source, authority)}
    if names:
        found["subjectAlternativeNames"] = {"match": {"exact": list(names)}}
    return found


def _strict(**more: Any) -> dict[str, Any]:
    return {"mode": "STRICT", "certificate": CERTIFICATES["file"], **more}


def _listeners(where: str) -> Iterator[Row]:
    """A listener with TLS, seen by clients that have no Envoy."""
    gateway = where == "virtualGateway"
    via: Via = "gateway" if gateway else "node"
    answers = "blue" if gateway else "app"
    at = f"{where}.listeners[].tls"

    def one(trust: str = "", own: str = "", **expected: Any) -> Any:
        tls = {"trust": trust, "own": own} if trust else None
        return call("/", answers, via=via, tls=tls, **expected)

    def refused(trust: str = "", own: str = "") -> Any:
        tls = {"trust": trust, "own": own} if trust else None
        return call("/", via=via, tls=tls, status="refused")

    def row(name: str, says: str, paths: tuple[str, ...], tls: Any, *calls: Any) -> Row:
        spec = listener(tls=tls)
        proves = tuple(f"{at}.{path}" for path in paths)
        name = f"tls-{via}-listener-{name}"
        if gateway:
            routes = {"only": gateway_route({"prefix": "/"})}
            own = {"listeners": [spec]}
            return Row(name, says, proves, calls, gateway=own, gateway_routes=routes)
        return Row(name, says, proves, calls, app=node("app", spec))

    yield row("strict", "STRICT: TLS only", ("mode",), _strict(), one("mesh"), refused())
    yield row(
        "permissive",
        "PERMISSIVE: TLS and plaintext on the same port",
        ("mode",),
        _strict(mode="PERMISSIVE"),
        one("mesh"),
        one(),
    )
    yield row(
        "disabled",
        "DISABLED: plaintext only",
        ("mode",),
        _strict(mode="DISABLED"),
        one(),
        refused("mesh"),
    )
    for source, certificate in CERTIFICATES.items():
        yield row(
            f"certificate-{source}",
            f"the server certificate comes from {source}",
            tuple(f"certificate.{leaf}" for leaf in LEAVES[source]),
            _strict(certificate=certificate),
            one("mesh", certificate=(SERVER, f"from.{source}")),
            refused("other"),
        )
    for source in ("file", "sds"):
        yield row(
            f"client-trust-{source}",
            f"clients need a certificate signed by the authority from {source}",
            (f"validation.trust.{TRUST[source]}",),
            _strict(validation=_validation(source)),
            one("mesh", "web"),
            refused("mesh"),
            refused("mesh", "stranger"),
        )
    yield row(
        "client-name",
        "client certificates must have one of these names",
        ("validation.subjectAlternativeNames.match.exact[]",),
        _strict(validation=_validation("file", "mesh", "spiffe://m/web")),
        one("mesh", "web"),
        refused("mesh", "file"),
    )


HOLDERS: Mapping[str, str] = {
    "default": "virtualNode.backendDefaults.clientPolicy.tls",
    "backend": "virtualNode.backends[].virtualService.clientPolicy.tls",
    "gateway": "virtualGateway.backendDefaults.clientPolicy.tls",
}


def _policies(holder: str) -> Iterator[Row]:
    """A caller's TLS policy towards node ``app``."""
    at, via = HOLDERS[holder], "gateway" if holder == "gateway" else "egress"

    def row(
        name: str, says: str, paths: tuple[str, ...], policy: Any, server: Any, good: bool
    ) -> Row:
        tls = {"clientPolicy": {"tls": policy}}
        more: dict[str, Any] = {}
        if holder == "gateway":
            more["gateway"] = {"listeners": [listener()], "backendDefaults": tls}
            more["gateway_routes"] = {"only": gateway_route({"prefix": "/"})}
        elif holder == "default":
            more["web"] = {"backendDefaults": tls}
        else:
            backend = {"virtualServiceName": "shop.local", **tls}
            more["web"] = {"backends": [{"virtualService": backend}]}
        made = call("/", "app", via=via) if good else call("/", via=via, status=503, tries=0)
        own = listener(tls=server) if server else listener()
        return Row(
            f"tls-{holder}-{name}",
            says,
            tuple(f"{at}.{path}" for path in paths),
            (made,),
            app=node("app", own),
            routes={"all": route("app")},
            **more,
        )

    def policy(validation: Any = None, **more: Any) -> dict[str, Any]:
        return {"validation": validation or _validation(), **more}

    for source, leaf in TRUST.items():
        path = (f"validation.trust.{leaf}",)
        yield row(
            f"trust-{source}",
            f"a server is accepted if the authority from {source} has signed its certificate",
            path,
            policy(_validation(source)),
            _strict(),
            True,
        )
        yield row(
            f"trust-{source}-other",
            "a server is refused if another authority has signed its certificate",
            path,
            policy(_validation(source, "other")),
            _strict(),
            False,
        )
    names = ("validation.subjectAlternativeNames.match.exact[]",)
    yield row(
        "name",
        "the server's certificate must have one of these names",
        names,
        policy(_validation("file", "mesh", "else.ns", SERVER)),
        _strict(),
        True,
    )
    yield row(
        "name-other",
        "a server whose certificate has none of these names is refused",
        names,
        policy(_validation("file", "mesh", "else.ns")),
        _strict(),
        False,
    )
    yield row(
        "enforce",
        "enforced: requests to a server without TLS fail",
        ("enforce",),
        policy(enforce=True),
        None,
        False,
    )
    yield row(
        "enforce-false",
        "not enforced: requests to a server without TLS are sent in plaintext",
        ("enforce",),
        policy(enforce=False),
        None,
        True,
    )
    yield row(
        "ports",
        "a policy for this port applies",
        ("ports[]",),
        policy(_validation("file", "other"), ports=[9999, PORTS["http"]]),
        _strict(),
        False,
    )
    yield row(
        "ports-other",
        "a policy for another port does not apply",
        ("ports[]",),
        policy(_validation("file", "other"), ports=[9999]),
        _strict(),
        True,
    )
    asking = _strict(validation=_validation("file", "mesh", "spiffe://m/web"))
    for source, certificate in (("file", _file("web")), ("sds", {"sds": {"secretName": "web"}})):
        yield row(
            f"certificate-{source}",
            f"the caller presents the certificate from {source} if the server requires one",
            tuple(f"certificate.{leaf}" for leaf in LEAVES[source]),
            policy(certificate=certificate),
            asking,
            True,
        )
        wrong = _file("stranger") if source == "file" else {"sds": {"secretName": "stranger"}}
        yield row(
            f"certificate-{source}-other",
            f"a server that requires another authority refuses the certificate from {source}",
            tuple(f"certificate.{leaf}" for leaf in LEAVES[source]),
            policy(certificate=wrong),
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
    *_listeners("virtualNode"),
    *_listeners("virtualGateway"),
    *(row for holder in HOLDERS for row in _policies(holder)),
    *_protocols(),
)
