"""The buttons of a group of services, on a real control plane with traffic, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.dashboard.watched import Watched, press
from tests.e2e.rollouts.test_groups import config
from tests.support.machine import free_port
from tests.support.planes.control_plane import control_plane
from tests.support.planes.sample import api
from tests.support.programs.chromium import missing
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(400),
]
LONG = 120.0
"""Seconds; services start meanwhile."""


@contextmanager
def deploying(directory: Path, browser: Browser) -> Iterator[Watched]:
    """The page of a group whose deployment has begun; only people end its steps."""
    port = free_port()
    file = directory / "teal.toml"
    file.write_text(config(port).replace("min_requests = 10", "min_requests = 1000000"))
    with (
        control_plane(directory, file) as plane,
        traffic((f"http://127.0.0.1:{port}/", 20.0)),
        closing(browser.new_context(locale="en-GB")) as context,
    ):
        plane.teal("apply", "--config", str(file))
        watched = Watched(plane, context.new_page())
        watched.signed_in()
        watched.show("#/groups/shop")
        expect(watched.page.get_by_text("It has not been deployed yet.")).to_be_visible()
        plane.teal("deploy", "--group", "shop", "web=web:2", "cart=cart:2", "--no-follow")
        yield watched
        assert watched.faults == []


def latest(watched: Watched) -> Any:
    return api(watched.plane).get_group_deployment("shop")


def weights(watched: Watched) -> dict[str, dict[str, int]]:
    services = api(watched.plane).get_status()["services"]
    return {s["name"]: {x["side"]: x["weight"] for x in s["sides"]} for s in services}


@pytest.mark.scenario
def test_a_group_is_paused_goes_on_and_goes_back(tmp_path: Path, browser: Browser) -> None:
    with deploying(tmp_path, browser) as watched:
        page, old = watched.page, weights(watched)
        press(page, "Pause")
        assert latest(watched)["pausedBy"]
        expect(page.locator(".standing")).to_contain_text("paused by")
        press(page, "Resume")
        assert "pausedBy" not in latest(watched)
        press(page, "Roll back all")
        until(lambda: "finishedAt" in latest(watched), lambda: latest(watched), LONG)
        assert weights(watched) == old
        first = latest(watched)["groupDeploymentId"]
        press(page, "Try again")
        until(lambda: latest(watched)["groupDeploymentId"] != first, lambda: latest(watched))
        # The first one keeps its address, and cannot be steered any more.
        watched.show(f"#/groups/shop/{first}")
        expect(page.get_by_text("rolled back").first).to_be_visible()
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)


@pytest.mark.drill
def test_a_group_is_promoted_and_rolled_back(tmp_path: Path, browser: Browser) -> None:
    with deploying(tmp_path, browser) as watched:
        page = watched.page
        press(page, "Promote fully")
        until(lambda: latest(watched)["status"] == "SUCCESSFUL", lambda: latest(watched), LONG)
        expect(page.locator(".standing .state")).to_contain_text("successful")
        press(page, "Roll back all")
        until(lambda: latest(watched)["kind"] == "ROLLBACK", lambda: latest(watched))
        until(lambda: latest(watched)["status"] == "SUCCESSFUL", lambda: latest(watched), LONG)
        images = {s["name"]: s["image"] for s in api(watched.plane).get_status()["services"]}
        assert images == {"web": "web:1", "cart": "cart:1"}
