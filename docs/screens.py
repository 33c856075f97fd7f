"""Writes docs/screens.md, what `teal` shows of deployments, from a real run in a terminal of 80
columns: `python docs/screens.py`, or `make recording`.

A control plane with its own ports and data runs in a temporary directory; nothing else is touched.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).parent))
import animation
from readme import ROOT
from record import Session, screen
from stage import Stage, stage

from tealmesh.cli.following.watching import WATCH_SECONDS

COLUMNS, ROWS, SCREEN_ROWS = 80, 200, 24
INTRODUCTION = (
    "# What you see of a deployment\n\n"
    "From a real run in a terminal of 80 columns, without the colours; `python docs/screens.py` "
    "renews this page. Wider and\nnarrower terminals get the same: names are shortened first, "
    "and then folded, never cut off.\n"
)
SHOWN = (
    ("Before: nothing is changed", "", "teal deploy web :2 --plan"),
    (
        "While it runs (`teal status -w` shows it live, as a tree)",
        "teal deploy web :2 --wait-until PRODUCTION_TRAFFIC_SHIFT; sleep 7",
        "teal status",
    ),
    ("Why is it there, and what comes next?", "", "teal explain web"),
    (
        "A version that fails one request in five",
        "teal deploy web :2 --wait-until CLEAN_UP; while teal status --json | grep -q IN_PROGRESS; "
        "do sleep 0.5; done; teal deploy web :3",
        "teal explain web",
    ),
    ("What was there before", "", "teal history web"),
    ("What is odd or risky", "", "teal lint odd.toml"),
)
"""Heading, what is done unseen before, and the command that is shown."""
ODD = """
[services.api]
port = 8081
image = "example/web:1"
[services.api.strategy]
steps = [1, 100]
[services.api.gates]
success_rate = 1
"""


TREE = (
    "## As a live tree\n\n`teal status -w` in a terminal of 80 by 24, as text and in colour. "
    "What is least urgent is folded if it does not fit.\n"
)
LIVE = (
    ("A canary", "canary", ("teal deploy web :1 --no-follow",), ("success-rate", "set 10 %")),
    (
        "Somebody else has changed the weights: it is held for you",
        "held",
        ("BY HAND",),
        ("HELD", "॥"),
    ),
    (
        "A version that fails one request in five",
        "rolled-back",
        ("teal abort web", "teal deploy web :3 --no-follow"),
        ("web:3: ROLLBACK_SUCCESSFUL",),
    ),
    (
        "Two services that are deployed together",
        "group",
        ("GROUP", "teal deploy --group shop web=:1 cart=:2 --no-follow"),
        ("group shop", "success-rate", "set 10 %"),
    ),
)
"""Heading, name of the picture, what is done unseen before, and what is seen then."""
GROUP = """
[services.cart]
port = 8081
image = "example/cart:1"
health_path = "/health"
desired_count = 1
[services.cart.strategy]
type = "canary"
steps = [10, 50, 100]
step_time = "5s"
bake_time = "5s"
[groups.shop]
services = ["web", "cart"]
"""


def main() -> None:
    with stage() as here:
        text = (here.directory / "teal.toml").read_text()
        (here.directory / "odd.toml").write_text(text + ODD)
        page = [INTRODUCTION, *(_shown(*one, here) for one in SHOWN), TREE]
        with contextlib.ExitStack() as loads:
            page += [_live(*one, here, loads) for one in LIVE]
    (ROOT / "docs" / "screens.md").write_text(here.at_home("\n".join(page)))
    print("wrote docs/screens.md")


def _shown(heading: str, before: str, command: str, here: Stage) -> str:
    """A section with what a command shows."""
    if before:
        here.run(before)
    session = Session(here.directory, here.variables, COLUMNS, ROWS)
    session.type(command)
    text = "".join(text for _, text in session.events)
    shown = screen(text, COLUMNS, ROWS).removesuffix("$\n").rstrip()
    return f"## {heading}\n\n```text\n{shown}\n```\n"


def _live(
    heading: str,
    name: str,
    before: Sequence[str],
    seen: Sequence[str],
    here: Stage,
    loads: contextlib.ExitStack,
) -> str:
    """A section with what the live tree shows when all these words are in it."""
    for command in before:
        if command == "BY HAND":
            _shift_by_hand(here)
        elif command == "GROUP":
            _add_cart(here)
            loads.enter_context(here.load("cart"))
        else:
            here.run(command)
    session = Session(here.directory, here.variables, COLUMNS, SCREEN_ROWS)
    session.watch("teal status -w", lambda text: all(word in text for word in seen))
    session.let_pass(2 * WATCH_SECONDS)
    session.wait_for(lambda text: all(word in text for word in seen))
    picture, text = session.terminal.cells(), session.terminal.text()
    session.interrupt()
    file = ROOT / "docs" / "screens" / f"{name}.svg"
    file.parent.mkdir(exist_ok=True)
    file.write_text(here.at_home(animation.still(picture, f"teal status -w: {heading}")))
    return (
        f"### {heading}\n\n```text\n$ teal status -w\n{text}\n```\n\n"
        f"![The same in colour](screens/{name}.svg)\n"
    )


def _shift_by_hand(here: Stage) -> None:
    """Change the weights of the route in the midst of a deployment, as Terraform would."""
    mesh = boto3.client(
        "appmesh", endpoint_url=here.variables["TEAL_ENDPOINT"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    for router in mesh.list_virtual_routers(meshName="shop")["virtualRouters"]:
        at = {"meshName": "shop", "virtualRouterName": router["virtualRouterName"]}
        for one in mesh.list_routes(**at)["routes"]:
            route = mesh.describe_route(**at, routeName=one["routeName"])["route"]
            for target in route["spec"]["httpRoute"]["action"]["weightedTargets"]:
                target["weight"] = 50
            mesh.update_route(**at, routeName=one["routeName"], spec=route["spec"])


def _add_cart(here: Stage) -> None:
    """Add a second service to the system, which the first one depends on."""
    file = here.directory / "teal.toml"
    text = file.read_text()
    image = r'^"example/web:(\d)" = (.*)$'
    text = re.sub(image, r'\g<0>\n"example/cart:\1" = \2', text, flags=re.MULTILINE)
    text = text.replace("[services.web]\n", '[services.web]\ndepends_on = ["cart"]\n')
    text = text.replace('{ "/" = "web" }', '{ "/" = "web", "/cart" = "cart" }')
    file.write_text(text + GROUP)
    here.run("teal apply")


if __name__ == "__main__":
    main()
