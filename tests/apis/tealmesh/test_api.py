"""Our own API by a boto3 client over a socket, with the AWS services that it acts on behind it.

No engine runs here: the tests say which tasks run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.ecs.api import Ecs
from tealmesh.apis.servicediscovery.api import ServiceDiscovery
from tealmesh.apis.tealmesh.api import ContainerLine, Tealmesh
from tealmesh.aws.clients import client
from tealmesh.aws.gateway import build_gateway
from tealmesh.aws.wire.apimodel import load_model, models_path
from tealmesh.model.arn import DEFAULT_ACCOUNT
from tealmesh.model.clock import random_id, system_clock
from tealmesh.model.convergence import Convergence
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.api import ApiDriver
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.rollout.operations import Operations
from tealmesh.store import Store, Transaction, tables
from tealmesh.store.snapshot import mesh_snapshot
from tealmesh.xds.cache import AdsCache
from tests.support.meshes.translation import translate
from tests.support.programs.server import serve

TOML = """
[mesh]
name = "demo"

[images]
"*/web:*" = ["python3", "web.py"]

[services.web]
port = 8080
image = "example/web:1"
desired_count = 2

[services.front]
port = 8081
image = "example/web:1"
backends = ["web"]

[gateways.edge]
port = 9080
routes = { "/" = "web", "/front" = "front" }
"""


async def no_logs(task: str, lines: int) -> Sequence[ContainerLine]:
    return [ContainerLine("app", f"last of {lines} lines")]


class Fed:
    """The control plane's cache, handed the newest snapshot before each question."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cache = AdsCache(translate, lambda mesh: [], system_clock)
        self.envoys = self._cache.envoys

    async def wait_converged(self, mesh: str, revision: int, timeout: float) -> Convergence:
        snapshot = mesh_snapshot(self._store.view, mesh)
        assert snapshot is not None
        self._cache.update(snapshot)
        return await self._cache.wait_converged(mesh, revision, timeout)


