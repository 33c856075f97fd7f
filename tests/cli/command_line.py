"""Runs `teal` as a user does, with sample answers for it to show."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.cli.teal_api import TealApi
from tests.support.planes import warm

TEAL_TOML = """
[mesh]
name = "shop"
[services.web]
port = 8080
image = "x/web:1"
"""

DEPLOYMENT = {
    "deploymentId": "d1",
    "service": "web",
    "mesh": "shop",
    "strategy": "canary",
    "steps": [10, 100],
    "step": 1,
    "oldImage": "x/web:1",
    "newImage": "x/web:2",
    "oldSide": "blue",
    "newSide": "green",
    "phase": "CLEAN_UP",
    "status": "SUCCESSFUL",
    "createdAt": 1000.0,
    "finishedAt": 1012.5,
    "evidence": [
        {
            "step": 0,
            "weights": {"blue": 90, "green": 10},
            "expectedShare": 0.1,
            "share": 0.1012,
            "requests": 1234,
            "failures": 3,
            "propagationSeconds": 0.0123,
            "startedAt": 1001.0,
            "finishedAt": 1006.0,
            "verdicts": [{"gate": "success-rate", "verdict": "PASS", "detail": "3 of 1234"}],
        }
    ],
}

STATUS = {
    "revision": 7,
    "services": [
        {
            "name": "web",
            "mesh": "shop",
            "hostname": "web.shop.local",
            "port": 8080,
            "image": "registry:5000/x/web:1",
            "sides": [
                {
                    "side": "blue",
                    "image": "x/web:1",
                    "weight": 1,
                    "share": 1.0,
                    "running": 3,
                    "desired": 3,
                    "healthy": 3,
                    "requests": 1000,
                    "errors": 2,
                    "p50": 1.25,
                    "p99": 123.4,
                },
                {"side": "green", "weight": 0, "running": 0, "desired": 0, "healthy": 0},
            ],
            "deployment": DEPLOYMENT,
        }
    ],
    "gateways": [
        {"name": "edge", "mesh": "shop", "address": "127.0.0.1", "port": 9080, "running": 1}
    ],
}


def teal(
    *arguments: str, endpoint: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Forked (`tests/support/planes/warm.py`): to start and import takes five times as long."""
    environment = {k: v for k, v in os.environ.items() if k != "TEAL_ENDPOINT"}
    if endpoint:
        environment["TEAL_ENDPOINT"] = endpoint
    return warm.run(["teal", *arguments], environment, timeout=60, directory=cwd)


def assert_one_line(done: subprocess.CompletedProcess[str], text: str, code: int = 1) -> None:
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert text in done.stderr
    # On a busy machine it says besides what it still waits for.
    lines = [line for line in done.stderr.splitlines() if not line.startswith("still ")]
    assert len(lines) == 1, done.stderr


def follow(api: TealApi, final: dict[str, Any]) -> None:
    """A deployment of two transitions that ends as ``final``."""
    entries = [
        {
            "sequence": n,
            "at": 1000.0 + n,
            "transition": name,
            "phase": "SCALE_UP",
            "status": "IN_PROGRESS",
            "message": f"it is {name}",
        }
        for n, name in ((1, "CREATED"), (2, "SCALING_UP"))
    ]
    running = {**final, "status": "IN_PROGRESS", "phase": "SCALE_UP"}
    api.operations["ListJournal"] = lambda body: {
        "deploymentId": "d1",
        "entries": [entry for entry in entries if entry["sequence"] == body.get("after", 0) + 1],
    }
    api.operations["Deploy"] = lambda _: {"deployment": running}
    api.operations["Approve"] = lambda _: {"deployment": running}
    for operation in ("Rollback", "Abort", "Resume", "Promote", "Pause"):
        api.operations[operation] = lambda _: {"deployment": running}
    api.operations["Retry"] = lambda _: {"deployment": running, "notes": []}
    api.operations["GetDeployment"] = lambda _: {
        "deployment": final if len(api.requests("ListJournal")) > 2 else running,
    }
