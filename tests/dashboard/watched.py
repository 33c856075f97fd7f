"""A page of a real control plane in a real browser, and what it did that it must not do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Page, expect

from tests.support.planes.control_plane import ControlPlane


@dataclass
class Watched:
    """A page that is open, and what it did that it must not do."""

    plane: ControlPlane
    page: Page
    faults: list[str] = field(default_factory=list)
    endpoint: str = ""
    """Where the page is, if that is not the control plane itself but leads there."""

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", lambda request: self._request(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        # While the control plane is gone the browser itself says so.
        if message.type == "error" and "net::ERR_" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.endpoint or self.plane.endpoint, "blob:", "data:")):
            self.faults.append(f"request: {url}")

    def show(self, address: str) -> None:
        self.page.evaluate("address => { location.hash = address }", address)

    def signed_in(self) -> None:
        told = self.plane.teal("open", "--print").stdout
        found = re.search(r"http\S+", told)
        assert found, told
        self.page.goto(
            found.group().replace(self.plane.endpoint, self.endpoint or self.plane.endpoint)
        )
        expect(self.page.locator(".link.good")).to_be_visible()
        assert "code" not in self.page.url


def press(page: Page, name: str) -> None:
    """Press a button of the deployment, and again in the question that it asks."""
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
