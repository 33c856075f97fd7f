"""Which data directory a command means."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command_line import assert_one_line, teal
from tests.cli.teal_api import TealApi

NOT_SAID = "does not say where its data directory is: run this where it runs, and give --data-dir"


@pytest.mark.parametrize(
    "words", [("credentials", "--list"), ("reset", "--yes"), ("down", "--force")], ids=" ".join
)
def test_that_of_another_machine_is_not_mistaken_for_ours(
    words: tuple[str, ...], api: TealApi
) -> None:
    api.health = {"status": "ok", "version": "9", "revision": 7}
    assert_one_line(teal(*words, endpoint=api.endpoint), NOT_SAID)


@pytest.mark.parametrize(
    "words",
    [("credentials", "--list"), ("credentials", "me", "--new"), ("envoy", "allow", "--list")],
    ids=" ".join,
)
def test_one_that_is_not_there_is_named(
    words: tuple[str, ...], api: TealApi, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    done = teal(*words, "--data-dir", str(gone), endpoint=api.endpoint)
    assert_one_line(done, f"{gone}: no control plane has used it: choose another --data-dir")
    assert not gone.exists()
