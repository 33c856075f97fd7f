"""Tasks with real Envoys under a real control plane."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import httpx

from tealmesh.store import tables
from tealmesh.store.store import Store
from tests.engine.task.mesh import REGISTRY, engine_and_ads, envoy, put_mesh
from tests.engine.test_service_worker import deploy
from tests.support.machine import free_port
from tests.support.planes.engine import Documents, definition, quick_times, service, web


async def put_all(documents: Documents) -> tuple[str, str]:
    """Mesh, images, both versions of ``web`` as services' definitions, and a caller."""
    await put_mesh(documents.store)
    await documents.images(web="version=1", next="version=2", sick="silent")
    one = await documents.define(definition("web", 1, web(), envoy("web")))
    two = await documents.define(definition("web", 2, web("team/next:2"), envoy("web")))
    caller = await documents.define(definition("caller", 1, web(), envoy("caller")))
    await documents.put_service(service("caller", caller, 1))
    return one, two


def task_of(documents: Documents, group: str) -> Any:
    return next(t for t in documents.tasks("RUNNING") if t["group"] == f"service:{group}")


class Load:
    """Requests one after the other through a caller's own egress, each counted."""

    def __init__(self, caller: Any) -> None:
        self.answers: list[str] = []
        self.failures: list[str] = []
        self._proxy = f"http://{caller['teal']['address']}:15001"
        self._ending = False

    async def run(self) -> None:
        async with httpx.AsyncClient(proxy=self._proxy, trust_env=False, verify=False) as http:
            while not self._ending:
                answer = await http.get("http://web.local:8080/")
                if answer.status_code == 200:
                    self.answers.append(answer.text)
                else:
                    self.failures.append(f"{answer.status_code} {answer.text}")
                await asyncio.sleep(0.002)

    async def more(self, count: int) -> None:
        """Wait for so many further answers."""
        wanted = len(self.answers) + count
        for _ in range(3000):
            if len(self.answers) >= wanted or self.failures:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"only {len(self.answers)} answers")

    def end(self) -> None:
        self._ending = True


def test_a_rolling_replacement_under_load_loses_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        one, two = await put_all(documents)
        async with engine_and_ads(tmp_path, store):
            await documents.put_service(service("web", one, 2, serviceRegistries=[REGISTRY]))
            await documents.steady("web")
            await documents.steady("caller")
            load = Load(task_of(documents, "caller"))
            loading = asyncio.create_task(load.run())
            await load.more(50)
            assert set(load.answers) == {"1"}
            await documents.update_service("web", deploy("ecs-svc/2", two))
            await documents.steady("web")
            await load.more(50)
            load.end()
            await loading
            assert load.failures == []
            assert set(load.answers[-50:]) == {"2"}
            instances = store.view.list(tables.INSTANCES, "srv-1")
            now = {t["teal"]["address"] for t in documents.tasks("RUNNING")}
            assert {i.body["attributes"]["AWS_INSTANCE_IPV4"] for i in instances} <= now
            assert len(instances) == 2
        store.close()

    asyncio.run(scenario())


def test_what_a_task_is_given(tmp_path: Path) -> None:
    """Environment, bootstrap (secret to its owner), and readiness by the node's health check."""

    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        one, _ = await put_all(documents)
        async with engine_and_ads(tmp_path, store):
            await documents.put_service(service("web", one, 1, serviceRegistries=[REGISTRY]))
            await documents.steady("web")
            task = task_of(documents, "web")
            address, inner = task["teal"]["address"], task["teal"]["appAddress"]
            async with httpx.AsyncClient(trust_env=False, verify=False) as http:
                environment = json.loads((await http.get(f"http://{address}:8080/env")).text)
                statistics = (await http.get(f"http://{address}:9901/stats")).text
            # An inclusion list takes whole names: a pattern that only begins like one takes none.
            assert "control_plane.connected_state: 1" in statistics
            assert environment["HOST"] == inner
            assert environment["PORT"] == "8080"
            assert environment["HTTP_PROXY"] == f"http://{address}:15001"
            assert inner in environment["NO_PROXY"].split(",")
            assert environment["AWS_REGION"] == "us-east-1"
            directory = tmp_path / "tasks" / task["taskArn"].rpartition("/")[2]
            bootstrap = directory / "envoy.bootstrap.json"
            assert stat.S_IMODE(bootstrap.stat().st_mode) == 0o600
            assert task["teal"]["envoy"] == {"mesh": "m", "kind": "virtualNode", "name": "web"}
            assert {c["name"]: c["lastStatus"] for c in task["containers"]} == {
                "app": "RUNNING",
                "envoy": "RUNNING",
            }
        store.close()

    asyncio.run(scenario())


