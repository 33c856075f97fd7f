"""What each page shows while a deployment waits, in both languages, and by keyboard."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.dashboard import walking
from tests.dashboard.page.deployment import PAGES
from tests.dashboard.watched import Watched
from tests.support.machine import REPOSITORY
from tests.support.planes.sample import api
from tests.support.programs.chromium import axe, missing
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(240),
]


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
