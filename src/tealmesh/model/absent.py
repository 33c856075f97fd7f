"""How Tealmesh says that there is nothing of a name: always in the same words. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def absent(noun: str, name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The sentence, such as ``no service 'wbe' (known: front, web); did you mean web?``.

    ``otherwise``: what to do where there is nothing of the kind at all.
    """
    import difflib  # It is slow to import, and needed only here.

    names = sorted(set(known))
    if not names:
        return f"no {noun} {name!r}: " + (otherwise or "there is none yet")
    listed = f"no {noun} {name!r} (known: {', '.join(names)})"
    near = difflib.get_close_matches(name, names, n=1)
    return f"{listed}; did you mean {near[0]}?" if near else listed


def means(name: str, hostname: str, mesh: str) -> bool:
    """Whether ``name`` may stand for a virtual service: its name, ``MESH/NAME``, or its first
    label.
    """
    return name in (hostname, f"{mesh}/{hostname}", hostname.partition(".")[0])


def unrouted(hostname: str, provider: str) -> str:
    """Why a virtual service without weighted targets is not deployed in steps, and what to do.

    ``provider``: virtualNode/NAME, virtualRouter/NAME, or empty.
    """
    kind, _, name = provider.partition("/")
    if kind == "virtualNode":
        how = f"is provided by virtual node {name} without a router"
    elif kind:
        how = f"has no route in its virtual router {name}"
    else:
        how = "has no provider"
    return (
        f"virtual service {hostname} {how}: `teal` shifts the weights of a route's targets. Give "
        "it a virtual router with a route, or let ECS replace its tasks (UpdateService, Terraform)"
    )
