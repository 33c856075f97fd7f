"""An Envoy that cannot read its token from a file has it in its bootstrap, and nobody else does."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import httpx

from tealmesh.store.store import Store
from tests.engine.task.mesh import engine_and_ads
from tests.engine.task.test_mesh_tasks import put_all, task_of
from tests.support.planes.engine import Documents, service
from tests.support.programs.old_envoy import old_envoy


def test_it_is_shown_nowhere(tmp_path: Path) -> None:
    envoy = str(old_envoy(tmp_path))

    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        one, _ = await put_all(documents)
        async with engine_and_ads(tmp_path, store, envoy=envoy):
            await documents.put_service(service("web", one, 1))
            await documents.steady("web")
            task = task_of(documents, "web")
            directory = tmp_path / "tasks" / task["taskArn"].rpartition("/")[2]
            base = f"http://{task['teal']['address']}:9901"
            async with httpx.AsyncClient(trust_env=False, verify=False, base_url=base) as http:
                for path in ("/config_dump", "/config_dump?resource=bootstrap", "/"):
                    assert (await http.get(path)).status_code == 403, path
                told = (await http.get("/server_info")).text
            _only_in_its_files(directory, told)
        store.close()

    asyncio.run(scenario())


def _only_in_its_files(directory: Path, told: str) -> None:
    bootstrap = directory / "envoy.bootstrap.json"
    services = json.loads(bootstrap.read_text())["dynamic_resources"]["ads_config"]["grpc_services"]
    (stated,) = services[0]["initial_metadata"]
    signature = stated["value"].rpartition(".")[2]
    files = {p for p in directory.rglob("*") if p.is_file() and signature in p.read_text()}
    assert files == {directory / ".envoy" / "token.json", bootstrap}
    assert {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}
    (pid, *_) = (directory / "envoy" / "pid").read_text().split()
    for of_process in ("cmdline", "environ"):
        assert signature not in Path(f"/proc/{pid}/{of_process}").read_text()
    assert signature not in told
