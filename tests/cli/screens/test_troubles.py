"""What is said of control planes that do not do their part."""

from __future__ import annotations

from tealmesh.cli.checks import check_control_planes
from tealmesh.cli.screens.troubles import control_planes
from tealmesh.model import wire

STATUS: wire.GetStatusOutput = {
    "revision": 7,
    "services": [],
    "gateways": [],
    "controlPlanes": [
        {"address": "10.0.0.1:4566", "standing": "alive", "envoys": 12, "here": True},
        {"address": "10.0.0.2:4566", "standing": "dead", "envoys": 11, "silentSeconds": 14.2},
        {"address": "", "standing": "cut off", "envoys": 3, "silentSeconds": 3.0},
        {"address": "10.0.0.4:4566", "standing": "unknown", "envoys": 3, "silentSeconds": 2.0},
    ],
}


def test_each_that_is_not_well_is_named() -> None:
    dead, cut_off, unknown = control_planes(STATUS)
    assert dead.startswith("control plane 10.0.0.2:4566: dead, last heard of 14 s ago: ")
    assert cut_off.startswith("control plane without --advertise: answers, and has not reached ")
    assert unknown == "control plane 10.0.0.4:4566: nothing was heard of it for 2 s"
    checks = list(check_control_planes(STATUS))
    assert [check.verdict for check in checks] == ["wrong"] * 3
    assert checks[0].detail.startswith("10.0.0.2:4566: dead")


def test_all_that_are_well_are_one_line_of_the_doctor() -> None:
    well = {**STATUS, "controlPlanes": STATUS["controlPlanes"][:1]}
    assert list(control_planes(well)) == []
    (check,) = check_control_planes(well)
    assert (check.verdict, check.detail) == ("ok", "1 on one database: 10.0.0.1:4566 (12 Envoys)")
    alone: wire.GetStatusOutput = {"revision": 7, "services": [], "gateways": []}
    assert list(check_control_planes(alone)) == []
