"""Takes pictures of every page from a real run: ``python docs/screenshots.py FOLDER``, or
``make screenshots``. Light and dark, wide and narrow, in English and Japanese; ``--only`` for some.

``--readme`` writes the two of the README, docs/page-light.png and docs/page-dark.png, instead, and
docs/page-layout.txt, by which a test sees that they show the page of today. A control plane with
its own ports and data runs in a temporary directory; nothing else is touched.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from playwright.sync_api import BrowserContext, Page  # noqa: E402
from readme import ROOT, at_gateway, free_port  # noqa: E402
from record import environment  # noqa: E402
from tests.dashboard import scenes, walking  # noqa: E402
from tests.dashboard.staged import Stage, stage  # noqa: E402
from tests.support.programs.chromium import chromium, missing  # noqa: E402

LAYOUT = ROOT / "docs" / "page-layout.txt"
WIDTHS = {"wide": (1400, 900), "narrow": (360, 740)}
LOCALES = {"en": "en-GB", "ja": "ja-JP"}
SETTLED = 2500
"""Milliseconds until a page shows what it asks for, plots with some seconds of traffic included."""


@contextmanager
def deploying() -> Iterator[dict[str, str]]:
    """A control plane with traffic whose deployment is at its second step; its environment."""
    names = ("port", "xds-port", "lb-port")
    ports = {name: free_port() for name in names}
    gateway = free_port()
    with tempfile.TemporaryDirectory(prefix="teal-") as directory:
        variables = environment(directory)
        variables["TEAL_ENDPOINT"] = f"http://127.0.0.1:{ports['port']}"

        def run(command: str) -> None:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=directory,
                env=variables,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                sys.exit(f"{command}: {done.stdout}{done.stderr}")

        options = " ".join(f"--{name} {port}" for name, port in ports.items())
        # A tenth of the requests leaves a trace.
        run(f"teal up -d --trace 0.1 {options}; teal init --name shop .; {at_gateway(gateway)}")
        # The third step waits long enough for all pictures.
        run('sed -i \'s/step_time = "5s"/step_time = "15m"/;\' teal.toml')
        run("teal apply")
        load = subprocess.Popen(
            ["teal", "load", f"http://127.0.0.1:{gateway}/", "--rate", "60"],
            cwd=directory, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            run("teal deploy web :2 --wait-until PRODUCTION_TRAFFIC_SHIFT")
            time.sleep(25)
            run("teal promote web --no-follow")
            time.sleep(25)
            if not requests(variables):
                sys.exit(f"no request got through the gateway at port {gateway}: no pictures")
            yield variables
        finally:
            load.terminate()
            load.wait()
            run("teal down")


def told(variables: dict[str, str], *command: str) -> str:
    done = subprocess.run(["teal", *command], env=variables, capture_output=True, text=True)
    return done.stdout.strip()


def requests(variables: dict[str, str]) -> int:
    """How many the callers of web saw in the last seconds."""
    service = json.loads(told(variables, "status", "--json"))["services"][0]
    return sum(side["requests"] for side in service["sides"])


def newest_trace(variables: dict[str, str]) -> str:
    """The address of a trace's page."""
    traces = json.loads(told(variables, "traces", "--json"))
    return f"#/traces/{traces[0]['traceId']}"


def sign_in(page: Page, variables: dict[str, str]) -> str:
    """Open the page; the address of the deployment's."""
    page.goto(told(variables, "open", "--print"))
    page.locator(".link.good").wait_for()
    status = json.loads(told(variables, "status", "--json"))
    return f"#/deployments/web/{status['services'][0]['deployment']['deploymentId']}"


STATES = {
    "state-empty": (scenes.empty, "#/"),
    "state-many": (scenes.many, "#/"),
    "state-many-history": (scenes.many, "#/history"),
    "state-held": (scenes.held, "#/deployments/web/4b1c9e02aa"),
    "state-crashing": (scenes.crashing, "#/deployments/web/4b1c9e02aa"),
    "state-groups": (scenes.group, "#/"),
    "state-group": (scenes.group, "#/groups/all"),
}
"""States that a real run does not come to, played by `tests.dashboard.staged`."""


def states(context: BrowserContext, played: Stage, folder: Path, kind: str) -> None:
    """A picture of each."""
    for name, (make, address) in STATES.items():
        page = context.new_page()
        page.goto(played.show(make()))
        page.locator(".link.good").wait_for()
        page.evaluate("to => { location.hash = to }", address)
        page.wait_for_timeout(SETTLED / 4)
        page.screenshot(path=folder / f"{name}-{kind}.png", full_page=True)
        page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build" / "screenshots")
    parser.add_argument("--readme", action="store_true")
    parser.add_argument("--only", action="append", metavar="en-light-wide", help="some of them")
    asked = parser.parse_args()
    if missing():
        sys.exit(f"no pictures: {missing()}")
    with deploying() as variables, chromium() as browser, stage(scenes.empty()) as played:
        if asked.readme:
            for theme in ("light", "dark"):
                page = browser.new_context(
                    viewport={"width": 1200, "height": 860}, color_scheme=theme
                ).new_page()
                address = sign_in(page, variables)
                page.evaluate("to => { location.hash = to }", address)
                page.wait_for_timeout(4 * SETTLED)
                page.screenshot(path=ROOT / "docs" / f"page-{theme}.png")
                LAYOUT.write_text("\n".join(walking.layout(page)) + "\n")
            return
        asked.folder.mkdir(parents=True, exist_ok=True)
        for locale, theme, width in itertools.product(LOCALES, ("light", "dark"), WIDTHS):
            if asked.only and f"{locale}-{theme}-{width}" not in asked.only:
                continue
            size = WIDTHS[width]
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                locale=LOCALES[locale],
                color_scheme=theme,
            )
            page = context.new_page()
            pages = {
                "deployment": sign_in(page, variables), "overview": "#/", "services": "#/services",
                "service": "#/services/web", "history": "#/history/web", "events": "#/events",
                "traces": "#/traces", "trace": newest_trace(variables),
                "mesh": "#/mesh/shop", "resource": "#/mesh/shop?node=virtualNode%2Fweb-green",
            }  # fmt: skip
            for name, address in pages.items():
                page.evaluate("to => { location.hash = to }", address)
                page.wait_for_timeout(SETTLED)
                path = asked.folder / f"{name}-{locale}-{theme}-{width}.png"
                page.screenshot(path=path, full_page=True)
            page.close()
            states(context, played, asked.folder, f"{locale}-{theme}-{width}")
            context.close()
    print(f"wrote {asked.folder}")


if __name__ == "__main__":
    main()
