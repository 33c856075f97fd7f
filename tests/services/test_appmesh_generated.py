"""Specifications that the model allows: each is accepted and can be translated, or is refused as
App Mesh refuses, and then nothing has changed. Never anything in between.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tealmesh.aws.codec import load_model
from tealmesh.aws.validation import validate
from tealmesh.envoy.translate import translate
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind, Proxy
from tealmesh.services.appmesh_nouns import NOUNS
from tealmesh.store.snapshot import mesh_snapshot
from tests.support.appmesh import Direct
from tests.support.envoy import static_bootstrap
from tests.support.envoy import validate as validate_by_envoy
from tests.support.shapes import values

MODEL = load_model("appmesh")
KINDS = [kind for kind in Kind if kind is not Kind.MESH]
REFUSALS = {"BadRequestException", "NotFoundException", "ConflictException"}
ENVOYS = 10
"""Configurations of each kind that a real Envoy is asked about."""

LISTENERS = {"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]}

# What a member is set to where chance alone would hardly ever find a value that fits.
FITTING: dict[str, Any] = {
    "prefix": "/a",
    "exact": "/b",
    "regex": "/c[0-9]+",
    "value": 7,
    "unit": "s",
    "port": 80,
    "protocol": "http",
    "virtualNode": "n",
    "virtualNodeName": "n",
    "virtualRouterName": "r",
    "virtualServiceName": "s",
    "hostname": "app.local",
    "name": "x-name",
    "httpRetryEvents": ["gateway-error"],
    "suffix": ".local",
    "start": 1,
    "end": 9,
    "serviceName": "pkg.Service",
    "methodName": "Call",
}
DROPPED = {"tls", "retryPolicy"}


def specs(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    shape = MODEL.operation(f"Create{NOUNS[kind].title}").input_shape.members["spec"]
    return values(shape).map(_logging_nowhere)


def _logging_nowhere(spec: dict[str, Any]) -> dict[str, Any]:
    """Envoy opens its access log even to validate: not at a path that chance has chosen."""
    file = spec.get("logging", {}).get("accessLog", {}).get("file")
    if file:
        file["path"] = "/dev/null"
    return spec


ALTERNATIVES = [
    ("httpRoute", "http2Route", "grpcRoute", "tcpRoute"),
    ("prefix", "path"),
    ("exact", "regex", "suffix"),
    ("defaultPrefix", "value"),
]
"""Members of one structure of which only the first that is there is kept."""


def fitted(value: Any, member: str = "") -> Any:
    """``value`` with the members of `FITTING` set where their type allows it, and without what
    excludes what comes before it.
    """
    if isinstance(value, dict):
        excluded = {
            name for names in ALTERNATIVES for name in [name for name in names if name in value][1:]
        }
        kept = {k: v for k, v in value.items() if k not in excluded and k not in DROPPED}
        return {k: fitted(v, k) for k, v in kept.items()}
    if member == "weightedTargets":
        return [{"virtualNode": "n", "weight": 1}]
    if isinstance(value, list) and member not in FITTING:
        return [fitted(item) for item in value]
    fitting = FITTING.get(member)
    return fitting if type(fitting) is type(value) else value


class System:
    """A mesh with one of each, in which resources named ``new`` come and go."""

    def __init__(self, path: Path) -> None:
        self.direct = Direct(path)
        self.bootstraps: dict[str, str] = {}
        """One Envoy bootstrap for each different configuration, by proxy and content."""
        self.direct.call("create_mesh", meshName="m")
        node = {**LISTENERS, "serviceDiscovery": {"dns": {"hostname": "a.local"}}}
        node["backends"] = [
            {"virtualService": {"virtualServiceName": name}} for name in ("new", "s")
        ]
        self.call("create", Kind.VIRTUAL_NODE, "n", node)
        self.call("create", Kind.VIRTUAL_ROUTER, "r", LISTENERS)
        self.call("create", Kind.VIRTUAL_GATEWAY, "g", LISTENERS)
        provider = {"provider": {"virtualRouter": {"virtualRouterName": "r"}}}
        self.call("create", Kind.VIRTUAL_SERVICE, "s", provider)

    def call(self, verb: str, kind: Kind, name: str, spec: dict[str, Any] | None = None) -> None:
        noun = NOUNS[kind]
        holder = {Kind.ROUTE: ("r",), Kind.GATEWAY_ROUTE: ("g",)}.get(kind, ())
        request = dict(zip(noun.name_members, ("m", *holder, name), strict=True))
        request |= {"spec": spec} if spec is not None else {}
        validate(MODEL, f"{verb.title()}{noun.title}", request)
        self.direct.call(f"{verb}_{noun.verb_object}", **request)

    def refusal(self, kind: Kind, spec: dict[str, Any]) -> str | None:
        try:
            self.call("create", kind, "new", spec)
        except AwsError as error:
            return error.code
        return None

    def outcome(self, kind: Kind, spec: dict[str, Any]) -> str:
        """Create ``new``, see every proxy translated, delete it: ``accepted`` or the error."""
        before = self.direct.store.view
        refused = self.refusal(kind, spec)
        if refused:
            assert refused in REFUSALS
            assert self.direct.store.view is before
            return refused
        snapshot = mesh_snapshot(self.direct.store.view, "m")
        assert snapshot is not None
        for proxies, names in (
            (Kind.VIRTUAL_NODE, snapshot.virtual_nodes),
            (Kind.VIRTUAL_GATEWAY, snapshot.virtual_gateways),
        ):
            for name in names:
                made = translate(snapshot, Proxy("m", proxies, name))
                self.bootstraps.setdefault(static_bootstrap(made), f"{kind} {spec}")
        self.call("delete", kind, "new")
        return "accepted"


@pytest.mark.parametrize("kind", KINDS)
def test_anything_is_accepted_whole_or_refused(kind: Kind, tmp_path: Path) -> None:
    system = System(tmp_path / "state.db")
    quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    seen: Counter[str] = Counter()

    @quick
    @given(spec=specs(kind))
    def each(spec: dict[str, Any]) -> None:
        seen[system.outcome(kind, spec)] += 1
        seen[system.outcome(kind, fitted(spec))] += 1

    try:
        each()
    finally:
        system.direct.close()
    assert seen["accepted"] >= 5, seen
    for bootstrap, origin in list(system.bootstraps.items())[:ENVOYS]:
        assert validate_by_envoy(bootstrap, tmp_path) == "", origin
    assert seen["BadRequestException"] >= (0 if kind is Kind.VIRTUAL_SERVICE else 5), seen
