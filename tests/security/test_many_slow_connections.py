"""The long form of what anybody can cost who opens sockets: memory stays bounded all the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.security.strangers import NEEDS_ROOT, STRANGER
from tests.support.planes.control_plane import ControlPlane

GROWTH_BYTES = 150 << 20

HOLD = """
import json, resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4000, 4000))
port, many = int(sys.argv[1]), int(sys.argv[2])
held = []
for number in range(many):
    one = socket.socket()
    one.settimeout(5)
    try:
        one.connect(("127.0.0.1", port))
        one.sendall(b"POST / HTTP/1.1\\r\\nhost: localhost\\r\\n" + (
            b"x: y" if number % 2 else b"content-length: 100000000\\r\\n\\r\\n" + b"a" * 60000))
        held.append(one)
    except OSError:
        one.close()
print(len(held), flush=True)
sys.stdin.read()
"""


def resident(pid: int) -> int:
    """Bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@NEEDS_ROOT
@pytest.mark.drill
def test_fifteen_hundred_slow_sockets(plane: ControlPlane) -> None:
    assert plane.process is not None
    pid = plane.process.pid
    plane.client("ecs").list_clusters()
    before = resident(pid)
    command = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
    command += ["/usr/bin/python3", "-c", HOLD, str(plane.port), "1500"]
    holding = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/"
    )
    assert holding.stdout is not None
    try:
        assert json.loads(holding.stdout.readline()) > 0
        for _ in range(50):
            plane.client("ecs").list_clusters()
        assert resident(pid) - before < GROWTH_BYTES
    finally:
        holding.communicate("")
    assert "Traceback" not in plane.log()
