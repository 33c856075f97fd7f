"""What the example dashboard and alerts ask for exists."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tealmesh.app.observing.calls import Calls, Write
from tealmesh.app.observing.following import Following, changed_meshes
from tealmesh.app.observing.metrics import Sources, families
from tealmesh.app.pages.openmetrics import Standing, page
from tealmesh.envoy.resources import ResourceSet
from tealmesh.model.convergence import Convergence, EnvoyStatus, Reported
from tealmesh.model.identity.answering import Answering
from tealmesh.model.mesh import Proxy
from tealmesh.store import Store, tables
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.counts import BOUNDS, Times
from tests.support.machine import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
NAMES = re.compile(r"\btealmesh_[a-z_]+")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "state.db")
    yield opened
    opened.close()


def sources(store: Store, cache: AdsCache | None = None) -> Sources:
    async def converge(mesh: str, revision: int, timeout: float) -> Convergence:
        return Convergence(revision, ("one",), True, ())

    following = Following(store, converge, lambda: 0.0)
    cache = cache or AdsCache(lambda snapshot, proxy: ResourceSet(), lambda mesh: [])
    calls = Calls(following.wrote)
    calls(Answering("id", service="appmesh", operation="CreateMesh"), 200, 0.0, 0.01)
    return Sources(store, cache, calls, following, tuple, tuple, lambda: {"deployments": 7})


def families_shown(store: Store, cache: AdsCache | None = None) -> dict[str, Any]:
    text = page(Standing(), lambda: families(sources(store, cache))).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def asked() -> Iterator[tuple[str, str]]:
    """Where each metric is asked for, and its name."""
    for rule in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]:
        yield from ((rule["alert"], name) for name in NAMES.findall(rule["expr"]))
    for panel in json.loads((DEPLOY / "grafana.json").read_text())["panels"]:
        for target in panel["targets"]:
            without_labels = re.sub(r"by \([^)]*\)", "", target["expr"])
            yield from ((panel["title"], name) for name in NAMES.findall(without_labels))


def test_every_metric_that_is_asked_for_is_shown(store: Store) -> None:
    shown = families_shown(store)
    for where, name in asked():
        family = re.sub(r"_(total|bucket|count|sum)$", "", name)
        assert family in shown, f"{where} asks for {name}"


def test_there_is_an_alert_for_each_kind_of_trouble() -> None:
    named = {name for _, name in asked()}
    assert {"tealmesh_ready", "tealmesh_database_up", "tealmesh_resource_refused"} <= named


WHOLE = re.compile(r"tealmesh_(envoys_behind|deployment_|gate_|requests_|request_failures_)")
"""What every replica shows of the whole mesh."""


def test_what_every_replica_shows_of_the_whole_mesh_is_not_added_up() -> None:
    summed = re.compile(r"^sum(?! by \([^)]*instance)")
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in panels for target in panel["targets"]]
    whole = [one for one in asked if WHOLE.search(one)]
    assert len(whole) >= 5
    assert not [one for one in whole if summed.search(one)]


def test_a_replica_counts_its_own_streams(store: Store) -> None:
    far = EnvoyStatus("far", "n", "mesh/m/virtualNode/n", True, 0, rejected="no such cluster")

    class Others:
        def reported(self, mesh: str) -> Mapping[str, Reported]:
            return {"far": Reported(far)}

    cache = AdsCache(lambda snapshot, proxy: ResourceSet(), lambda mesh: ["near", "far"])
    cache.elsewhere = Others()
    cache.connect("near", "n", Proxy("m", "virtualNode", "n"), delta=True)
    body: Any = {"meshName": "m"}
    asyncio.run(store.write("test", "CreateMesh", lambda tx: tx.put(tables.MESHES, "m", body=body)))
    shown = families_shown(store, cache)
    (streams,) = shown["tealmesh_streams"].samples
    assert (streams.labels, streams.value) == ({"mesh": "m"}, 1)
    assert shown["tealmesh_resource_refused"].samples == []
    (behind,) = shown["tealmesh_envoys_behind"].samples
    assert behind.value == 1  # "far" is at an earlier revision; "near" stands for nothing


def test_calls_are_counted_by_operation_and_outcome(store: Store) -> None:
    (sample,) = families_shown(store)["tealmesh_api_calls"].samples
    assert sample.labels == {"service": "appmesh", "operation": "CreateMesh", "outcome": "done"}
    assert sample.value == 1


def test_times_are_cumulated_as_histograms_are() -> None:
    times = Times()
    for seconds in (0.0005, 0.003, 1000.0):
        times.add(seconds)
    counts = [count for _, count in times.cumulated()]
    assert counts == sorted(counts)
    assert (counts[0], counts[2], counts[-2], counts[-1]) == (1, 2, 2, 3)
    assert len(counts) == len(BOUNDS) + 1


def test_a_change_is_followed_in_the_meshes_that_it_changed(store: Store) -> None:
    asyncio.run(_followed(store))


async def _followed(store: Store) -> None:
    await store.write("test", "Other", lambda tx: tx.put(tables.MESHES, "a", body={}))  # type: ignore[typeddict-item]
    asking: list[tuple[str, int]] = []

    async def converge(mesh: str, revision: int, timeout: float) -> Convergence:
        asking.append((mesh, revision))
        return Convergence(revision, ("one", "two"), False, ("two",))

    following = Following(store, converge, lambda: 0.0)
    told = asyncio.Event()
    following.told.append(lambda pushed: told.set())
    running = asyncio.create_task(following.run())
    call = Answering("id", service="appmesh", operation="CreateMesh", revision=store.revision)
    following.wrote(Write(call, 200, 0.0, 0.0))
    await told.wait()
    running.cancel()
    assert asking == [("a", store.revision)]
    assert following.unfinished == 1
    assert changed_meshes(store.view, store.revision + 1) == []
