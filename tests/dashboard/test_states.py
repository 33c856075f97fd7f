"""The page in states that are rare, before a control plane that is made up: in a real browser."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from tests.dashboard import scenes, walking
from tests.dashboard.staged import Scene, Stage, stage
from tests.support.programs.chromium import axe, missing

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(240),
]
DEPLOYMENT = "#/deployments/web/4b1c9e02aa"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
SEEN: dict[str, tuple[Callable[[], Scene], str, str]] = {
    "empty": (scenes.empty, "#/", "There are no services yet"),
    "many services": (scenes.many, "#/", "service-39"),
    "no deployments": (scenes.many, "#/history", "has not been deployed yet"),
    "held": (scenes.held, DEPLOYMENT, "Take over"),
    "crash loop": (scenes.crashing, DEPLOYMENT, "cannot read config.yml"),
    "service": (scenes.crashing, "#/services/web", "cannot read config.yml"),
    "group": (scenes.group, "#/groups/all", "Roll back all"),
    "groups": (scenes.group, "#/", "It has not been deployed yet."),
    "group without deployment": (scenes.group, "#/groups/never", "teal deploy --group never"),
}


@pytest.fixture(scope="module")
def played() -> Iterator[Stage]:
    with stage(scenes.empty()) as made:
        yield made


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB")
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab: Page, played: Stage) -> Iterator[Page]:
    """As new: a tab of its own for each test would be a third of what the tests cost."""
    faults: list[str] = []

    def listen(error: Error) -> None:
        faults.append(str(error))

    tab.on("pageerror", listen)
    tab.set_viewport_size(WIDE)  # type: ignore[arg-type]
    tab.emulate_media(color_scheme="light")
    yield tab
    tab.goto("about:blank")
    tab.unroute_all()
    devtools = tab.context.new_cdp_session(tab)
    devtools.send("Storage.clearDataForOrigin", {"origin": played.url, "storageTypes": "all"})
    devtools.detach()
    tab.remove_listener("pageerror", listen)
    assert faults == []


def opened(page: Page, played: Stage, scene: Scene, address: str) -> Scene:
    page.goto(played.show(scene))
    expect(page.locator(".link.good")).to_be_visible()
    page.evaluate("to => { location.hash = to }", address)
    return scene


@pytest.mark.parametrize("name", SEEN)
def test_every_state_can_be_read(page: Page, played: Stage, name: str) -> None:
    make, address, text = SEEN[name]
    opened(page, played, make(), address)
    expect(page.get_by_text(text).first).to_be_visible()
    page.evaluate(axe())
    for theme, size in itertools.product(walking.THEMES, (WIDE, NARROW)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert walking.hindering(page, theme) == [], theme
    # On a telephone neither the page nor a table of it is wider than what one sees.
    assert walking.wider(page) == []
    page.get_by_label("Language").select_option("ja")
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    assert walking.wider(page) == []
    # A scene does not say what its sentences are made of, so they stay English and are marked so.
    assert walking.english(page, except_marked=True) == []


def test_what_changed_is_told_without_secrets(page: Page, played: Stage) -> None:
    opened(page, played, scenes.held(), DEPLOYMENT)
    changed = page.get_by_role("region", name="What changed")
    expect(changed).to_contain_text("containerDefinitions[app].memory")
    expect(changed).to_contain_text("(hidden, another value)")
    expect(changed.get_by_text("containerDefinitions[app].image")).to_have_count(0)


def test_one_button_takes_a_group_back(page: Page, played: Stage) -> None:
    scene = opened(page, played, scenes.group(), "#/groups/all")
    page.get_by_role("button", name="Roll back all").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("All services of group all go back")
    assert not [one for one in scene.called if "Abort" in one[0]]
    dialog.get_by_role("button", name="Roll back all").click()
    expect(dialog).to_have_count(0)
    assert ("AbortGroup", {"group": "all"}) in scene.called


def test_a_held_one_is_decided_by_itself(page: Page, played: Stage) -> None:
    scene = opened(page, played, scenes.held(), DEPLOYMENT)
    page.get_by_role("button", name="Take over").click()
    page.get_by_role("dialog").get_by_role("button", name="Take over").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert ("Resume", {"service": "web", "takeOver": True}) in scene.called


def test_the_keyboard_goes_into_the_question_and_back(page: Page, played: Stage) -> None:
    scene = opened(page, played, scenes.crashing(), DEPLOYMENT)
    abort = page.get_by_role("button", name="Abort", exact=True)
    abort.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Tab")
        # Beyond the last button the browser's own parts have their turn: never the page behind.
        assert page.evaluate("() => !document.activeElement.closest('main article header > *')"
                             " || Boolean(document.activeElement.closest('dialog'))")  # fmt: skip
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(abort).to_be_focused()
    assert not [one for one in scene.called if one[0] == "Abort"]


def test_a_link_leads_the_keyboard_to_the_page_behind_it(page: Page, played: Stage) -> None:
    opened(page, played, scenes.group(), "#/")
    page.get_by_role("link", name="all", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("all: web, pay")
    expect(page).to_have_title("all · Overview · Tealmesh")
    expect(page.locator("#main")).to_be_focused()


def test_that_it_is_gone_is_said_once(page: Page, played: Stage) -> None:
    opened(page, played, scenes.many(), "#/")
    page.route("**/_teal/stream", lambda route: route.abort())
    played.scene = scenes.empty()
    said = page.get_by_role("status")
    expect(said).to_contain_text("does not answer")
    expect(said).not_to_contain_text(" old")
    expect(page.get_by_text(re.compile(r"What you see is \d+ s old"))).to_be_visible()


def test_who_only_may_look_sees_no_buttons_and_why(page: Page, played: Stage) -> None:
    scene = scenes.held()
    scene.access = "viewer"
    opened(page, played, scene, DEPLOYMENT)
    expect(page.get_by_text("your access is read-only")).to_be_visible()
    for name in ("Resume", "Take over", "Abort"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)


def test_a_session_that_has_ended_says_what_to_run(page: Page, played: Stage) -> None:
    scene = scenes.many()
    scene.session = 401
    page.goto(played.show(scene))
    expect(page.get_by_role("alert")).to_contain_text("the session has ended")
    expect(page.locator("pre", has_text="teal open")).to_be_visible()


def test_what_the_control_plane_cannot_answer_is_said_in_its_words(
    page: Page, played: Stage
) -> None:
    failed = (500, {"__type": "InternalServerError", "message": "the disk is full"})
    scene = scenes.of_deployment(
        scenes.deployment(), {"ListJournal": failed, "Pause": failed, "Explain": failed}
    )
    opened(page, played, scene, DEPLOYMENT)
    journal = page.get_by_role("region", name="Journal")
    expect(journal.get_by_role("alert")).to_contain_text("the disk is full")
    page.get_by_role("button", name="Pause", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Pause", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("the disk is full")
    dialog.get_by_role("button", name="Not now").click()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_focused()
