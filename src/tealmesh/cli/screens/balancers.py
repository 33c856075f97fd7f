"""Load balancers in `teal status` and `teal doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from tealmesh.model import wire

_SCHEMES = {"HTTP": "http://", "HTTPS": "https://"}


def balancer_parts(status: wire.GetStatusOutput, width: int) -> list[RenderableType]:
    """Each load balancer's listeners with where they are on this machine, healthy of registered
    targets, DNS names, and how to reach one by its name; empty without load balancers.
    """
    balancers = status.get("loadBalancers", [])
    if not balancers:
        return []
    from functools import partial

    from rich.text import Text

    from tealmesh.cli.screens.fit import fitted

    forms = [partial(_table, balancers, with_type=with_type) for with_type in (True, False)]
    rows = fitted(width, forms)
    parts: list[RenderableType] = [rows]
    parts += [Text(f"  {b['dnsName']}", style="dim") for b in balancers]
    parts += [Text(f"{b['name']}: {b['problem']}", style="red") for b in balancers if _problem(b)]
    if "byHostPort" in status:
        at = f"http://127.0.0.1:{status['byHostPort']}/"
        parts.append(Text(f"a DNS name in the Host header selects one at {at}", style="dim"))
    if "byHostProblem" in status:
        parts.append(
            Text(f"not reachable by the Host header: {status['byHostProblem']}", style="yellow")
        )
    return parts


def _table(balancers: list[wire.LoadBalancerStatus], *, with_type: bool) -> Table:
    from rich.text import Text

    from tealmesh.cli.screens.render import table

    kind = ["TYPE"] if with_type else []
    rows = table("LOAD BALANCER", *kind, "LISTENER", "ADDRESS", ">TARGETS", gap=1)
    for balancer in balancers:
        for index, (listener, address) in enumerate(_listeners(balancer)):
            first = not index
            rows.add_row(
                Text(balancer["name"] if first else "", style="bold"),
                *([balancer["type"] if first else ""] if with_type else []),
                listener,
                # An address is to be copied: it is never folded.
                Text(address, no_wrap=True),
                _targets(balancer) if first else "",
            )
    # What is folded on a narrow terminal is the name.
    rows.columns[-2].min_width = max(
        (len(address) for balancer in balancers for _, address in _listeners(balancer)), default=0
    )
    return rows


def balancer_problems(status: wire.GetStatusOutput) -> Iterator[tuple[str, str, bool]]:
    """For `teal doctor`: (what, what is to be said of it, whether it is wrong)."""
    for balancer in status.get("loadBalancers", []):
        name = f"load balancer {balancer['name']}"
        mapped = [
            f"{listener['port']} is {listener['localPort']} of {balancer.get('address', '')}"
            for listener in balancer["listeners"]
            if listener.get("localPort", listener["port"]) != listener["port"]
        ]
        if _problem(balancer):
            yield name, balancer["problem"], True
        elif balancer["healthy"] < balancer["registered"]:
            yield name, f"{balancer['healthy']} of {balancer['registered']} targets healthy", True
        elif mapped:
            yield name, f"port {', '.join(mapped)}: this user may not use lower ones", False
    if "byHostProblem" in status:
        yield "load balancers by name", status["byHostProblem"], True


def _listeners(balancer: wire.LoadBalancerStatus) -> Iterator[tuple[str, str]]:
    """The listener, and where it is on this machine."""
    if not balancer["listeners"]:
        yield "none yet", balancer.get("address", "-")
    for listener in balancer["listeners"]:
        local = "-"
        if "localPort" in listener and "address" in balancer:
            scheme = _SCHEMES.get(listener["protocol"], "")
            local = f"{scheme}{balancer['address']}:{listener['localPort']}"
        yield f"{listener['protocol']} {listener['port']}", local


def _targets(balancer: wire.LoadBalancerStatus) -> Text:
    from rich.text import Text

    healthy, registered = balancer["healthy"], balancer["registered"]
    whole = registered and healthy == registered
    return Text(f"{healthy}/{registered}", style="" if whole else "yellow")


def _problem(balancer: wire.LoadBalancerStatus) -> str:
    return balancer.get("problem", "")
