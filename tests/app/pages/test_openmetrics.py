"""The OpenMetrics page, read as Prometheus does."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tealmesh.app.pages.openmetrics import Standing, page
from tests.rollout.machine.simulated import Version
from tests.rollout.machine.test_judging import run


def test_gates_show_their_e_values_with_both_bounds_and_phi() -> None:
    made = run(Version(failing=0.2))
    made.to_the_end()
    families = text_string_to_metric_families(page(Standing(((made.d,),))).decode())
    shown = {
        (sample.name, sample.labels.get("that") or sample.labels.get("verdict")): sample.value
        for family in families
        for sample in family.samples
        if sample.labels.get("gate") == "errors"
    }
    last = made.windows[-1].judged["errors"]
    assert shown["tealmesh_gate_log_e", "worse"] == last.log_e_worse
    assert shown["tealmesh_gate_log_e", "alike"] == last.log_e_alike
    assert shown["tealmesh_gate_log_e_bound", "FAIL"] == last.fail_at
    assert shown["tealmesh_gate_log_e_bound", "PASS"] == last.pass_at
    assert shown["tealmesh_gate_phi", None] == last.phi
    assert last.log_e_worse >= last.fail_at
