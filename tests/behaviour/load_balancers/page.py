"""The page on load balancers, made from the table:
``python -m tests.behaviour.load_balancers.page [--check]``.

``--check`` writes nothing and ends with 1 when the page is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.behaviour.load_balancers.rows import ROWS, SECTIONS
from tests.behaviour.load_balancers.table import Row

PAGE = Path(__file__).parents[3] / "docs" / "load-balancers.md"

DIFFERENCES = (
    "**Ports below 1024** are mapped to port + 8000 where Tealmesh does not run as root. A "
    "redirect to another port of the same load balancer names the mapped port, so that clients can "
    "follow it; `X-Forwarded-Port` and `#{port}` are the listener's own.",
    "**The AWSALB cookie** is set when a target is chosen, and not renewed with every answer: a "
    "session ends when its duration has passed since then.",
    "**Cookies** have `Max-Age` where ELB writes `Expires`.",
    "**gRPC health checks** look at the gRPC status only at the path "
    "`/grpc.health.v1.Health/Check` with code 0; elsewhere any answer in gRPC counts as healthy.",
    "**A new target** that fails its first health check is unhealthy at once, and not after as "
    "many failures as the group's threshold.",
    "**`minimum_healthy_targets.count`** is not looked at: a target group fails open when none of "
    "its targets is healthy, or below its percentage. The percentage is of all targets.",
    "**Zones** do not exist here: cross-zone load balancing and DNS failover have no effect. "
    "Neither have WAF, access logs, deletion protection and anomaly mitigation.",
    "**A network load balancer** that has no target to send a connection to accepts and closes it. "
    "Targets see the load balancer's address: `preserve_client_ip` has no effect, "
    "`proxy_protocol_v2` tells them the client's.",
    "**Parameters without `=`** in a query string never match a condition.",
)
"""What is not as in AWS, one paragraph each."""


def text() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Load balancers"
    yield ""
    yield (
        "<!-- Made by `python -m tests.behaviour.load_balancers.page`; a test fails when it is "
        "stale. -->"
    )
    yield ""
    yield (
        "Application and network load balancers listen on this machine; each is an Envoy that the "
        f"control plane configures. Each of the {len(ROWS)} rows below is a test that sends real "
        "requests through a real Envoy, configured over ADS (`tests/behaviour/load_balancers/`). "
        "`pytest tests/behaviour/load_balancers -k ROW` runs one of them. Conditions of rules are "
        "tested with generated rules and requests, too."
    )
    yield ""
    yield (
        "What is refused, and why, is in [Supported operations](operations.md). How it works is in "
        "[design note 015](design/015-load-balancers.md)."
    )
    for title, rows in SECTIONS.items():
        yield from _section(title, rows)
    yield ""
    yield "## What is not as in AWS"
    yield ""
    for paragraph in DIFFERENCES:
        yield f"- {paragraph}"


def _section(title: str, rows: tuple[Row, ...]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield "| what the load balancer does | by | row |"
    yield "|---|---|---|"
    for row in rows:
        members = ", ".join(f"`{one}`" for one in row.proves)
        yield f"| {row.says} | {members} | `{row.name}` |"


def main(arguments: list[str]) -> int:
    """Write the page, or compare it with the file."""
    if arguments == ["--check"]:
        stale = not PAGE.exists() or PAGE.read_text() != text()
        if stale:
            command = "python -m tests.behaviour.load_balancers.page"
            print(f"{PAGE.name} is stale: run {command}", file=sys.stderr)
        return int(stale)
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    PAGE.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
