"""A page that is left open over night: another version is served, its session expires, the clock
is set. What sleep and crashes of tabs do is in `test_tabs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboard import scenes
from tests.dashboard.staged import Scene, Stage, stage
from tests.support.programs.chromium import missing
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(240),
]
LOADED = 30_000
"""Milliseconds, within which a page is loaded on a busy machine, twice."""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB")
    yield context.new_page()
    context.close()


@pytest.fixture
def played() -> Iterator[Stage]:
    with stage(scenes.many()) as made:
        yield made


def serving(script: str) -> Scene:
    """A control plane whose page begins with another script."""
    scene = scenes.many()
    control: dict[str, Any] = {**scene.sections["control"]}
    told = {**control["control"], "page": script}
    return Scene({**scene.sections, "control": {"control": told}}, scene.answers)


def test_the_page_of_another_version_is_loaded_once_and_then_said_to_be_there(
    page: Page, played: Stage
) -> None:
    scene = serving("index-of-tomorrow.js")
    page.goto(played.show(scene))
    # The scene serves the old one all the same, as a control plane does that is being replaced.
    expect(page.get_by_text("another version of this page")).to_be_visible(timeout=LOADED)
    assert scene.loads == 2
    expect(page.get_by_role("link", name="service-39")).to_be_visible()
    page.get_by_role("button", name="Load it").click()
    until(lambda: scene.loads == 3)
    expect(page.get_by_text("another version of this page")).to_be_visible(timeout=LOADED)


def test_nobody_who_types_is_interrupted_by_another_version(page: Page, played: Stage) -> None:
    scene = scenes.many()
    page.goto(played.show(scene))
    expect(page.get_by_role("link", name="service-39")).to_be_visible()
    page.evaluate("location.hash = '#/events'")
    page.get_by_role("searchbox").press_sequentially("a word")
    expect(page.get_by_role("searchbox")).to_be_focused()
    # The stream of the scene before ends with it, and the page comes back for the next one.
    newer = played.scene = serving("index-of-next-week.js")
    expect(page.get_by_text("another version of this page")).to_be_visible(timeout=LOADED)
    assert newer.loads == 0
    expect(page.get_by_role("searchbox")).to_have_value("a word")
    page.get_by_role("searchbox").blur()
    until(lambda: newer.loads == 1)


def test_a_session_that_expires_says_how_to_open_the_page_anew(page: Page, played: Stage) -> None:
    scene = scenes.many()
    page.goto(played.show(scene))
    expect(page.locator(".link.good")).to_be_visible()
    scene.ends.set()
    expect(page.get_by_role("alert")).to_contain_text("the session has ended", timeout=LOADED)
    expect(page.locator("pre", has_text="teal open")).to_be_visible()


_CLOCKS = """() => {
  window.wall = 0;
  window.slept = 0;
  const [now, steady] = [Date.now.bind(Date), performance.now.bind(performance)];
  Date.now = () => now() + window.wall;
  performance.now = () => steady() + window.slept;
}"""


def test_a_clock_that_is_set_back_does_not_make_old_things_new(page: Page, played: Stage) -> None:
    page.goto(played.show(scenes.many()))
    expect(page.locator(".link.good")).to_be_visible()
    page.evaluate(_CLOCKS)
    streams: list[str] = []
    page.on("request", lambda one: streams.append(one.url) if "/stream" in one.url else None)
    scene = played.scene
    scene.silent.set()
    # An hour back by the wall's clock, and no word for two minutes by the other one.
    page.evaluate("() => { window.wall = -3600e3; window.slept = 120e3; }")

    def asked() -> bool:
        page.wait_for_timeout(20)
        return bool(streams)

    until(asked)
    scene.silent.clear()
    expect(page.locator(".link.good")).to_be_visible()
