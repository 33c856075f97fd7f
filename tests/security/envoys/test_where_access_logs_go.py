"""Whoever may change a mesh names the file of an access log. Where root runs the control plane, the
Envoy of a process task is a user of its own, which writes nowhere but to its own files and where
everybody may.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import httpx

from tests.security.strangers import NEEDS_ROOT
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample, api
from tests.support.waiting import until

pytestmark = NEEDS_ROOT


def test_no_file_of_the_owner_gets_a_line(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    with control_plane(tmp_path) as plane, tempfile.TemporaryDirectory(dir="/tmp") as open_to_all:
        sample.apply(plane)
        victim = tmp_path / "data" / "callers.json"
        before = victim.read_bytes()

        _log_to(plane, sample, str(victim))
        (refusal,) = until(lambda: _refusals(plane))
        assert str(victim) in refusal
        assert "Permission denied" in refusal
        assert httpx.get(sample.url, trust_env=False).status_code == 200
        assert victim.read_bytes() == before

        Path(open_to_all).chmod(0o777)
        log = Path(open_to_all) / "access.log"
        _log_to(plane, sample, str(log))

        def written() -> bool:
            httpx.get(sample.url, trust_env=False)
            return log.exists() and b"GET" in log.read_bytes()

        until(written)
        envoys = _envoys(tmp_path / "data")
        users = {_user_of(pid) for pid in envoys}
        assert log.stat().st_uid in users
        assert len(users) == len(envoys) == 2
        assert all(0x7100_0000 <= user < 0x7300_0000 for user in users)
        _keeps_only_reading_and_low_ports(envoys[0])
        until(lambda: not _refusals(plane))


def _keeps_only_reading_and_low_ports(pid: int) -> None:
    """Certificates in files are read as before, and ports below 1024 can be listened on."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert status["CapEff"] == status["CapPrm"] == f"{1 << 2 | 1 << 10:016x}"
    assert status["NoNewPrivs"] == "1"


def _log_to(plane: ControlPlane, sample: Sample, path: str) -> None:
    """The gateway's access log."""
    appmesh = plane.client("appmesh")
    names = {"meshName": "sample", "virtualGatewayName": "edge"}
    spec = appmesh.describe_virtual_gateway(**names)["virtualGateway"]["spec"]
    spec["logging"] = {"accessLog": {"file": {"path": path}}}
    appmesh.update_virtual_gateway(**names, spec=spec)


def _refusals(plane: ControlPlane) -> list[str]:
    return [one["message"] for one in api(plane).list_envoys() if one.get("message")]


def _envoys(data: Path) -> list[int]:
    """The processes of the Envoys of tasks."""
    return [
        int(file.read_text().split()[0])
        for file in data.glob("tasks/*/*/pid")
        if file.parent.name == "envoy"
    ]


def _user_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
