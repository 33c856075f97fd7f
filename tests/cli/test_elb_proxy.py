"""`teal envoy bootstrap --for elb-proxy`: what it writes, by Envoy's own check, and what not."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tealmesh.cli.main import teal
from tealmesh.envoy.bootstrap.elb_fields import ACCEPTED
from tealmesh.envoy.bootstrap.elb_proxy import UNKEPT
from tests.support.certificates import Authority
from tests.support.programs.envoy import ENVOY

URI = "spiffe://example.org/mesh/shop/virtualGateway/edge"


def written(directory: Path, root: str, *options: str, **environment: str) -> Result:
    authority = Authority.make(directory, "mesh")
    leaf = authority.issue("edge", "edge.example", URI)
    files = ["--ca", authority.file, "--certificate", leaf.chain_file, "--key", leaf.key_file]
    words = ["envoy", "bootstrap", "--for", "elb-proxy", "--virtual-gateway", "shop/edge"]
    words += ["--xds", "mesh.example:8444", *map(str, files), "--archive-root", root]
    words += ["-o", str(directory / "out"), *options]
    return CliRunner().invoke(teal, words, env=environment)


def test_it_has_accepted_fields_alone_and_envoy_takes_it(tmp_path: Path) -> None:
    archive = tmp_path / "unpacked"
    done = written(tmp_path, str(archive))
    assert done.exit_code == 0, done.output
    assert "the gateway's certificate ends on 20" in done.output
    file = tmp_path / "out" / "bootstrap.yaml"
    made = json.loads(file.read_text())
    assert made.keys() <= ACCEPTED.keys()
    assert made["node"]["id"] == "mesh/shop/virtualGateway/edge"
    with zipfile.ZipFile(tmp_path / "out" / "archive.zip") as packed:
        assert packed.namelist() == ["authority.pem", "certificate.pem", "key.pem"]
        packed.extractall(archive)
    # The key is in the archive, and in no configuration that Envoy would show.
    assert "PRIVATE KEY" not in file.read_text()
    check = [str(ENVOY), "--mode", "validate", "-c", str(file), "--use-dynamic-base-id"]
    subprocess.run(check, check=True, capture_output=True)
    for path in (file, tmp_path / "out" / "archive.zip"):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("variable", sorted(UNKEPT))
def test_what_cannot_be_kept_is_refused_by_name(tmp_path: Path, variable: str) -> None:
    done = written(tmp_path, "/archive", **{variable: "1"})
    assert f"{variable} cannot be kept on ELB for Envoy" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    words = ["envoy", "bootstrap", "--for", "elb-proxy", "--xds", "mesh.example:1"]
    assert "needs --virtual-gateway" in CliRunner().invoke(teal, words).output
    words += ["--virtual-gateway", "shop/edge"]
    missing = "needs --ca, --certificate, --key, --archive-root, --output"
    assert missing in CliRunner().invoke(teal, words).output
    done = written(tmp_path, "files")
    assert "--archive-root 'files': must be an absolute path" in str(done.exception)