def test_a_task_whose_application_never_listens_fails_with_its_log(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        await put_all(documents)
        sick = await documents.define(definition("web", 3, web("team/sick:1"), envoy("web")))
        body = service(
            "web", sick, 1, serviceRegistries=[REGISTRY], healthCheckGracePeriodSeconds=2
        )
        async with engine_and_ads(tmp_path, store):
            await documents.put_service(body)
            await documents.until(lambda _: bool(documents.tasks("STOPPED")))
            reason = documents.tasks("STOPPED")[0]["stoppedReason"]
            assert reason.startswith("Task failed health checks: nothing listens on 127.")
            assert "still loading the database" in reason
            assert any("still loading" in text for text in documents.events("web"))
            assert store.view.list(tables.INSTANCES, "srv-1") == []
        store.close()

    asyncio.run(scenario())


def test_a_listener_that_the_application_does_not_serve_is_told(tmp_path: Path) -> None:
    """It is waited for until the start limit; then the task serves its other listener."""

    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        one, _ = await put_all(documents)

        def two_listeners(tx: Any) -> None:
            body = tx.get(tables.VIRTUAL_NODES, "m", "web").body
            extra = {"portMapping": {"port": 8099, "protocol": "tcp"}}
            spec = {**body["spec"], "listeners": [*body["spec"]["listeners"], extra]}
            tx.put(tables.VIRTUAL_NODES, "m", "web", body={**body, "spec": spec})

        await store.write("test", "Node", two_listeners)
        async with engine_and_ads(tmp_path, store, quick_times(start=2, converge=10)):
            await documents.put_service(service("web", one, 1, serviceRegistries=[REGISTRY]))
            waiting: set[str] = set()

            def running(_: Any) -> bool:
                tasks = [t for t in documents.tasks() if t["group"] == "service:web"]
                waiting.update(t["lastStatus"] for t in tasks)
                return "RUNNING" in waiting

            await documents.until(running)
            assert "STOPPED" not in waiting
            task = task_of(documents, "web")
            told = [text for text in documents.events("web") if "is registered although" in text]
            assert len(told) == 1
            assert "nothing listens on 127." in told[0]
            assert ":8099" in told[0]
            instances = store.view.list(tables.INSTANCES, "srv-1")
            (instance,) = [i.body["attributes"]["AWS_INSTANCE_IPV4"] for i in instances]
            assert instance == task["teal"]["address"]
            async with httpx.AsyncClient(trust_env=False, verify=False) as http:
                assert (await http.get(f"http://{instance}:8080/")).text == "1"
        store.close()

    asyncio.run(scenario())


def test_a_request_in_flight_is_answered_before_its_task_stops(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        one, _ = await put_all(documents)
        async with engine_and_ads(tmp_path, store):
            await documents.put_service(service("web", one, 1, serviceRegistries=[REGISTRY]))
            await documents.steady("web")
            await documents.steady("caller")
            proxy = f"http://{task_of(documents, 'caller')['teal']['address']}:15001"
            async with httpx.AsyncClient(proxy=proxy, trust_env=False, verify=False) as http:
                asked = asyncio.create_task(http.get("http://web.local:8080/slow"))
                await _begun(tmp_path)
                await documents.update_service("web", lambda body: body.update(desiredCount=0))
                await documents.until(lambda _: "DEACTIVATING" in _statuses(documents))
                assert (await asked).status_code == 200
            await documents.until(lambda _: "DEACTIVATING" not in _statuses(documents))
        store.close()

    asyncio.run(scenario())


async def _begun(directory: Path) -> None:
    """Wait until an application has the slow request."""
    async with asyncio.timeout(20):
        while not _logged(directory, "slow: begun"):  # noqa: ASYNC110 - files have no events
            await asyncio.sleep(0.02)


def _logged(directory: Path, text: str) -> bool:
    return any(text in log.read_text() for log in directory.rglob("log"))


def _statuses(documents: Documents) -> set[str]:
    return {task["lastStatus"] for task in documents.tasks()}


def test_a_gateway_is_published_and_replaced_under_load(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        one, _ = await put_all(documents)
        port = free_port()

        def at_port(tx: Any) -> None:
            body = tx.get(tables.VIRTUAL_GATEWAYS, "m", "gate").body
            spec = {"listeners": [{"portMapping": {"port": port, "protocol": "http"}}]}
            tx.put(tables.VIRTUAL_GATEWAYS, "m", "gate", body={**body, "spec": spec})

        await store.write("test", "Gateway", at_port)
        published = envoy("gate", "virtualGateway", TEAL_PUBLISH_ADDRESS="127.0.0.1")
        gates = [await documents.define(definition("gate", n, published)) for n in (1, 2)]
        async with engine_and_ads(tmp_path, store):
            await documents.put_service(service("web", one, 1, serviceRegistries=[REGISTRY]))
            await documents.put_service(service("gate", gates[0], 1))
            await documents.steady("web")
            await documents.steady("gate")
            url = f"http://127.0.0.1:{port}/"
            failures: list[str] = []
            count = 0
            ending = False

            async def load() -> None:
                nonlocal count
                async with httpx.AsyncClient(trust_env=False, verify=False) as http:
                    while not ending:
                        answer = await http.get(url)
                        count += 1
                        if answer.status_code != 200:
                            failures.append(f"{count} {answer.status_code} {answer.text}")
                        await asyncio.sleep(0.005)

            loading = asyncio.create_task(load())
            await documents.update_service("gate", deploy("ecs-svc/2", gates[1]))
            await documents.steady("gate", 60)
            ending = True
            await loading
            assert failures == []
            assert count > 20
        store.close()

    asyncio.run(scenario())
