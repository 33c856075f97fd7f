"""Debian's Chromium, driven by Playwright, whose own browsers would be one more download."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.support.machine import REPOSITORY

BUILT = REPOSITORY / "src" / "tealmesh" / "app" / "dashboard" / "built"
AXE = REPOSITORY / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"


WITHOUT = (
    # The popup of the address bar is a page of its own in each window, and takes a renderer.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    # Those that Playwright turns off: its own list is not added to, but replaced.
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    "Translate",
)


def program() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


def missing() -> str:
    """Why the page cannot be tried in a browser; empty if it can."""
    if program() is None:
        return "there is no chromium (Debian: apt-get install chromium fonts-noto-cjk)"
    if not (BUILT / "index.html").is_file() or not AXE.is_file():
        return "the page is not built (make dashboard)"
    return ""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window. As root, Chromium has no sandbox."""
    options = [f"--disable-features={','.join(WITHOUT)}"]
    if os.getuid() == 0:
        options.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=options)
        try:
            yield browser
        finally:
            browser.close()


def axe() -> str:
    """axe-core, which finds what hinders people who see, hear or move differently."""
    return Path(AXE).read_text()
