"""In which order the members of a group take weight, and what a preview calls them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tealmesh.model.rollout import Deployment, Group
from tealmesh.model.rollout.states import Kind


def after(group: Group, services: Collection[str], kind: Kind) -> dict[str, tuple[str, ...]]:
    """By service, those that have all their weight before it takes any, in an order in which each
    comes after those. What is depended on comes first; on a way back, last.
    """
    chosen = [name for name in group.services if name in services]
    depends = {n: tuple(o for o in group.depends_on.get(n, ()) if o in chosen) for n in chosen}
    if kind == "ROLLBACK":
        depends = {n: tuple(o for o in chosen if n in depends[o]) for n in chosen}
    ordered: dict[str, tuple[str, ...]] = {}
    while len(ordered) < len(chosen):
        ready = [n for n in chosen if n not in ordered and all(o in ordered for o in depends[n])]
        # Circles are refused when teal.toml is read; what two files have made one goes at once.
        ready = ready or [n for n in chosen if n not in ordered]
        circle = any(o not in ordered for n in ready for o in depends[n])
        ordered |= {n: () if circle else depends[n] for n in ready}
    return ordered


def called(group: str, firsts: Sequence[Deployment]) -> Mapping[str, tuple[str, ...]]:
    """By service, what a preview's header may say beside the name of its new side: the group's
    name, and the names of the others' new sides, so that one value is right for all.
    """
    sides = dict.fromkeys(d.new_side for d in firsts)
    return {
        d.service: (group, *(side for side in sides if side not in (d.new_side, group)))
        for d in firsts
    }
