"""The buttons of a group of services, on a real control plane with traffic, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.dashboard.test_page import Watched, press
from tests.e2e.rollouts.test_groups import config
from tests.support.machine import free_port
from tests.support.planes.control_plane import control_plane
from tests.support.planes.sample import api
from tests.support.programs.chromium import chromium, missing
from tests.support.programs.traffic import traffic
from tests.support.waiting import until


@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.timeout(240)
def test_the_buttons_of_a_group_do_what_they_say(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "teal.toml"
    # Only people end its steps.
    file.write_text(config(port).replace("min_requests = 10", "min_requests = 1000000"))
    with (
        control_plane(tmp_path, file) as plane,
        traffic((f"http://127.0.0.1:{port}/", 40.0)),
        chromium() as browser,
    ):
        plane.teal("apply", "--config", str(file))
        watched = Watched(plane, browser.new_context(locale="en-GB").new_page())
        watched.signed_in()
        page = watched.page

        def now() -> Any:
            return api(plane).get_group_deployment("shop")

        def weights() -> dict[str, dict[str, int]]:
            services = api(plane).get_status()["services"]
            return {s["name"]: {x["side"]: x["weight"] for x in s["sides"]} for s in services}

        old = weights()
        watched.show("#/groups/shop")
        expect(page.get_by_text("It has not been deployed yet.")).to_be_visible()
        plane.teal("deploy", "--group", "shop", "web=web:2", "cart=cart:2", "--no-follow")
        press(page, "Pause")
        assert now()["pausedBy"]
        expect(page.locator(".standing")).to_contain_text("paused by")
        press(page, "Resume")
        assert "pausedBy" not in now()
        until(lambda: weights()["cart"] != old["cart"], now, 60)
        press(page, "Roll back all")
        until(lambda: now()["status"] == "ROLLBACK_SUCCESSFUL", now, 60)
        assert weights() == old
        first = now()["groupDeploymentId"]
        press(page, "Try again")
        until(lambda: now()["groupDeploymentId"] != first, now)
        # The first one keeps its address, and cannot be steered any more.
        watched.show(f"#/groups/shop/{first}")
        expect(page.get_by_text("rolled back").first).to_be_visible()
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)
        watched.show("#/groups/shop")
        press(page, "Promote fully")
        until(lambda: now()["status"] == "SUCCESSFUL", now, 90)
        expect(page.locator(".standing .state")).to_contain_text("successful")
        press(page, "Roll back all")
        until(lambda: now()["kind"] == "ROLLBACK" and now()["status"] == "SUCCESSFUL", now, 90)
        images = {s["name"]: s["image"] for s in api(plane).get_status()["services"]}
        assert images == {"web": "web:1", "cart": "cart:1"}
        assert watched.faults == []
