"""The page at several control planes behind one address: each of its requests may reach another."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.dashboard.test_stream import Page
from tests.e2e.serving.test_serve import cloud
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.replicas import Replicas
from tests.support.planes.replicas import replicas as running

__all__ = ["cloud"]


@pytest.fixture
def replicas(tmp_path: Path, cloud: ControlPlane, postgres: str) -> Iterator[Replicas]:
    with running(tmp_path, cloud, postgres) as made:
        yield made


def _post(plane: ControlPlane, path: str, body: object, token: str = "") -> tuple[int, Any]:
    return _ask(plane, "POST", path, body, token)


def _ask(plane: ControlPlane, method: str, path: str, body: object, token: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=30)
    headers = {"authorization": f"Teal {token}"} if token else {}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    told = json.loads(answer.read() or b"null")
    connection.close()
    return answer.status, told


@pytest.mark.timeout(300)
def test_the_page_goes_on_at_another_replica(replicas: Replicas) -> None:
    one, two = replicas.planes
    # A browser is given to another replica than the one that teal open asked, and back again.
    code = one.teal("open", "--print").stdout.partition("#code=")[2].strip()
    status, session = _post(two, "/_teal/session", {"code": code})
    assert status == 200, session
    for plane in (one, two):
        assert _post(plane, "/_teal/session", {"code": code})[0] == 401, "a code works once"
    token = session["token"]
    assert _post(one, "/_teal/api/GetStatus", {}, token)[0] == 200

    page = Page(one, token)
    assert page.event()[0] == "snapshot"
    page.close()
    two.client("appmesh").create_mesh(meshName="later")
    again = Page(two, token, page.last_id)
    # The other one does not know what the page has: it gets the whole.
    assert again.event()[0] == "snapshot"
    while "later" not in again.known["mesh"]:
        again.event()
    one.client("appmesh").delete_mesh(meshName="later")
    # Whoever asks sees at once what was done at the other one.
    _, status_of_two = _post(two, "/_teal/api/GetStatus", {}, token)
    assert "later" not in [mesh["name"] for mesh in status_of_two["meshes"]]
    while "later" in again.known["mesh"]:
        again.event()
    again.close()

    assert _ask(two, "DELETE", "/_teal/session", None, token)[0] == 204
    assert _post(one, "/_teal/api/GetStatus", {}, token)[0] == 401
