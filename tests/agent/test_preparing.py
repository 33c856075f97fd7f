"""What an Envoy is started with, by Envoy's own check."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tealmesh.agent.preparing import prepare
from tealmesh.agent.proving import prove
from tealmesh.model.errors import TealError
from tests.support.certificates import Authority

NODE = "mesh/m/virtualNode/web"


def given(directory: Path, **more: str) -> dict[str, str]:
    return {
        "APPMESH_RESOURCE_ARN": NODE,
        "APPMESH_XDS_ENDPOINT": "teal.internal:8444",
        "TEAL_ENVOY_DIRECTORY": str(directory),
        **more,
    }


def launched(directory: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((directory / "launch.json").read_text())
    return found


@pytest.mark.parametrize("by_text", [True, False])
def test_tls_by_an_authority_as_text_or_file(tmp_path: Path, by_text: bool) -> None:
    authority = Authority.make(tmp_path, "mesh")
    leaf = authority.issue("web", "web.example", f"spiffe://example.org/{NODE}")
    trusted = authority.file.read_text() if by_text else str(authority.file)
    own = {"TEAL_XDS_CERTIFICATE": str(leaf.chain_file), "TEAL_XDS_KEY": str(leaf.key_file)}
    prepare(given(tmp_path, TEAL_XDS_CA=trusted, TEAL_XDS_SERVER_NAME="mesh.example", **own))
    shown = launched(tmp_path)
    assert (shown["proves"], shown["node"]) == (False, NODE)
    text = (tmp_path / "bootstrap.json").read_text()
    assert "mesh.example" in text
    assert "PRIVATE KEY" not in text
    argv = shown["argv"]
    assert isinstance(argv, list)
    subprocess.run([*argv, "--mode", "validate"], check=True, capture_output=True)


def test_a_bootstrap_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "node: {id: mine, cluster: mine}\n"
        "admin: {address: {socket_address: {address: 0.0.0.0, port_value: 9905}}}\n"
    )
    prepare(given(tmp_path, ENVOY_CONFIG_FILE=str(path)))
    shown = launched(tmp_path)
    assert shown["admin"] == {"host": "127.0.0.1", "port": 9905}
    assert (shown["node"], shown["plane"], shown["proves"]) == ("mine", "", False)
    path.write_text("node: {id: mine}\n")
    with pytest.raises(TealError, match="has no admin interface"):
        prepare(given(tmp_path, ENVOY_CONFIG_FILE=str(path)))


def test_a_proof_for_the_control_plane_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "AKIAEXAMPLEEXAMPLE00")
    sts = "https://sts.example:8443"
    prove(given(tmp_path, TEAL_SERVER_ID="teal-1", TEAL_STS_ENDPOINT=sts))
    path = tmp_path / "identity.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "Bearer teal-sts1" in path.read_text()
    with pytest.raises(TealError, match=r"127\.0\.0\.1:9 does not say for whom a role is proved"):
        prove(given(tmp_path, APPMESH_XDS_ENDPOINT="127.0.0.1:9"))
