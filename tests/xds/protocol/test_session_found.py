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


@pytest.mark.parametrize("moves_last", [False, True])
def test_of_what_was_refused_elsewhere_nothing_is_left(moves_last: bool) -> None:
    """The good part of what the Envoy refused there took the place of what it says it holds."""

    def listening(secret: tuple[str, ...], clusters: int, bad: str = "") -> ResourceSet:
        made = target(*((f"c{n}", "0") for n in range(clusters)), to="c0")
        routes = [resource(name, "c0", ("c0",)) for name in ("r0", "r1")]
        listeners = [
            resource(
                f"l{r.name}", "+".join((r.name, *secret)), (r.name, *secret), bad=bad == r.name
            )
            for r in routes
        ]
        secrets = [resource(name, "0") for name in secret]
        groups = (listeners, routes, secrets)
        by_name = [{r.name: r for r in group} for group in groups]
        return ResourceSet(made.clusters, made.endpoints, *by_name)

    machine = Machine()
    machine.start(delta=False, slow=False, wanted=GOOD)
    machine.all_arrives()
    machine.set_target(listening(("s1",), 2))
    machine.all_arrives()
    machine.move()
    machine.set_target(listening((), 2, bad="r0"))
    machine.all_arrives()
    if not moves_last:
        machine.move()
    machine.set_target(listening(("s1",), 1))
    if moves_last:
        machine.move()
    machine.all_arrives()
