"""What callers saw is not known while the control plane is silent that their Envoys reported to."""

from __future__ import annotations

from pathlib import Path

from tealmesh.model.rollout import Deployment, JournalEntry, Status
from tealmesh.rollout.controller import Controller
from tealmesh.store import Store
from tests.rollout.test_control import play, until, waits
from tests.rollout.world import Bench, until_finished


def test_no_weight_grows_while_reports_are_missing(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        b.missing = "2 Envoys of its callers reported to a control plane of which nothing is heard"
        await controller.deploy("tester", "web", "web:2")
        await until(lambda: b.missing in waits(controller))
        assert not b.driver.weights.get("green")
        b.missing = ""
        return await until_finished(store, "web")

    assert play(tmp_path, scenario).status is Status.SUCCESSFUL


def test_a_step_that_goes_on_says_that_reports_are_heard_of_again(tmp_path: Path) -> None:
    why = "1 Envoy of its callers reported to a control plane of which nothing is heard"

    def gone_at_the_first_step(b: Bench) -> None:
        def gone(entry: JournalEntry) -> None:
            if entry.transition == "MEASURING" and not b.gone:
                b.missing = why
                b.gone.add("once")

        b.on_transition = gone

    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        await controller.deploy("tester", "web", "web:2")
        await until(lambda: why in waits(controller))
        b.missing = ""
        return await until_finished(store, "web")

    finished = play(tmp_path, scenario, prepare=gone_at_the_first_step)
    assert finished.status is Status.SUCCESSFUL
    verdicts = [one for step in finished.evidence for one in step.verdicts]
    assert [one.verdict for one in verdicts if one.gate == "reports"] == ["PASS"]
