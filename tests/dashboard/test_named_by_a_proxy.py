"""The page behind a proxy that asks people who they are: it opens without `teal open`."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.identity.fronting import fronting
from tests.support.identity.issuer import CLIENT, ISSUER, claims, issuer
from tests.support.machine import free_port
from tests.support.planes.control_plane import control_plane
from tests.support.programs.chromium import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
PROXY = "127.0.0.7"


def test_the_page_opens_and_opens_again_when_its_session_has_ended(
    tmp_path: Path, browser: Browser
) -> None:
    port, file = free_port(), tmp_path / "oidc.json"
    people = [{"claim": "groups", "value": "sre", "access": "admin"}]
    options = ["--listen", f"127.0.0.1:{port}", "--oidc", str(file)]
    with issuer() as double:
        keys = {"keys": f"{double.url}/jwks", "proxies": [PROXY], "people": people}
        file.write_text(json.dumps({"issuer": ISSUER, "audience": CLIENT, **keys}))
        token = double.token(double.elliptic("key"), claims(groups=["sre"]))
        with (
            control_plane(tmp_path, options=options) as plane,
            fronting(port, PROXY, lambda: token) as url,
            closing(browser.new_page()) as page,
        ):
            page.goto(f"{url}/_teal/")
            expect(page.locator(".link.good")).to_be_visible(timeout=20_000)
            (session,) = json.loads(plane.teal("token", "list", "--json").stdout)
            assert session["actor"] == "oidc:ann@example.com"
            with page.expect_response("**/_teal/session/identity") as again:
                plane.teal("token", "revoke", session["tokenId"])
            assert again.value.status == 200
            expect(page.locator(".link.good")).to_be_visible(timeout=20_000)
