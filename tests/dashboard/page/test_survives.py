"""What it remembers, and a control plane that goes and comes back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.dashboard.watched import Watched
from tests.support.programs.chromium import missing

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(240),
]


def test_it_speaks_japanese_and_remembers_that(watched: Watched) -> None:
    page = watched.page
    watched.show("#/")
    page.get_by_label("Language").select_option("ja")
    expect(page.get_by_role("heading", level=1)).to_have_text("概要")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("概要")
    assert page.locator("html").get_attribute("lang") == "ja"
    page.get_by_label("言語").select_option("en")


def test_a_control_plane_that_is_gone_is_shown_and_found_again(
    watched: Watched, deployed: str
) -> None:
    page = watched.page
    watched.show("#/")
    watched.plane.kill9()
    expect(page.get_by_role("status")).to_contain_text("does not answer")
    # What somebody fears at 3 a.m. is that requests fail.
    expect(page.get_by_role("status")).to_contain_text("Envoys go on with what they have")
    expect(page.get_by_role("link", name="web", exact=True)).to_be_visible()
    watched.plane.start()
    expect(page.locator(".link.good")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("status")).to_have_count(0)
    # The address of a deployment lives on: after its end, a restart, and in a page that is new.
    for again in (lambda: watched.show(deployed), page.reload):
        again()
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "web: sample:0.0.1 → sample:0.0.2"
        )
        expect(page.locator(".standing .state")).to_contain_text("aborted")
        steps = page.get_by_role("region", name="What was measured at each step")
        expect(steps.locator("tbody tr")).not_to_have_count(0)
        expect(page.locator(".journal li").first).to_contain_text("rolled back")
    assert watched.faults == []
