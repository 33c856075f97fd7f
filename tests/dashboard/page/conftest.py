"""One control plane with traffic, and one page in a real browser, for all tests of this folder,
which tell one story in the order of their files.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.dashboard.page.deployment import Stepped, weights
from tests.dashboard.watched import Watched
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample, api
from tests.support.programs.traffic import traffic
from tests.support.waiting import until


@pytest.fixture(scope="package")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return Stepped(
        tmp_path_factory.mktemp("page"), step_time="1s", step_timeout="10m", min_requests=10**6
    )


@pytest.fixture(scope="package")
def plane(sample: Sample) -> Iterator[ControlPlane]:
    with control_plane(sample.directory, options=["--trace", "0.5"]) as plane:
        sample.apply(plane)
        with traffic((sample.url, 60)):
            yield plane


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    size = {"width": 1280, "height": 900}
    context = browser.new_context(viewport=size, locale="en-GB")  # type: ignore[arg-type]
    yield context
    context.close()


@pytest.fixture(scope="package")
def watched(plane: ControlPlane, context: BrowserContext) -> Iterator[Watched]:
    watched = Watched(plane, context.new_page())
    watched.signed_in()
    yield watched
    assert watched.faults == []


@pytest.fixture(scope="package")
def deployed(watched: Watched) -> str:
    """A deployment that waits at 10 %; the address of its page."""
    watched.plane.teal("deploy", "web", "example/sample:0.0.2", "--no-follow")
    until(lambda: weights(watched.plane) == {"blue": 90, "green": 10})
    return f"#/deployments/web/{api(watched.plane).get_deployment('web')['deploymentId']}"