@dataclass
class Plane:
    """A control plane without an engine; ``stopped`` are the answers to Shutdown."""

    store: Store
    url: str
    stopped: list[bool]
    clients: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self.aws("tealmesh"), operation)

    def aws(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = client(service, self.url, access_key="tester")
        return self.clients[service]

    def apply(self, text: str = TOML) -> dict[str, Any]:
        answer: dict[str, Any] = self.__getattr__("apply")(
            text=text, file="teal.toml", baseDirectory="/srv"
        )
        return answer

    def _change(self, node: str, **members: Any) -> None:
        def change(t: Transaction) -> None:
            document = t.get(tables.ECS_SERVICES, "demo", node)
            assert document is not None
            t.put(tables.ECS_SERVICES, "demo", node, body={**document.body, **members})

        asyncio.run(self.store.write("test", "Tasks", change))

    def tasks_are_gone(self, node: str) -> None:
        """The last task of an ECS service that was deleted has stopped."""
        self._change(node, status="INACTIVE", deployments=[])

    def ecs_service(self, node: str) -> Any:
        return self.aws("ecs").describe_services(cluster="demo", services=[node])["services"][0]

    def gives_up(self, node: str) -> None:
        """The circuit breaker of an ECS service that never ran has opened."""
        document = self.store.view.get(tables.ECS_SERVICES, "demo", node)
        assert document is not None
        primary, *former = document.body["deployments"]
        self._change(node, deployments=[{**primary, "rolloutState": "FAILED"}, *former])

    def run_tasks(self, node: str, count: int) -> None:
        """As many tasks of an ECS service run and are registered."""

        self._change(node, runningCount=count)
        discovery = self.aws("servicediscovery")
        name = node.rpartition("-")[0]
        found = discovery.list_services()["Services"]
        service = next(s["Id"] for s in found if s["Name"] == name)
        for index in range(count):
            discovery.register_instance(
                ServiceId=service,
                InstanceId=f"{node}-{index}",
                Attributes={"AWS_INSTANCE_IPV4": f"127.9.0.{index}", "ECS_SERVICE_NAME": node},
            )


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    store = Store.open(tmp_path / "state.db")
    common = (store, DEFAULT_ACCOUNT, system_clock, random_id)
    urls: list[str] = []
    stopped: list[bool] = []
    driver = ApiDriver(lambda service: client(service, urls[0]))
    metrics = Metrics(system_clock)
    cache = Fed(store)
    controller = Controller(
        store,
        driver,
        cache.wait_converged,
        metrics.callers_saw,
        clock=system_clock,
        new_id=random_id,
    )
    operations = Operations(store, controller, driver, metrics.callers_saw, system_clock)

    async def stop(tasks: bool) -> int:
        stopped.append(tasks)
        return 0

    services = {
        "appmesh": AppMesh(*common),
        "ecs": Ecs(*common),
        "servicediscovery": ServiceDiscovery(*common),
        "tealmesh": Tealmesh(store, operations, cache, no_logs, stop),
    }
    models = {name: load_model(name) for name in services}
    with serve(build_gateway(services, models, dict)) as url:
        urls.append(url)
        yield Plane(store, url, stopped)
    driver.close()
    store.close()


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    found = error.value.response["Error"]
    return found["Code"], found["Message"]


def test_apply_creates_the_system_once(plane: Plane) -> None:
    first = plane.apply()
    by_name = {one["name"]: one["changes"] for one in (*first["services"], *first["gateways"])}
    assert "created ECS service web-blue" in by_name["web"]
    assert (
        by_name["web"].index("created virtual node web-blue")
        < by_name["web"].index("created ECS service web-blue")
        < by_name["web"].index("created route route")
    )
    assert "created ECS service edge" in by_name["edge"]
    again = plane.apply()
    assert all(not one["changes"] for one in (*again["services"], *again["gateways"]))
    assert again["summary"] == ["web: as described", "front: as described", "edge: as described"]

    mesh = plane.aws("appmesh")
    nodes = mesh.list_virtual_nodes(meshName="demo")["virtualNodes"]
    assert {node["virtualNodeName"] for node in nodes} == {"web-blue", "front-blue"}
    front = mesh.describe_virtual_node(meshName="demo", virtualNodeName="front-blue")
    assert front["virtualNode"]["spec"]["backends"] == [
        {"virtualService": {"virtualServiceName": "web.demo.local"}}
    ]
    image = plane.store.view.get(tables.IMAGES, "*/web:*")
    assert image is not None
    assert image.body["cwd"] == "/srv"


def test_apply_changes_what_differs_and_keeps_the_running_image(plane: Plane) -> None:
    plane.apply()
    text = TOML.replace("desired_count = 2", 'desired_count = 3\nhealth_path = "/health"')
    answer = plane.apply(text.replace('port = 8080\nimage = "example/web:1"',
                                      'port = 8080\nimage = "example/web:2"'))  # fmt: skip
    changes = {one["name"]: one["changes"] for one in answer["services"]}
    assert changes == {
        "web": ["changed virtual node web-blue", "changed ECS service web-blue"],
        "front": [],
    }
    assert "`teal deploy web --image example/web:2`" in answer["summary"][-1]
    ecs = plane.aws("ecs")
    service = ecs.describe_services(cluster="demo", services=["web-blue"])["services"][0]
    assert service["desiredCount"] == 3


def test_apply_tries_again_what_ecs_gave_up_on(plane: Plane) -> None:
    plane.apply()
    before = plane.ecs_service("web-blue")
    plane.gives_up("web-blue")
    web = next(one for one in plane.get_status()["services"] if one["name"] == "web")
    assert (web["sides"][0]["gaveUp"], "gaveUp" in web["sides"][1]) == (True, False)
    first, second = "example/web:1", "example/web:2"
    changes = {one["name"]: one["changes"] for one in plane.apply()["services"]}
    assert changes == {"web": ["changed ECS service web-blue"], "front": []}
    service = plane.ecs_service("web-blue")
    assert service["taskDefinition"] == before["taskDefinition"]
    assert service["deployments"][0]["id"] != before["deployments"][0]["id"]
    # It never ran: its image is no release that has to be kept.
    plane.gives_up("web-blue")
    plane.apply(TOML.replace(first, second, 1))
    assert plane.get_status()["services"][-1]["sides"][0]["image"] == second


def test_a_gateway_route_follows_its_prefix_and_goes_with_it(plane: Plane) -> None:
    plane.apply()
    routes = 'routes = { "/" = "web", "/front" = "front" }'
    answer = plane.apply(TOML.replace(routes, 'routes = { "/" = "front" }'))
    assert answer["gateways"][0]["changes"] == [
        "changed gateway route prefix-",
        "deleted gateway route prefix-front",
    ]
    mesh = plane.aws("appmesh")
    found = mesh.list_gateway_routes(meshName="demo", virtualGatewayName="edge")["gatewayRoutes"]
    assert [route["gatewayRouteName"] for route in found] == ["prefix-"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TOML.replace("port = 8080", "port = 0"), "services.web.port = 0"),
        ("not toml", "teal.toml"),
    ],
)
def test_apply_names_what_is_wrong(plane: Plane, text: str, message: str) -> None:
    with pytest.raises(ClientError) as error:
        plane.apply(text)
    assert refused(error)[0] == "BadRequestException"
    assert message in refused(error)[1]
    assert plane.store.revision == 0


