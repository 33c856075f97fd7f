"""Its buttons, and what is told of what they did."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.dashboard.page.deployment import weights
from tests.dashboard.watched import Watched, press
from tests.support.planes.sample import FINISHED, api
from tests.support.programs.chromium import missing
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(240),
]


def test_its_buttons_do_what_they_say(watched: Watched, deployed: str) -> None:
    page, client = watched.page, api(watched.plane)

    def now() -> Any:
        return client.get_deployment("web")

    watched.show(deployed)
    page.get_by_role("button", name="Abort", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("blue")
    page.get_by_role("button", name="Not now").click()
    press(page, "Pause")
    assert now()["pausedBy"]
    expect(page.locator(".standing")).to_contain_text("paused by")
    # Who hears the page is told of it.
    expect(page.locator("[aria-live=polite]")).to_have_text("web: paused, 10 %")
    press(page, "Resume")
    assert "pausedBy" not in now()
    press(page, "Abort")
    until(lambda: now()["status"] in FINISHED)
    assert now()["endedBy"]
    expect(page.locator(".standing .state")).to_contain_text("aborted")
    # It is over, and what was measured is still there.
    expect(page.get_by_role("region", name="What was measured at each step")).to_be_visible()
    expect(page.locator(".track .left")).to_contain_text("10 %")
    assert weights(watched.plane)["blue"] == 100
    press(page, "Try again")
    until(lambda: now()["deploymentId"] not in deployed)
    until(lambda: weights(watched.plane) == {"blue": 90, "green": 10})
    # The old one keeps its address, and cannot be steered any more.
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    expect(page.get_by_text("aborted").first).to_be_visible()
    watched.show(f"#/deployments/web/{now()['deploymentId']}")
    press(page, "Promote fully")
    until(lambda: now()["status"] == "SUCCESSFUL")
    expect(page.locator(".standing .state")).to_contain_text("successful")
    press(page, "Roll back")
    until(lambda: now()["kind"] == "ROLLBACK" and now()["status"] == "SUCCESSFUL")
    assert weights(watched.plane)["blue"] == 100
    # The audit has who did each of it: the session's owner, whose actor the page shows.
    mine = page.get_by_title("Sign out").inner_text().split()[0]
    told = {(one["operation"], one["actor"]) for one in client.list_events(200, False)}
    asked = {"PAUSED", "UNPAUSED", "ROLLING_BACK", "Deploy", "PROMOTED", "Rollback"}
    assert {name for name in asked if (name, mine) not in told} == set(), sorted(told)
    assert watched.faults == []


def test_two_deployments_are_compared(watched: Watched, deployed: str) -> None:
    page = watched.page
    watched.show("#/history/web")
    expect(page.get_by_role("checkbox")).to_have_count(3)
    for box in page.get_by_role("checkbox").all()[1:]:
        box.check()
    compared = page.get_by_role("region", name="Compare").first
    expect(compared).to_contain_text("sample:0.0.2")
    assert watched.faults == []


def test_events_are_searched(watched: Watched, deployed: str) -> None:
    watched.show("#/events")
    watched.page.get_by_role("searchbox").fill("paused")
    rows = watched.page.get_by_role("region", name="Events").locator("tbody tr")
    expect(rows.first).to_contain_text(re.compile("pause", re.IGNORECASE))
    assert watched.faults == []
