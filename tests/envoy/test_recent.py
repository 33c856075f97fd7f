"""What is built is kept as long as it is used, and no longer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.envoy.recent import Recent
from tealmesh.envoy.translate import TURN_SNAPSHOTS, Translator
from tests.support.meshes.builder import MeshBuilder


@given(st.lists(st.one_of(st.none(), st.integers(0, 5))))
def test_what_was_asked_for_since_the_turn_before_last_is_not_built_again(
    steps: list[int | None],
) -> None:
    """None: a turn; a number: what is asked for."""
    built: list[int] = []

    def build(number: int) -> int:
        built.append(number)
        return number * 10

    recent, turns = Recent(build), 0
    asked: dict[int, int] = {}
    """At which turn, last."""
    for step in steps:
        if step is None:
            recent.turn()
            turns += 1
            continue
        before = len(built)
        assert recent(step) == step * 10
        known = step in asked and turns - asked[step] <= 1
        assert (len(built) == before) == known
        asked[step] = turns
    assert len(recent) == sum(turns - at <= 1 for at in asked.values())


def test_changes_of_a_route_leave_nothing_behind() -> None:
    mesh, translator = MeshBuilder(), Translator()
    for name in ("blue", "green"):
        mesh.node(name)
    mesh.service("shop.local", "shop")
    mesh.node("web", backends=[{"virtualService": {"virtualServiceName": "shop.local"}}])
    first = None
    for change in range(5 * TURN_SNAPSHOTS):
        mesh.route("shop", "all", {"blue": change % 100, "green": 1})
        made = translator.translate(mesh.snapshot(), mesh.proxy("web"))
        first = first or made
        # What does not change is not built again, however many changes there were.
        assert (
            made.clusters["cds_egress_m_blue_http_8080"]
            is (first.clusters["cds_egress_m_blue_http_8080"])
        )
    kept = [len(one) for one in translator._meshes["m"]._builders]
    assert max(kept) <= 2 * TURN_SNAPSHOTS
