"""What `terraform` prints that is no plan: another program of its name, or a wrapper that talks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tealmesh.cli.terraform.running import Terraform
from tealmesh.model.errors import TerraformFailed


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("Initializing the wrapper", "printed no JSON"),
        ("[" * 100_000, "printed no JSON"),
        ("[]", "printed no plan"),
        ('{"x": 1}', "printed no plan"),
        ("", "printed no JSON"),
    ],
)
def test_it_is_a_failed_plan(
    printed: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, output = tmp_path / "bin" / "terraform", tmp_path / "output"
    program.parent.mkdir()
    output.write_text(printed)
    program.write_text(f'#!/bin/sh\n[ "$1" != show ] || cat {output}\n')
    program.chmod(0o755)
    (tmp_path / "main.tf").touch()
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    with pytest.raises(TerraformFailed, match=said), Terraform(tmp_path).plan():
        pass
