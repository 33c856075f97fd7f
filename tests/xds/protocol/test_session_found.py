"""Cases that the property test in `test_session` found, each on its own."""

from __future__ import annotations

import pytest

from tealmesh.envoy.resources import ResourceSet
from tests.xds.protocol.test_session import Machine, resource

LISTENERS = [resource("lr0", "r0", ("r0",))]


def target(*clusters: tuple[str, str], to: str, bad: str = "") -> ResourceSet:
    """Clusters (name, version) with their endpoints, and one route to the cluster ``to``."""
    made = [resource(n, version, (n,), bad=n == bad) for n, version in clusters]
    endpoints = [resource(n, "0") for n, _ in clusters]
    groups = (made, endpoints, LISTENERS, [resource("r0", to, (to,))], [])
    return ResourceSet(*[{r.name: r for r in group} for group in groups])


GOOD = target(("c0", "0"), to="c0")


@pytest.mark.parametrize("seen", [False, True])
def test_what_a_refused_response_left_behind_goes_after_a_new_stream(seen: bool) -> None:
    """Envoy reports the version before it; a state-of-the-world stream says nothing else."""
    machine = Machine()
    machine.start(delta=False, slow=False, wanted=GOOD)
    machine.all_arrives()
    machine.set_target(target(("c0", "1"), ("c1", "0"), to="c0", bad="c0"))
    machine.write_response()
    machine.deliver_response()
    if seen:
        machine.read_request()
    machine.set_target(GOOD)
    machine.break_stream()
    machine.all_arrives()


def test_a_good_target_is_not_refused_for_a_cluster_of_the_one_before() -> None:
    machine = Machine()
    machine.start(delta=False, slow=False, wanted=GOOD)
    machine.all_arrives()
    machine.set_target(target(("c0", "1"), ("c1", "0"), to="c0", bad="c0"))
    machine.write_response()
    machine.set_target(target(("c1", "1"), to="c1"))
    machine.all_arrives()


def test_a_replica_does_not_go_back_to_what_the_envoy_has_left_elsewhere() -> None:
    """The Envoy came, went, ran with something newer elsewhere, and came again."""
    machine = Machine()
    machine.start(delta=True, slow=False, wanted=GOOD)
    machine.all_arrives()
    machine.move()
    machine.set_target(target(("c1", "0"), to="c1"))
    machine.all_arrives()
    machine.move()
    machine.set_target(target(("c2", "0"), ("c1", "0"), to="c1", bad="c2"))
    for _ in range(12):
        machine.read_request()
        machine.write_response()
        machine.deliver_response()
        machine.it_never_goes_back_further_than_it_must()
    assert machine.session.rejections
    assert machine.envoy.lost_routes() == []
