"""A service is deleted beside one that serves, and the control plane is killed meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

from tealmesh.cli.client import Client
from tests.support import sdk
from tests.support.machine import BIN, free_port
from tests.support.planes.control_plane import ControlPlane

SAMPLE = Path(__file__).parents[2] / "examples" / "sample"


def test_a_removal_that_was_killed_is_repeated_and_others_serve_on(tmp_path: Path) -> None:
    port = free_port()
    toml = (SAMPLE / "teal.toml").read_text().replace("9080", str(port))
    toml = toml.replace("desired_count = 3", "desired_count = 1")
    for name in ("app.py", "front.py"):
        (tmp_path / name).write_text((SAMPLE / name).read_text())
    (tmp_path / "teal.toml").write_text(toml)
    plane = ControlPlane(tmp_path)
    plane.start()
    load = None
    try:
        plane.teal("apply", "--config", str(tmp_path / "teal.toml"))
        load = subprocess.Popen(
            [str(BIN / "teal"), "load", f"127.0.0.1:{port}", "--rate", "20", "--json"],
            stdout=subprocess.PIPE,
            text=True,
        )
        # `front` and what leads to it goes; the first call leaves its tasks to drain.
        Client(plane.endpoint).remove("front")
        plane.kill9()
        plane.start()
        status = Client(plane.endpoint).get_status()
        assert [s["name"] for s in status["services"] if s.get("removing")] == ["front"]
        done = plane.teal("delete", "front", "--yes")
        assert "service front is removed" in done.stdout
        assert "no service or gateway 'front'" in plane.teal("delete", "front", check=False).stderr
        load.send_signal(signal.SIGINT)
        summary = json.loads(load.communicate(timeout=30)[0])
        assert summary["failed"] == 0, summary
        assert summary["requests"] > 0
        services = plane.client("ecs").list_services(cluster="sample")["serviceArns"]
        assert sorted(arn.rpartition("/")[2] for arn in services) == ["edge", "web-blue"]
        refused = sdk.run(["teal", "delete", "web"], plane.environment, check=False)
        assert refused.returncode == 2
        assert "gateway edge routes / to it: those requests will fail" in refused.stdout
    finally:
        if load is not None and load.poll() is None:
            load.kill()
        plane.down()
