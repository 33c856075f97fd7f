"""Envoy's port at a task's address tells no secret and obeys nobody; its socket is its user's."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import httpx

from tealmesh.engine.runtimes.admin import AdminPlace, ask
from tealmesh.store.store import Store
from tests.engine.task.mesh import engine_and_ads
from tests.engine.task.test_mesh_tasks import put_all, task_of
from tests.support.planes.engine import Documents, service

QUESTIONS = ("/ready", "/server_info", "/stats", "/stats/prometheus", "/stats?filter=server.live")
ORDERS = (
    "/quitquitquit",
    "/logging?level=trace",
    "/drain_listeners",
    "/healthcheck/fail",
    "/ready",
)
SECRETS = ("/config_dump", "/config_dump?include_eds", "/clusters", "/", "/ready/", "//config_dump")


def test_it_answers_harmless_questions_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        one, _ = await put_all(documents)
        async with engine_and_ads(tmp_path, store):
            await documents.put_service(service("web", one, 1))
            await documents.steady("web")
            task = task_of(documents, "web")
            directory = tmp_path / "tasks" / task["taskArn"].rpartition("/")[2]
            await _asked(task["teal"]["address"])
            await _dumped(directory)
        store.close()

    asyncio.run(scenario())


async def _asked(address: str) -> None:
    base = f"http://{address}:9901"
    async with httpx.AsyncClient(trust_env=False, verify=False, base_url=base) as http:
        assert {path: (await http.get(path)).status_code for path in QUESTIONS} == dict.fromkeys(
            QUESTIONS, 200
        )
        assert '"state": "LIVE"' in (await http.get("/server_info")).text
        for path in ORDERS:
            assert (await http.post(path)).status_code == 403, path
        for path in SECRETS:
            assert (await http.get(path)).status_code == 403, path
        assert (await http.get("/ready")).text == "LIVE\n"


async def _dumped(directory: Path) -> None:
    """The token is nowhere but in its file, although all of the admin interface is at hand."""
    private = directory / ".envoy"
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (private, *private.iterdir())}
    assert modes == {".envoy": 0o700, "token.json": 0o600, "admin.sock": 0o600}
    place = AdminPlace.of(directory, "")
    dump, server = await ask(place, "/config_dump"), await ask(place, "/server_info")
    assert "[redacted]" in dump.text
    _told(directory, dump.text, server.text)


def _told(directory: Path, *answers: str) -> None:
    private = directory / ".envoy"
    (secret,) = json.loads((private / "token.json").read_text())["resources"]
    token = secret["generic_secret"]["secret"]["inline_string"].removeprefix("Bearer ")
    told = [
        *answers,
        *[p.read_text() for p in directory.rglob("*") if p.is_file() and p.name != "token.json"],
    ]
    signature = token.rpartition(".")[2]
    assert not [text for text in told if signature in text]
    (pid, *_) = (directory / "envoy" / "pid").read_text().split()
    for of_process in ("cmdline", "environ"):
        assert signature not in Path(f"/proc/{pid}/{of_process}").read_text()
