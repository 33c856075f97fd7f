"""`teal status -w` shows what is, again and again, until Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess

from tests.cli.teal_api import TealApi
from tests.support.machine import BIN

GROUP = {"name": "shop", "services": ["web", "cart"], "dependsOn": {}}


def watched(api: TealApi, *options: str) -> list[str]:
    """The first three lines, and what comes until it ends."""
    command = [str(BIN / "teal"), "status", "--group", "shop", "-w", "--endpoint", api.endpoint]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=30)
        assert "Traceback" not in complaint
    return lines


def test_a_group_is_watched(api: TealApi) -> None:
    api.operations["ListGroups"] = lambda _: {"groups": [GROUP]}
    shown = watched(api)
    assert shown == ["group shop (web, cart): not deployed yet\n", "\n", shown[0]]


def test_a_group_is_watched_as_json(api: TealApi) -> None:
    api.operations["ListGroups"] = lambda _: {"groups": [GROUP]}
    lines = watched(api, "--json")
    assert [json.loads(line)["services"] for line in lines] == [["web", "cart"]] * 3
