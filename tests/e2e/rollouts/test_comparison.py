"""A version is compared with the one beside it, through real Envoys under load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tealmesh.model.traffic.windows import Window
from tealmesh.rollout import documents
from tealmesh.store import Store
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample, api, finished, weights
from tests.support.programs.traffic import traffic

RATE = 200.0
"""Requests a second; one in two hundred to the old version fails."""
SEEN_BEFORE_SECONDS = 12.0


@pytest.mark.scenario
def test_ten_times_the_errors_are_rolled_back_where_a_threshold_would_have_passed_them(
    tmp_path: Path,
) -> None:
    sample = Sample(tmp_path, 1, image="example/sample:base", success_rate=0.9)
    # Far longer than the verdict takes, which ends the step: a busy machine sends fewer requests.
    compare_for(sample, "90s")
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        with traffic((sample.url, RATE)) as load:
            load.watch(SEEN_BEFORE_SECONDS)
            plane.teal("deploy", "web", "--image", "example/sample:worse", check=False)
            worse = finished(plane)
            assert worse["status"] == "ROLLBACK_SUCCESSFUL"
            assert weights(plane)["blue"] > 0
            assert worse["reason"].startswith("errors: "), worse["reason"]
            assert "good versions would ever show this" in worse["reason"]
            step = worse["evidence"][-1]
            assert step["failures"] / step["requests"] < 0.1
            sides = {task["taskArn"].rpartition("/")[2] for task in tasks(plane)}
            evidence = bundle(plane, worse["deploymentId"])
            compare_for(sample, "8s")
            sample.apply(plane)
            good = plane.teal("deploy", "web", "--image", "example/sample:alike", check=False)
            assert good.returncode == 0, good.stderr
    windows = stored(plane, worse["deploymentId"])
    assert [window.index for window in windows] == list(range(len(windows)))
    compared = [window for window in windows if window.compared]
    assert compared[-1].judged["errors"].verdict == "FAIL"
    assert sum(window.new.requests for window in compared) > 100
    assert all(window.old.by_second and window.old.by_caller for window in compared)
    by_task = {one["side"]: one for one in evidence["tasks"]}
    assert len(evidence["tasks"]) == len(by_task) == 2, "one task of each side"
    assert by_task["blue"]["task"] in sides, "the task has its id, not its address"
    assert by_task["green"]["failures"] > by_task["blue"]["failures"]
    for side, seen in (("blue", "old"), ("green", "new")):
        whole = sum(window[seen]["requests"] for window in evidence["windows"])
        # Both counters are in the same messages, but not read at the same instant.
        assert abs(by_task[side]["requests"] - whole) <= 10, (side, whole, by_task)
        assert by_task[side]["p99"] >= by_task[side]["p50"] > 0


def compare_for(sample: Sample, time: str) -> None:
    """Both sides beside one another at 25 % for so long, unless a gate fails before."""
    steps = f'[{{ weight = 25, time = "{time}" }}, 100]'
    sample.config.write_text(sample.text().replace("steps = [100]", f"steps = {steps}"))


def tasks(plane: ControlPlane) -> list[Any]:
    """The tasks that run."""
    ecs = plane.client("ecs")
    cluster = ecs.list_clusters()["clusterArns"][0]
    arns = ecs.list_tasks(cluster=cluster)["taskArns"]
    return list(ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"])


def bundle(plane: ControlPlane, deployment: str) -> Any:
    return json.loads(api(plane).get_evidence("web", deployment)["bundle"])


def stored(plane: ControlPlane, deployment: str) -> list[Window]:
    """The windows of a deployment that the stopped control plane has left in its store."""
    store = Store.open(plane.directory / "data" / "state.db")
    try:
        return documents.windows(store.view, deployment)
    finally:
        store.close()
