"""Who may see the page: sessions, codes and tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.dashboard import walking
from tests.dashboard.watched import Watched
from tests.support.planes.control_plane import ControlPlane
from tests.support.programs.chromium import missing

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(240),
]


def test_without_a_session_it_says_what_to_run(
    plane: ControlPlane, context: BrowserContext
) -> None:
    watched = Watched(plane, context.new_page())
    watched.page.goto(f"{plane.endpoint}/_teal/")
    expect(watched.page.locator("pre", has_text="teal open")).to_be_visible()
    watched.page.goto(f"{plane.endpoint}/_teal/#code=used-or-wrong")
    expect(watched.page.get_by_role("alert")).to_contain_text("code")
    assert "used-or-wrong" not in watched.page.url
    watched.page.close()


def test_a_code_opens_the_page_once(plane: ControlPlane, context: BrowserContext) -> None:
    assert context.browser is not None
    address = plane.teal("open", "--print").stdout.strip()
    first, second = (context.browser.new_context(locale=name) for name in ("en-GB", "ja-JP"))
    opened = Watched(plane, first.new_page())
    opened.page.goto(address)
    expect(opened.page.locator(".link.good")).to_be_visible()
    # Who finds the address in a history or a screenshot gets nowhere, and is told how to go on.
    late = second.new_page()
    late.goto(address)
    expect(late.get_by_role("alert")).to_contain_text("使用済み")
    expect(late.locator("pre", has_text="teal open")).to_be_visible()
    assert walking.english(late) == []
    late.get_by_label("言語").select_option("en")
    expect(late.get_by_role("alert")).to_contain_text("was used")
    # The one whom it let in stays in.
    opened.page.reload()
    expect(opened.page.locator(".link.good")).to_be_visible()
    assert opened.faults == []
    first.close()
    second.close()


def test_a_second_tab_has_the_session_and_shares_the_stream(
    watched: Watched, context: BrowserContext
) -> None:
    other = Watched(watched.plane, context.new_page())
    streams: list[str] = []
    other.page.on("request", lambda one: streams.append(one.url))
    other.page.goto(f"{watched.plane.endpoint}/_teal/")
    expect(other.page.get_by_role("link", name="web", exact=True)).to_be_visible()
    expect(other.page.locator(".link.good")).to_be_visible()
    assert not [url for url in streams if url.endswith("/stream")]
    assert other.faults == []
    other.page.close()
