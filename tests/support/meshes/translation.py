"""One translation by itself, for tests that compare what two snapshots become."""

from __future__ import annotations

from tealmesh.envoy.resources import ResourceSet, dangling
from tealmesh.envoy.translate import Translator
from tealmesh.model.mesh import MeshSnapshot, Proxy


def translate(snapshot: MeshSnapshot, proxy: Proxy) -> ResourceSet:
    """The resources of ``proxy``, built anew; no reference among them may dangle."""
    resources = Translator().translate(snapshot, proxy)
    assert dangling(resources) == []
    return resources
