"""Any order of creating, changing and deleting keeps App Mesh's invariants.

A simple model of names and references runs beside the real service on a real store. After every
step both hold the same resources, and no reference leads nowhere; at the end every Envoy of the
mesh can be configured.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tealmesh.apis.appmesh.nouns import NOUNS
from tealmesh.apis.appmesh.quotas import Quotas
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind, Proxy
from tealmesh.store.snapshot import mesh_snapshot
from tests.support.drills import examples
from tests.support.meshes.translation import translate
from tests.support.planes.appmesh import Direct

NAMES = st.sampled_from(["a", "b", "c"])
TARGETS = st.lists(NAMES, min_size=1, max_size=3, unique=True)
QUOTA = 2
LISTENERS = {"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]}
BACKENDS = [{"virtualService": {"virtualServiceName": name}} for name in ("a", "b", "c")]
NODE = {
    **LISTENERS,
    "serviceDiscovery": {"dns": {"hostname": "a.local"}},
    "backends": BACKENDS,
}

Key = tuple[str, ...]


class AppMeshMachine(RuleBasedStateMachine):
    """``model`` maps (kind, names below the mesh) to what the resource refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        path = Path(self.directory.name) / "state.db"
        quotas = Quotas(resources=dict.fromkeys(Kind, QUOTA))
        self.direct = Direct(path, quotas)
        self.mesh = False
        self.model: dict[Key, tuple[Key, ...]] = {}
        self.versions: dict[Key, int] = {}

    def teardown(self) -> None:
        self.every_proxy_can_be_configured()
        self.direct.close()
        self.directory.cleanup()

    # What the service may do next, by the model ------------------------------------------------

    def expected(self, verb: str, key: Key, refers: tuple[Key, ...] = ()) -> str:
        """The outcome of ``verb`` on ``key``: an error code, or ``ok``."""
        kind, *names = key
        holder = NOUNS[Kind(kind)].parent
        if not self.mesh or (holder and (holder.value, names[0]) not in self.model):
            return "NotFoundException"
        if verb == "create" and key in self.model:
            return "ConflictException"
        if verb != "create" and key not in self.model:
            return "NotFoundException"
        if verb == "create":
            siblings = [k for k in self.model if k[0] == kind and k[1:-1] == key[1:-1]]
            if len(siblings) >= QUOTA:
                return "LimitExceededException"
        if verb == "delete":
            used = any(key in others for others in self.model.values())
            held = any(k[1] == names[-1] and len(k) == 3 for k in self.model if _holds(kind, k))
            return "ResourceInUseException" if used or held else "ok"
        missing = any(other not in self.model for other in refers)
        return "NotFoundException" if missing else "ok"

    def attempt(self, verb: str, key: Key, spec: Any = None, refers: tuple[Key, ...] = ()) -> None:
        kind, *names = key
        noun = NOUNS[Kind(kind)]
        request = dict(zip(noun.name_members, ("m", *names), strict=True))
        if verb != "delete":
            request["spec"] = spec
        expected = self.expected(verb, key, refers)
        revision = self.direct.store.revision
        outcome, answer = self.outcome(f"{verb}_{noun.verb_object}", request)
        assert outcome == expected
        if outcome != "ok":
            assert self.direct.store.revision == revision
            return
        metadata = answer[kind]["metadata"]
        if verb == "delete":
            del self.model[key], self.versions[key]
        else:
            self.model[key] = refers
            self.versions[key] = 1 if verb == "create" else self.versions[key] + 1
            assert metadata["version"] == self.versions[key]
            assert answer[kind]["spec"] == spec

    def outcome(self, operation: str, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        try:
            return "ok", self.direct.call(operation, **request)
        except AwsError as error:
            return error.code, {}

    # Steps -------------------------------------------------------------------------------------

    @rule()
    def toggle_mesh(self) -> None:
        if not self.mesh:
            self.direct.call("create_mesh", meshName="m")
            self.mesh = True
            return
        outcome, _ = self.outcome("delete_mesh", {"meshName": "m"})
        assert outcome == ("ResourceInUseException" if self.model else "ok")
        self.mesh = outcome != "ok"

    @rule(verb=st.sampled_from(["create", "update"]), name=NAMES)
    def node(self, verb: str, name: str) -> None:
        self.attempt(verb, ("virtualNode", name), NODE)

    @rule(verb=st.sampled_from(["create", "update"]), name=NAMES)
    def router(self, verb: str, name: str) -> None:
        self.attempt(verb, ("virtualRouter", name), LISTENERS)

    @rule(verb=st.sampled_from(["create", "update"]), name=NAMES)
    def gateway(self, verb: str, name: str) -> None:
        self.attempt(verb, ("virtualGateway", name), LISTENERS)

    @rule(
        verb=st.sampled_from(["create", "update"]),
        name=NAMES,
        provider=st.none() | st.tuples(st.sampled_from(["virtualNode", "virtualRouter"]), NAMES),
    )
    def service(self, verb: str, name: str, provider: Key | None) -> None:
        spec = {"provider": {provider[0]: {f"{provider[0]}Name": provider[1]}}} if provider else {}
        self.attempt(verb, ("virtualService", name), spec, (provider,) if provider else ())

    @rule(verb=st.sampled_from(["create", "update"]), router=NAMES, name=NAMES, nodes=TARGETS)
    def route(self, verb: str, router: str, name: str, nodes: list[str]) -> None:
        weighted = [{"virtualNode": node, "weight": 1} for node in nodes]
        spec = {"httpRoute": {"match": {}, "action": {"weightedTargets": weighted}}}
        refers = tuple(("virtualNode", node) for node in nodes)
        self.attempt(verb, ("route", router, name), spec, refers)

    @rule(verb=st.sampled_from(["create", "update"]), gateway=NAMES, name=NAMES, service=NAMES)
    def gateway_route(self, verb: str, gateway: str, name: str, service: str) -> None:
        target = {"virtualService": {"virtualServiceName": service}}
        spec = {"httpRoute": {"match": {}, "action": {"target": target}}}
        self.attempt(verb, ("gatewayRoute", gateway, name), spec, (("virtualService", service),))

    @rule(
        kind=st.sampled_from(["virtualNode", "virtualRouter", "virtualService", "virtualGateway"]),
        name=NAMES,
    )
    def delete(self, kind: str, name: str) -> None:
        self.attempt("delete", (kind, name))

    @rule(kind=st.sampled_from(["route", "gatewayRoute"]), holder=NAMES, name=NAMES)
    def delete_held(self, kind: str, holder: str, name: str) -> None:
        self.attempt("delete", (kind, holder, name))

    @invariant()
    def both_hold_the_same(self) -> None:
        view = self.direct.store.view
        stored = {
            (noun.kind.value, *(part for part in (d.body["parent"], d.body["name"]) if part))
            for noun in NOUNS.values()
            if noun.kind is not Kind.MESH
            for d in view.list(noun.collection)
        }
        assert stored == set(self.model)
        for references in self.model.values():
            assert all(reference in self.model for reference in references)

    def every_proxy_can_be_configured(self) -> None:
        snapshot = mesh_snapshot(self.direct.store.view, "m")
        if snapshot is None:
            return
        for kind, names in (
            (Kind.VIRTUAL_NODE, snapshot.virtual_nodes),
            (Kind.VIRTUAL_GATEWAY, snapshot.virtual_gateways),
        ):
            for name in names:
                assert translate(snapshot, Proxy("m", kind, name, address="127.0.0.2"))


def _holds(kind: str, other: Key) -> bool:
    """Whether a resource of ``kind`` can hold ``other``."""
    parent = NOUNS[Kind(other[0])].parent
    return parent is not None and parent.value == kind


TestAppMesh = AppMeshMachine.TestCase
TestAppMesh.settings = settings(max_examples=examples(40), stateful_step_count=50, deadline=None)
