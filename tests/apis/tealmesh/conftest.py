"""The control plane of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.appmesh.shifting import RouteShifts
from tealmesh.apis.ecs.api import Ecs
from tealmesh.apis.ecs.without_effect import without_effect
from tealmesh.apis.servicediscovery.api import ServiceDiscovery
from tealmesh.apis.tealmesh.api import Tealmesh
from tealmesh.app.dashboard.sections import Sources
from tealmesh.app.dashboard.sight import Sight
from tealmesh.aws.callers.sessions import Sessions
from tealmesh.aws.clients import client
from tealmesh.aws.gateway import build_gateway
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.model.arn import DEFAULT_ACCOUNT
from tealmesh.model.clock import random_id, system_clock
from tealmesh.rollout.changes import Changes
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.api import ApiDriver
from tealmesh.rollout.inventory.whole import Inventory
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.rollout.operations import Operations
from tealmesh.store import Store
from tests.apis.tealmesh.plane import Fed, NoLoadBalancers, Plane, no_logs
from tests.support.programs.server import serve, working


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
        metrics.callers_saw_after,
        Changes(store),
        clock=system_clock,
        new_id=random_id,
    )

    async def can_run(image: str) -> str:
        return "" if image.startswith("example/") else f"image {image!r} is not there"

    operations = Operations(store, controller, driver, metrics.callers_saw, system_clock, can_run)

    inventory = Inventory(store, metrics.traffic, system_clock)

    async def stop(tasks: bool) -> int:
        stopped.append(tasks)
        return 0

    sources = Sources(
        store=store,
        latest=controller.latest,
        grown=lambda since: list(metrics.grown_since(since)),
        envoys=cache.envoys,
        unmoved=cache.unmoved,
        convergence=cache.convergence,
        held=cache.held,
        health=tuple,
        troubles=tuple,
        about={},
    )
    services = {
        "appmesh": AppMesh(*common),
        "ecs": Ecs(*common),
        "servicediscovery": ServiceDiscovery(*common),
        "tealmesh": Tealmesh(
            store,
            controller,
            operations,
            inventory,
            cache,
            NoLoadBalancers(),
            no_logs,
            RouteShifts(store, DEFAULT_ACCOUNT, system_clock).shift,
            stop,
            without_effect,
            Sessions(
                store, lambda: (b"for tests",), lambda origin: None, system_clock, system_clock
            ),
            Sight(sources, system_clock, system_clock),
        ),
    }
    models = {name: load_model(name) for name in services}
    with serve(working(build_gateway(services, models, dict), controller.run)) as url:
        urls.append(url)
        yield Plane(store, url, stopped)
    driver.close()
    store.close()
