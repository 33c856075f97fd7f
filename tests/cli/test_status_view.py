"""`teal status` shows everything that there is and fits narrow terminals."""

from __future__ import annotations

from typing import cast

import pytest
from rich.console import Console

from tealmesh.cli.screens.status import status_view
from tealmesh.model import wire

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/bank/ledger:2026-11-26-build-4711"
REASON = "Essential container in task exited: app (exit code 1)"


def side(name: str, weight: int, healthy: int, **members: object) -> dict[str, object]:
    return {
        "side": name,
        "image": IMAGE,
        "weight": weight,
        "running": healthy,
        "desired": 3,
        "healthy": healthy,
        "requests": 123456,
        "errors": 123,
        "p50": 1.25,
        "p99": 1234.5,
        "share": 1.0,
        **members,
    }


def service(name: str, mesh: str, *sides: dict[str, object], **members: object) -> object:
    place = {"mesh": mesh, "hostname": f"{name}.local", "port": 80}
    return {"name": name, **place, "sides": list(sides), **members}


RELEASE = {
    "step": 2,
    "summary": "green gets 10% by weight, blue the rest",
    "following": "take all weight from blue",
    "safe": False,
    "verdicts": [
        {"gate": "tasks", "verdict": "PASS", "detail": "3 of 3"},
        {"gate": "share", "verdict": "FAIL", "detail": "share 2 % of 10 %"},
    ],
}
STATUS = cast(
    "wire.GetStatusOutput",
    {
        "revision": 9,
        "services": [
            service(
                "ledger-with-a-long-name", "bank", side("blue", 90, 3), side("green", 10, 2),
                release=RELEASE,
            ),
            service("web", "shop", side("web-primary-node", 1, 3), problem="its nodes are many"),
        ],
        "gateways": [
            {
                "name": "edge", "mesh": "bank", "address": "127.0.0.1", "port": 8080,
                "running": 1, "desired": 1,
                "addresses": ["http://127.0.0.1:8080/", "http://127.0.0.1:8443/"],
            },
            {
                "name": "idle", "mesh": "bank", "address": "", "port": 80, "running": 0,
                "desired": 1, "addresses": [],
            },
        ],
        "virtualServices": [
            {
                "name": "rates.bank.local", "mesh": "bank", "provider": "virtualNode/rates",
                "nodes": [{"virtualNode": "rates", "running": 0, "desired": 1, "healthy": 0,
                           "reason": REASON}],
            },
            {"name": "nothing.local", "mesh": "bank", "nodes": []},
        ],
        "ecsServices": [
            {"name": "batch", "cluster": "jobs", "running": 1, "desired": 1, "image": IMAGE},
        ],
        "tasks": [
            {
                "task": "arn:aws:ecs:us-east-1:123456789012:task/jobs/39bfa63b45624ab19dec",
                "cluster": "jobs", "taskDefinition": "migrate:3", "status": "RUNNING",
                "image": IMAGE, "resource": "mesh/bank/virtualNode/migrate",
            }
        ],
    },
)  # fmt: skip


def shown(status: wire.GetStatusOutput, width: int) -> str:
    console = Console(width=width, record=True, quiet=False, file=None, highlight=False)
    with console.capture() as capture:
        console.print(status_view(status, 10, width))
    return capture.get()


@pytest.mark.parametrize("width", [60, 80, 140])
def test_everything_is_shown_in_the_width_of_the_terminal(width: int) -> None:
    text = shown(STATUS, width)
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    flat = " ".join(text.split())
    for words in (
        "mesh bank",
        "mesh shop",
        "rates.bank.local",
        "nothing.local no provider",
        f"virtual service rates.bank.local: 0 of 1 tasks are healthy: {REASON}",
        "step 2 of 4: green gets 10% by weight, blue the rest; next: take all weight from blue: "
        "not safe yet (share 2 % of 10 %)",
        "web: `teal deploy` cannot deploy it: its nodes are many",
        "gateway edge http://127.0.0.1:8080/ http://127.0.0.1:8443/ 1/1 running",
        "gateway idle not listening 0/1 running",
        "jobs/batch",
        "jobs/39bfa63b migrate:3 RUNNING",
    ):
        # On the narrowest, long names of the first table are folded.
        assert words in flat or (width == 60 and words.startswith("nothing.local")), flat
    # A row of the first table is one line.
    (row,) = [line for line in text.splitlines() if " blue " in line and "3/3" in line]
    assert "123" in row


def test_the_next_step_is_safe() -> None:
    release = {**RELEASE, "safe": True}
    safe = service("web", "shop", side("blue", 1, 3), release=release)
    status = cast("wire.GetStatusOutput", {"revision": 1, "services": [safe], "gateways": []})
    assert "next: take all weight from blue: safe" in " ".join(shown(status, 80).split())
    assert "mesh shop" not in shown(status, 80)


def test_another_count_than_that_of_teal_toml_is_told() -> None:
    scaled = service("web", "m", side("blue", 1, 3), side("green", 0, 0, desired=0), toldCount=2)
    status = cast("wire.GetStatusOutput", {"revision": 1, "services": [scaled], "gateways": []})
    console = Console(width=100)
    with console.capture() as capture:
        console.print(status_view(status, 10, 100))
    assert (
        "web has a desired count of 3, which stays; teal.toml says 2, for its first start"
        in capture.get()
    )
