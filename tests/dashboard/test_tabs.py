"""One stream a browser: tabs that close, crash, are frozen or wake up go on with what is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.chromium import missing
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(180),
]
LATER = 120_000
"""Milliseconds, after which a stream without a sign of life is dead."""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("tabs")) as plane:
        yield plane


class Tab:
    """A page on the list of meshes, and the streams that it has asked for."""

    def __init__(self, plane: ControlPlane, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        # Its clock is set forward, as after a sleep; real time goes on.
        self.page.clock.install()
        self.streams: list[Request] = []
        self.page.on("request", self._asked)
        told = plane.teal("open", "--print").stdout
        found = re.search(r"http\S+", told)
        assert found, told
        self.page.goto(found.group())
        expect(self.page.locator(".link.good")).to_be_visible()

    def _asked(self, request: Request) -> None:
        if request.url.endswith("/_teal/stream"):
            self.streams.append(request)

    def sees(self, mesh: str) -> None:
        expect(self.page.get_by_role("link", name=mesh, exact=True)).to_be_visible(timeout=30_000)

    def asked(self) -> int:
        """How many streams it has asked for."""
        # Playwright tells of requests only while it is asked something.
        self.page.wait_for_timeout(20)
        return len(self.streams)

    def resumed(self) -> bool:
        return self.asked() > 0 and "last-event-id" in self.streams[-1].headers


@pytest.fixture
def tabs(plane: ControlPlane, browser: Browser) -> Iterator[tuple[Tab, Tab]]:
    context = browser.new_context(locale="en-GB")
    first = Tab(plane, context)
    second = Tab(plane, context)
    assert len(first.streams) == 1
    assert second.streams == []
    yield first, second
    context.close()


def test_another_tab_goes_on_where_a_closed_one_stopped(
    plane: ControlPlane, tabs: tuple[Tab, Tab]
) -> None:
    first, second = tabs
    plane.client("appmesh").create_mesh(meshName="before")
    second.sees("before")
    first.page.close()
    until(second.resumed)
    plane.client("appmesh").create_mesh(meshName="after")
    second.sees("after")
    assert len(second.streams) == 1


def test_a_frozen_tab_does_not_blind_the_others(plane: ControlPlane, tabs: tuple[Tab, Tab]) -> None:
    first, second = tabs
    devtools = first.page.context.new_cdp_session(first.page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    plane.client("appmesh").create_mesh(meshName="unheard")
    # It has heard nothing for so long, by its clock.
    second.page.clock.fast_forward(LATER)
    until(second.resumed)
    second.sees("unheard")
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    plane.client("appmesh").create_mesh(meshName="thawed")
    for tab in tabs:
        tab.sees("unheard")
        tab.sees("thawed")
    assert len(second.streams) == 1


def test_a_tab_that_slept_is_current_again(plane: ControlPlane, tabs: tuple[Tab, Tab]) -> None:
    first, second = tabs
    second.page.close()
    first.page.clock.fast_forward(LATER)
    until(lambda: first.asked() == 2)
    assert first.resumed()
    plane.client("appmesh").create_mesh(meshName="woken")
    first.sees("woken")
    expect(first.page.locator(".link.good")).to_be_visible()