def test_apply_does_not_rename_sides_under_a_running_service(plane: Plane) -> None:
    plane.apply()
    with pytest.raises(ClientError, match=r"sides = .* must stay"):
        plane.apply(TOML.replace("desired_count = 2", 'sides = ["red", "black"]'))


def test_status_shows_every_side(plane: Plane) -> None:
    plane.apply()
    plane.run_tasks("web-blue", 2)
    status = plane.get_status()
    web = next(one for one in status["services"] if one["name"] == "web")
    blue, green = web["sides"]
    assert (web["image"], web["hostname"], web["port"]) == ("example/web:1", "web.demo.local", 8080)
    assert (blue["weight"], blue["running"], blue["desired"], blue["healthy"]) == (100, 2, 2, 2)
    assert (green["weight"], green["running"], green["requests"]) == (0, 0, 0)
    assert "share" not in blue
    assert status["gateways"][0]["address"] == "127.0.0.1"


def test_weights_are_set_only_where_tasks_can_serve(plane: Plane) -> None:
    plane.apply()
    for weights, message in (
        ({"green": 1}, "green = 1: it has no healthy task"),
        ({"red": 1}, "'red' must be one of the sides blue, green"),
        ({"blue": 0}, "at least one must be greater than zero"),
    ):
        with pytest.raises(ClientError) as error:
            plane.set_weights(service="web", weights=weights)
        assert refused(error)[0] == "BadRequestException"
        assert message in refused(error)[1]
    plane.run_tasks("web-blue", 2)
    answer = plane.set_weights(service="web", weights={"blue": 7})
    assert answer["weights"] == {"blue": 7}
    mesh = plane.aws("appmesh")
    route = mesh.describe_route(meshName="demo", virtualRouterName="web", routeName="route")
    assert route["route"]["spec"]["httpRoute"]["action"]["weightedTargets"] == [
        {"virtualNode": "web-blue", "weight": 7}
    ]


def test_a_deployment_begins_aborts_and_is_told_of(plane: Plane) -> None:
    plane.apply()
    plane.run_tasks("web-blue", 2)
    with pytest.raises(ClientError, match="web has no deployment yet"):
        plane.get_deployment(service="web")
    (latest,) = plane.list_events(limit=1)["events"]
    assert latest["revision"] > 0
    assert latest["message"]
    made = plane.deploy(service="web", image="example/web:2", steps=[10, 100], clientToken="t")
    deployment = made["deployment"]
    assert (deployment["oldSide"], deployment["newSide"]) == ("blue", "green")
    assert (deployment["oldImage"], deployment["newImage"]) == ("example/web:1", "example/web:2")
    assert (deployment["strategy"], deployment["steps"]) == ("canary", [10, 100])
    again = plane.deploy(service="web", image="example/web:2", clientToken="t")["deployment"]
    assert again["deploymentId"] == deployment["deploymentId"]
    for call in (
        lambda: plane.deploy(service="web", image="example/web:3"),
        lambda: plane.set_weights(service="web", weights={"blue": 1}),
        lambda: plane.approve(service="web"),
        plane.apply,
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert refused(error)[0] == "ConflictException"

    ecs, green = plane.aws("ecs"), {"cluster": "demo", "services": ["web-green"]}
    while not ecs.describe_services(**green)["services"]:
        pass
    aborted = plane.rollback(service="web")["deployment"]
    assert aborted["status"] == "ROLLBACK_IN_PROGRESS"
    seen: list[str] = []
    after = 0
    while "ROLLED_BACK" not in seen:
        answer = plane.list_journal(service="web", after=after, waitSeconds=10)
        assert answer["entries"], seen
        seen += [entry["transition"] for entry in answer["entries"]]
        after = answer["entries"][-1]["sequence"]
        if seen[-1] == "CLEANING_BACK":
            status = ""
            while status != "DRAINING":
                status = ecs.describe_services(**green)["services"][0]["status"]
            plane.tasks_are_gone("web-green")
    assert seen[0] == "CREATED"
    assert seen[-4:] == ["ROLLING_BACK", "CONVERGING_BACK", "CLEANING_BACK", "ROLLED_BACK"]
    done = plane.list_deployments(service="web")["deployments"]
    assert [d["status"] for d in done] == ["ROLLBACK_SUCCESSFUL"]
    assert done[0]["reason"] == "rollback asked by tester"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"steps": [50, 10, 100]}, "must be rising and end with 100"),
        ({"steps": [10, 50]}, "must be rising and end with 100"),
        ({"strategy": "bluegreen", "steps": [10, 100]}, "must be [100] for strategy bluegreen"),
        ({"strategy": "sideways"}, "sideways"),
    ],
)
def test_deploy_refuses_a_strategy_that_is_none(
    plane: Plane, asked: dict[str, Any], message: str
) -> None:
    plane.apply()
    with pytest.raises(ClientError) as error:
        plane.deploy(service="web", image="example/web:2", **asked)
    assert message in refused(error)[1]


