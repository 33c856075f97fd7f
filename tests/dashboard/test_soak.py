"""A page that is left open while services are deployed, connections are lost and the control plane
is killed: nothing grows, and what it shows is what is.

What is held is compared at two moments at which nothing happens: after the first half, in which
everything is loaded and, early, the control plane killed, and at the end. After each an even number
of deployments was made, so the same side serves.

Half a minute in `make scenarios`; `make soak-page` does it for an hour, or for SECONDS=600.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.dashboard.soaking import Held, agrees, growth, rests
from tests.dashboard.watched import Watched
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample, api, finished
from tests.support.programs.chromium import missing
from tests.support.programs.relay import Relay, relay
from tests.support.programs.traffic import traffic

SECONDS = float(os.environ.get("TEALMESH_SOAK_SECONDS", "20"))
LEAST_ROUNDS = 3
"""In each half; all kinds of rounds are among those of the first."""
WARM_SECONDS = 300.0
"""A control plane that was killed in the first quarter of that has what it needs after a half."""

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(240 + 2 * SECONDS),
]


@pytest.fixture
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    directory = tmp_path_factory.mktemp("soak")
    return Sample(directory, step_time="200ms", bake_time="100ms", min_requests=5)


@pytest.fixture
def plane(sample: Sample) -> Iterator[ControlPlane]:
    with control_plane(sample.directory) as plane:
        sample.apply(plane)
        with traffic((sample.url, 40)):
            yield plane


@pytest.fixture
def wire(plane: ControlPlane) -> Iterator[Relay]:
    with relay(plane.port) as made:
        yield made


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    size = {"width": 1280, "height": 900}
    context = browser.new_context(viewport=size, locale="en-GB")  # type: ignore[arg-type]
    yield context
    context.close()


_LOST = """() => ({ promise: new Promise((resolve) => {
  const look = () => document.querySelector(".link.bad") ? resolve() : setTimeout(look, 20);
  look();
}) })"""
"""Resolved once the page has said that it is not connected, however short that is."""


def test_nothing_grows_while_a_page_is_left_open(
    plane: ControlPlane, wire: Relay, context: BrowserContext
) -> None:
    token = plane.teal("token", "create", "--read-only").stdout.strip()
    watched = Watched(plane, context.new_page(), endpoint=wire.endpoint)
    watched.signed_in()
    devtools = context.new_cdp_session(watched.page)
    devtools.send("Performance.enable")
    numbers = itertools.count()
    begun = time.monotonic()
    rested: list[Held] = []
    # What is needed to become warm is not growth: it is in the first half, and so are the kills.
    spent = 0.0
    for until_seconds in (SECONDS / 2, SECONDS):
        for rounds in itertools.count(1):
            number = next(numbers)
            _round(watched, wire, context, number, killing=number < 3 or spent < SECONDS / 4)
            spent = time.monotonic() - begun
            if spent > until_seconds and rounds >= LEAST_ROUNDS and number % 2 == 1:
                break
        rested.append(rests(watched.page, devtools, plane, wire, token))
        print(f"{spent:.0f} s, round {number}: {rested[-1]}", flush=True)
    assert growth(*rested, warm=SECONDS >= WARM_SECONDS) == [], "\n".join(map(str, rested))
    assert watched.faults == []


def _round(
    watched: Watched, wire: Relay, context: BrowserContext, number: int, *, killing: bool
) -> None:
    """A deployment, every page, a second tab, a lost connection; and a killed control plane."""
    plane, page = watched.plane, watched.page
    image = f"example/sample:0.0.{2 if number % 2 == 0 else 1}"
    plane.teal("deploy", "web", image, "--no-follow")
    running = api(plane).get_deployment("web")["deploymentId"]
    for address in (
        f"#/deployments/web/{running}", "#/services/web", "#/mesh/sample", "#/events",
        "#/history/web", "#/services",
    ):  # fmt: skip
        watched.show(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    other = context.new_page()
    other.goto(f"{wire.endpoint}/_teal/")
    expect(other.locator(".link.good")).to_be_visible(timeout=30_000)
    other.close()
    finished(plane, timeout=300)
    watched.show("#/")
    if number % 3 == 1:
        lost = page.evaluate_handle(_LOST)
        wire.cut()
        lost.evaluate("one => one.promise")
    if number % 3 == 2 and killing:
        plane.kill9()
        expect(page.get_by_role("status")).to_contain_text("does not answer", timeout=30_000)
        plane.start()
    expect(page.locator(".link.good")).to_be_visible(timeout=60_000)
    agrees(page, api(plane).get_status())
