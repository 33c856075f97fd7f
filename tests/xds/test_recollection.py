"""An Envoy that says one version for all comes to a replica that has never seen it."""

from __future__ import annotations

import pytest

from tealmesh.envoy.resources import ResourceSet
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.model.mesh import Kind, Proxy, Snapshot
from tealmesh.xds.protocol.exchange import Request, version_of
from tealmesh.xds.streams.cache import AdsCache
from tests.support.meshes.builder import MeshBuilder
from tests.xds.stream import NODE, resources

PROXY = Proxy("m", Kind.VIRTUAL_NODE, "app")
BLUE, GREEN = (resources(weight=1, colours=(colour,)) for colour in ("blue", "green"))
BOTH = resources(weight=1, colours=("blue", "green"))


class Replica:
    """A replica that was given these targets, one after the other."""

    def __init__(self, *targets: ResourceSet) -> None:
        self.mesh = MeshBuilder()
        self.mesh.node("app")
        self.made: dict[int, ResourceSet] = {}
        self.translated: list[int] = []
        self.cache = AdsCache(self._translate, lambda _: [], lambda: 0.0)
        for target in targets:
            self.give(target)

    def _translate(self, snapshot: Snapshot, proxy: Proxy) -> ResourceSet:
        self.translated.append(snapshot.revision)
        return self.made[snapshot.revision]

    def give(self, target: ResourceSet) -> None:
        self.mesh.node("another")  # another revision
        snapshot = self.mesh.snapshot()
        self.made[snapshot.revision] = target
        # As in the event loop, but that nobody is woken.
        self.cache._schedule = lambda mesh: None
        self.cache.update(snapshot)

    def sends(self, version: str) -> str:
        """The version of the clusters that the first response to an Envoy with ``version`` has."""
        envoy = self.cache.connect("a", NODE, PROXY, delta=False)
        envoy.request(T.CLUSTER, Request(version=version))
        self.cache.refresh(envoy)
        send = envoy.session.next(0.0)
        return "" if send is None else "+".join(sorted(send.change.resources))


def versions() -> dict[str, str]:
    """Of clusters, by what they are."""
    made = {"blue": BLUE, "green": GREEN, "blue+green": BOTH}
    return {name: version_of(target.clusters) for name, target in made.items()}


@pytest.mark.parametrize(
    ("holds", "gets"),
    [
        ("green", ""),  # it has the newest
        ("blue", "blue+green"),  # blue may be in use
        ("blue+green", "blue+green"),  # on the way from one to the other
        ("", "green"),
    ],
)
def test_what_it_may_use_is_not_removed(holds: str, gets: str) -> None:
    replica = Replica(BLUE, GREEN)
    assert replica.sends(versions().get(holds, "")) == gets


def test_former_targets_are_made_only_for_whom_they_are_needed_and_once() -> None:
    replica = Replica(BLUE, BOTH, GREEN)
    replica.sends(versions()["green"])
    assert len(replica.translated) == 1
    for _ in range(3):
        replica.sends(versions()["blue"])
    assert len(replica.translated) == 3
