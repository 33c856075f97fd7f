"""The page in a real browser, on a real control plane with traffic: one of each for all tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.dashboard import walking
from tests.support.machine import REPOSITORY
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import FINISHED, Sample, api
from tests.support.programs.chromium import axe, missing
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(240),
]
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


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return Stepped(
        tmp_path_factory.mktemp("page"), step_time="1s", step_timeout="10m", min_requests=10**6
    )


@pytest.fixture(scope="module")
def plane(sample: Sample) -> Iterator[ControlPlane]:
    with control_plane(sample.directory, options=["--trace", "0.5"]) as plane:
        sample.apply(plane)
        with traffic((sample.url, 60)):
            yield plane


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    size = {"width": 1280, "height": 900}
    context = browser.new_context(viewport=size, locale="en-GB")  # type: ignore[arg-type]
    yield context
    context.close()


@pytest.fixture(scope="module")
def watched(plane: ControlPlane, context: BrowserContext) -> Iterator[Watched]:
    watched = Watched(plane, context.new_page())
    watched.signed_in()
    yield watched
    assert watched.faults == []


@pytest.fixture(scope="module")
def deployed(watched: Watched) -> str:
    """A deployment that waits at 10 %; the address of its page."""
    watched.plane.teal("deploy", "web", "example/sample:0.0.2", "--no-follow")
    until(lambda: watched_weights(watched.plane) == {"blue": 90, "green": 10})
    return f"#/deployments/web/{api(watched.plane).get_deployment('web')['deploymentId']}"


def watched_weights(plane: ControlPlane) -> dict[str, int]:
    sides = api(plane).get_status()["services"][0]["sides"]
    return {side["side"]: side["weight"] for side in sides}


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


def test_every_page_opens_and_hinders_nobody(watched: Watched, deployed: str) -> None:
    page = watched.page
    page.evaluate(axe())
    narrow, wide = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
    for address, heading in {**PAGES, deployed: "web: sample:0.0.1 → sample:0.0.2"}.items():
        watched.show(address)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        expect(page.get_by_text("Loading…")).to_have_count(0)
        for theme in walking.THEMES:
            assert walking.hindering(page, theme) == [], f"{address} {theme}"
        page.set_viewport_size(narrow)  # type: ignore[arg-type]
        assert walking.wider(page) == [], address
        page.set_viewport_size(wide)  # type: ignore[arg-type]
    assert watched.faults == []


def test_every_control_is_reached_and_seen_by_keyboard(watched: Watched, deployed: str) -> None:
    for address in (*PAGES, deployed, "#/mesh/sample?node=virtualNode%2Fweb-green"):
        watched.show(address)
        expect(watched.page.get_by_role("heading", level=1)).to_be_visible()
        expect(watched.page.get_by_text("Loading…")).to_have_count(0)
        assert walking.by_keyboard(watched.page) == {"missed": [], "unseen": []}, address


def test_its_numbers_are_those_of_the_api(watched: Watched, deployed: str) -> None:
    watched.show("#/")
    rows = watched.page.get_by_role("region", name="Services", exact=True).locator("tbody tr")
    expect(rows).to_have_count(2)

    def told(row: int) -> dict[str, str]:
        cells: list[str] = rows.nth(row).locator("td").all_inner_texts()
        names = ["side", "image", "share", "weight", "measured", "healthy", "rate"]
        return dict(zip(names, cells[1:] if row == 0 else cells, strict=False))

    sides = {side["side"]: side for side in api(watched.plane).get_status()["services"][0]["sides"]}
    for row, (name, weight) in enumerate((("blue", "90 %"), ("green", "10 %"))):
        seen = told(row)
        assert name in seen["side"]
        assert seen["image"].strip() == sides[name].get("image", "").rpartition("/")[2]
        assert seen["weight"] == weight
        assert seen["healthy"] == f"{sides[name]['healthy']}/{sides[name]['desired']}"

    def flows() -> bool:
        rates = [float(told(row)["rate"]) for row in (0, 1)]
        return sum(rates) == pytest.approx(60, rel=0.25)

    until(flows, lambda: [told(0), told(1)])


def test_the_deployment_shows_its_evidence(watched: Watched, deployed: str) -> None:
    page = watched.page
    watched.show(deployed)
    expect(page.locator("li[aria-current=step]")).to_contain_text("10 %")
    for gate in ("tasks", "success-rate", "errors"):
        expect(page.get_by_role("heading", name=gate, exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="By caller").locator("tbody tr")).not_to_have_count(0)
    expect(page.locator(".plot canvas")).to_have_count(3)
    changed = page.get_by_role("region", name="What changed")
    expect(changed.get_by_text("Nothing but the image differs.")).to_be_visible()
    page.get_by_role("button", name=re.compile("Log of task")).first.click()
    expect(page.locator("pre.logs")).to_contain_text(re.compile("app|envoy"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the evidence").click()
    assert json.loads(download.value.path().read_text())
    assert watched.faults == []


def test_the_pictures_of_the_readme_show_the_page_of_today(watched: Watched, deployed: str) -> None:
    watched.show(deployed)
    expect(watched.page.locator(".plot canvas")).to_have_count(3)
    expect(watched.page.get_by_role("region", name="By caller").locator("tr")).not_to_have_count(0)
    told = (REPOSITORY / "docs" / "page-layout.txt").read_text().splitlines()
    assert walking.layout(watched.page) == told, "run `make screenshots`"


def test_the_tasks_have_the_version_and_the_revision_of_their_envoys(
    watched: Watched, deployed: str
) -> None:
    page = watched.page
    watched.show("#/services/web")
    (version,) = {one["version"] for one in api(watched.plane).list_envoys()}
    row = page.get_by_role("region", name="Tasks of web").locator("tbody tr").first
    expect(row).to_contain_text(f"up to date {version}")
    row.get_by_role("button").click()
    expect(
        page.get_by_text(re.compile(rf"Envoy {version} has acknowledged revision"))
    ).to_be_visible()
    row.get_by_role("button").click()
    assert watched.faults == []


def test_its_sentences_are_in_the_language_of_the_page(watched: Watched, deployed: str) -> None:
    page = watched.page
    watched.show(deployed)
    page.get_by_label("Language").select_option("ja")
    expect(page.locator(".lead .sentence")).to_contain_text("green に 10 %")
    expect(page.locator(".journal li").last).to_contain_text(
        "で blue の example/sample:0.0.1 を置き換え"
    )
    expect(page.locator(".lead .sentence")).to_contain_text("を測定中")
    english = page.locator("main [lang=en]").filter(has_text=re.compile("[a-z]"))
    for address in (*PAGES, deployed, "#/mesh/sample?node=virtualNode%2Fweb-green"):
        watched.show(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_text("読み込み中")).to_have_count(0)
        if address in (deployed, "#/", "#/services/web", "#/history/web", "#/events"):
            expect(page.get_by_text(re.compile("測定中|待機中|を作成")).first).to_be_visible()
            expect(english).to_have_count(0)
        assert walking.english(page) == [], address
    page.get_by_label("言語").select_option("en")
    assert watched.faults == []


def test_the_map_opens_a_resource_by_keyboard(watched: Watched, deployed: str) -> None:
    page = watched.page
    watched.show("#/mesh/sample")
    page.get_by_role("button", name=re.compile("virtual node .*web-green")).press("Enter")
    resource = page.get_by_role("complementary", name=re.compile("web-green"))
    expect(resource.get_by_text('"serviceDiscovery"')).to_be_visible()
    expect(resource.locator("summary")).not_to_have_count(0)
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".edge text").filter(has_text="10 %")).to_have_count(1)


def press(page: Page, name: str) -> None:
    """Press a button of the deployment, and again in the question that it asks."""
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_trace_is_opened_by_keyboard(watched: Watched, deployed: str) -> None:
    page, client = watched.page, api(watched.plane)
    watched.show("#/traces")
    row = page.locator("tr", has_text="sample/edge").filter(has_text="200").first
    row.get_by_role("link").press("Enter")
    expect(page.get_by_text("2 steps of 2 services")).to_be_visible()
    told = client.get_trace(page.url.rpartition("/")[2])
    assert [one["depth"] for one in told["spans"]] == [0, 1]
    steps = page.get_by_role("button", name="Details of")
    expect(steps).to_have_count(2)
    steps.last.press("Enter")
    expect(page.get_by_text(told["spans"][1]["resource"], exact=True)).to_be_visible()
    watched.show("#/traces/map")
    page.get_by_role("link", name="sample/edge").press("Enter")
    expect(page.locator("search select")).to_have_value("sample/edge")


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
    assert watched_weights(watched.plane)["blue"] == 100
    press(page, "Try again")
    until(lambda: now()["deploymentId"] not in deployed)
    until(lambda: watched_weights(watched.plane) == {"blue": 90, "green": 10})
    # The old one keeps its address, and cannot be steered any more.
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    expect(page.get_by_text("aborted").first).to_be_visible()
    watched.show(f"#/deployments/web/{now()['deploymentId']}")
    press(page, "Promote fully")
    until(lambda: now()["status"] == "SUCCESSFUL")
    expect(page.locator(".standing .state")).to_contain_text("successful")
    press(page, "Roll back")
    until(lambda: now()["kind"] == "ROLLBACK" and now()["status"] == "SUCCESSFUL")
    assert watched_weights(watched.plane)["blue"] == 100
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
