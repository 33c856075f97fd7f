"""The service that the tests of this folder deploy, and its pages."""

from __future__ import annotations

from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.sample import Sample, api

PAGES = {
    "#/": "Overview",
    "#/services": "Services and tasks",
    "#/services/web": "web",
    "#/mesh/sample": "Mesh sample",
    "#/traces": "Traces",
    "#/traces/map": "Traces",
    "#/history/web": "History",
    "#/events": "Events",
}
"""Each page's address and heading, besides the deployment's."""


class Stepped(Sample):
    """With a step of 10 % before all of it, that only people end."""

    def text(self) -> str:
        return super().text().replace("steps = [100]", "steps = [10, 100]")


def weights(plane: ControlPlane) -> dict[str, int]:
    sides = api(plane).get_status()["services"][0]["sides"]
    return {side["side"]: side["weight"] for side in sides}
