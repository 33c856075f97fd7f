"""What a shell is told to complete: names, and nothing at all where there is trouble."""

from __future__ import annotations

import socket
import subprocess
import threading

import pytest

from tealmesh.cli.completing import within
from tests.cli.command_line import DEPLOYMENT, STATUS
from tests.cli.teal_api import Refused, TealApi
from tests.support.machine import BIN, free_port

IDENTITY = "8d3f12ab-0000"


def completed(words: str, endpoint: str, shell: str = "bash") -> list[str]:
    """What is offered for the last word. Nothing may be complained of."""
    done = subprocess.run(
        [str(BIN / "teal")],
        env={
            "_TEAL_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": words,
            # fish tells the word itself: https://fishshell.com/docs/current/completions.html
            "COMP_CWORD": words.split(" ")[-1] if shell == "fish" else str(words.count(" ")),
            "TEAL_ENDPOINT": endpoint,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.fixture
def named(api: TealApi) -> TealApi:
    deployment = {**DEPLOYMENT, "deploymentId": IDENTITY, "number": 3}
    api.operations["GetStatus"] = lambda _: {
        **STATUS, "meshes": [{"name": "shop", "envoys": 1, "connected": 1, "rejected": 0}],
    }  # fmt: skip
    api.operations["ListDeployments"] = lambda _: {"deployments": [deployment]}
    api.operations["ListGroups"] = lambda _: {
        "groups": [{"name": "all", "services": ["web", "cart"], "dependsOn": {}}]
    }
    return api


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("teal deploy w", ["web"]),
        ("teal deploy web :", []),
        ("teal deploy --group all c", ["cart="]),
        ("teal deploy --group all web=x/web:2 c", ["cart="]),
        ("teal delete e", ["edge"]),
        ("teal logs e", ["edge"]),
        ("teal logs web --side g", ["green"]),
        ("teal history web ", ["8d3f12ab"]),
        ("teal explain web 8d", ["8d3f12ab"]),
        ("teal rollback web ", ["3"]),
        ("teal status --mesh s", ["shop"]),
        ("teal status --group ", ["all"]),
        ("teal mesh graph s", ["shop"]),
        ("teal abort --group a", ["all"]),
    ],
)
def test_names_are_completed(named: TealApi, words: str, offered: list[str]) -> None:
    assert completed(words, named.endpoint) == [f"plain,{name}" for name in offered]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_show_what_a_name_is(named: TealApi, shell: str) -> None:
    lines = completed("teal deploy w", named.endpoint, shell)
    assert "web" in "".join(lines)
    assert "registry:5000/x/web:1" in "".join(lines)


def test_an_endpoint_that_was_typed_is_asked(named: TealApi) -> None:
    line = f"teal deploy --endpoint {named.endpoint} w"
    assert completed(line, f"http://127.0.0.1:{free_port()}") == ["plain,web"]


def test_nothing_where_there_is_trouble(api: TealApi) -> None:
    def refused(_: object) -> dict[str, object]:
        raise Refused("AccessDeniedException", "no")

    api.operations["GetStatus"] = refused
    assert completed("teal deploy w", api.endpoint) == []
    assert completed("teal deploy w", f"http://127.0.0.1:{free_port()}") == []
    assert completed("teal deploy w", "nonsense://[") == []
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert completed("teal deploy w", f"http://127.0.0.1:{mute.getsockname()[1]}") == []


def test_a_shell_waits_no_longer_than_it_is_told_to() -> None:
    never = threading.Event()

    def hang() -> list[tuple[str, str]]:
        never.wait()
        return [("late", "")]

    assert within(0.01, hang) == []
    never.set()
    assert within(60, lambda: [("web", "")]) == [("web", "")]
