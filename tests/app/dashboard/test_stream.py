"""The stream of changes over a real socket: a page that is open, is slow, comes back, and stays
until the control plane stops.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tealmesh.app.dashboard.files import BUILT, Files
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.waiting import until


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("streams")) as started:
        yield started


class Page:
    """A reader that keeps what the stream tells, as docs/stream.md says."""

    def __init__(self, plane: ControlPlane, token: str, last_id: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=30)
        headers = {"authorization": f"Teal {token}"}
        if last_id:
            headers["last-event-id"] = last_id
        self._connection.request("GET", "/_teal/stream", headers=headers)
        self.response = self._connection.getresponse()
        self.known: dict[str, dict[str, Any]] = {}
        self.last_id = last_id

    def event(self) -> tuple[str, Any]:
        """The next event that is more than a sign of life."""
        while (told := self.any_event())[0] == "beat":
            pass
        return told

    def any_event(self) -> tuple[str, Any]:
        """The next one."""
        fields: dict[str, str] = {}
        while line := self.response.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        if not fields:
            return "closed", None
        kind, data = fields["event"], json.loads(fields["data"])
        self.last_id = fields.get("id", self.last_id)
        if kind == "snapshot":
            self.known = data
        elif kind == "change":
            for section, change in data.items():
                self.known[section].update(change.get("put", {}))
                for key in change.get("gone", []):
                    self.known[section].pop(key, None)
        return kind, data

    def close(self) -> None:
        self.response.close()
        self._connection.close()


@pytest.fixture
def opened() -> Iterator[Callable[..., Page]]:
    pages: list[Page] = []

    def open_page(*given: Any) -> Page:
        pages.append(Page(*given))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


def token(plane: ControlPlane, *options: str) -> str:
    return plane.teal("token", "create", *options).stdout.strip()


def mesh(plane: ControlPlane, name: str) -> None:
    plane.client("appmesh").create_mesh(meshName=name)


Opened = Callable[..., Page]


def test_a_page_sees_what_happens_and_comes_back(plane: ControlPlane, opened: Opened) -> None:
    secret = token(plane, "--read-only")
    page = opened(plane, secret)
    assert page.response.status == 200
    assert page.event()[0] == "snapshot"
    assert set(page.known) == {
        "control", "services", "traffic", "rest", "deployments", "groups", "tasks", "envoys",
        "mesh", "edges", "events",
    }  # fmt: skip
    mesh(plane, "one")
    while "one" not in page.known["mesh"]:
        kind, data = page.event()
        assert kind == "change"
        assert set(data) <= set(page.known)
    until_told = [event["sentence"] for event in page.known["events"].values()]
    while not any("created mesh one" in said for said in until_told):
        page.event()
        until_told = [event["sentence"] for event in page.known["events"].values()]
    page.close()
    mesh(plane, "two")
    again = opened(plane, secret, page.last_id)
    again.known = page.known
    while "two" not in again.known["mesh"]:
        assert again.event()[0] == "change"
    assert "one" in again.known["mesh"]


def test_the_time_and_the_page_that_is_served_are_told_at_once(
    plane: ControlPlane, opened: Opened
) -> None:
    page = opened(plane, token(plane, "--read-only"))
    assert page.any_event()[0] == "snapshot"
    kind, data = page.any_event()
    assert kind == "beat"
    assert data["at"] == pytest.approx(time.time(), abs=30)
    index = BUILT / "index.html"
    script = page.known["control"]["control"].get("page")
    assert (script or "") == Files().script()
    assert not index.is_file() or f"assets/{script}" in index.read_text()


def test_a_reader_that_does_not_read_gets_the_newest(plane: ControlPlane, opened: Opened) -> None:
    page = opened(plane, token(plane, "--read-only"))
    page.event()
    other = opened(plane, token(plane, "--read-only"))
    other.event()
    for number in range(5):
        mesh(plane, f"slow-{number}")
    # By the other page it is known that all has been told; this one reads only now.
    while "slow-4" not in other.known["mesh"]:
        other.event()
    while "slow-4" not in page.known["mesh"]:
        page.event()
    assert page.known["mesh"] == other.known["mesh"]


def test_a_token_that_is_taken_away_ends_the_stream(plane: ControlPlane, opened: Opened) -> None:
    made = json.loads(plane.teal("token", "create", "--read-only", "--json").stdout)
    page = opened(plane, made["secret"])
    page.event()
    plane.teal("token", "revoke", made["token"]["tokenId"])
    while (told := page.event())[0] == "change":
        pass
    assert told == ("end", {"reason": "revoked"})
    assert page.event()[0] == "closed"


def test_no_stream_without_a_token(plane: ControlPlane, opened: Opened) -> None:
    for wrong in ("", "x"):
        page = opened(plane, wrong)
        assert page.response.status == 401
        assert json.loads(page.response.read())["__type"] == "SessionInvalid"


def test_after_a_restart_a_page_gets_everything_anew(tmp_path: Path, opened: Opened) -> None:
    with control_plane(tmp_path) as plane:
        secret = token(plane, "--read-only")
        mesh(plane, "kept")
        page = opened(plane, secret)
        assert page.event()[0] == "snapshot"
        plane.kill9()
        plane.start()
        again = opened(plane, secret, page.last_id)
        assert again.event()[0] == "snapshot"
        assert "kept" in again.known["mesh"]
        plane.teal("down")
        while (told := again.event())[0] == "change":
            pass
        assert told == ("end", {"reason": "stopping"})
        until(lambda: plane.process is not None and plane.process.poll() is not None)