def test_a_deployment_starts_from_one_side_with_weight(plane: Plane) -> None:
    plane.apply()
    mesh = plane.aws("appmesh")
    spec = mesh.describe_virtual_node(meshName="demo", virtualNodeName="web-blue")
    mesh.create_virtual_node(
        meshName="demo", virtualNodeName="web-green", spec=spec["virtualNode"]["spec"]
    )
    targets = [{"virtualNode": f"web-{side}", "weight": 1} for side in ("blue", "green")]
    route = mesh.describe_route(meshName="demo", virtualRouterName="web", routeName="route")
    route["route"]["spec"]["httpRoute"]["action"]["weightedTargets"] = targets
    mesh.update_route(
        meshName="demo", virtualRouterName="web", routeName="route", spec=route["route"]["spec"]
    )
    with pytest.raises(ClientError, match="weights blue=1, green=1"):
        plane.deploy(service="web", image="example/web:2")


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("deploy", {"service": "no", "image": "x"}),
        ("approve", {"service": "no"}),
        ("rollback", {"service": "no"}),
        ("set_weights", {"service": "no", "weights": {"blue": 1}}),
        ("get_deployment", {"service": "no"}),
        ("list_deployments", {"service": "no"}),
        ("list_journal", {"service": "no"}),
        ("get_logs", {"service": "no"}),
        ("get_logs", {"service": "web", "side": "red"}),
        ("get_deployment", {"service": "web", "deploymentId": "none"}),
        ("get_convergence", {"mesh": "no"}),
        ("list_envoys", {"mesh": "no"}),
    ],
)
def test_what_is_not_there_is_named(plane: Plane, operation: str, asked: dict[str, Any]) -> None:
    if asked.get("service") == "web":
        plane.apply()
    with pytest.raises(ClientError) as error:
        getattr(plane, operation)(**asked)
    code, message = refused(error)
    assert code == "NotFoundException"
    assert any(str(value) in message for value in asked.values())


def test_convergence_envoys_logs_and_shutdown(plane: Plane) -> None:
    plane.apply()
    found = plane.get_convergence(mesh="demo")
    assert (found["converged"], found["expected"], found["acknowledged"]) == (True, 0, 0)
    assert found["revision"] == plane.store.revision
    assert plane.list_envoys(mesh="demo")["envoys"] == []
    assert plane.get_logs(service="web")["lines"] == []
    plane.shutdown(stopTasks=True)
    assert plane.stopped == [True]


def test_every_operation_of_the_model_has_a_method() -> None:
    model = json.loads(Path(models_path(), "tealmesh/2026-11-01/service-2.json").read_text())
    assert len(model["operations"]) == 14
    for operation in model["operations"]:
        assert callable(getattr(Tealmesh, xform_name(operation)))
