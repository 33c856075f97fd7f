"""What it costs to verify who calls: calls with keys that the control plane issued, compared with
calls whose signature it does not look at.
"""

from __future__ import annotations

import http.client
import tempfile
import time
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.support.planes.control_plane import ControlPlane, control_plane

from bench import connects
from bench.measurement import Measurement, quantile
from tealmesh.model.identity.issued import owner

_CALLS = 400
_ROUNDS = 5
_BODIES = {
    "ListClusters": ("AmazonEC2ContainerServiceV20141113.ListClusters", b"{}"),
    "CreateCluster": (
        "AmazonEC2ContainerServiceV20141113.CreateCluster",
        b'{"clusterName": "measured"}',
    ),
}


def measure() -> list[Measurement]:
    """The median of each of two calls, on one connection, taken in turns; and Envoys' connects."""
    with tempfile.TemporaryDirectory() as directory, control_plane(Path(directory)) as plane:
        mine = owner(Path(directory) / "data")
        known, any_keys = Credentials(mine.key_id, mine.secret), Credentials("test", "test")
        measured = []
        for name in _BODIES:
            verified, unverified = [], []
            for _ in range(_ROUNDS):
                unverified += _seconds(plane, name, any_keys)
                verified += _seconds(plane, name, known)
            value, baseline = quantile(verified, 0.5) * 1000, quantile(unverified, 0.5) * 1000
            compared = "the same, known by the kernel"
            limit = baseline * 1.3
            label = f"ecs {name}, signature verified"
            measured.append(Measurement(label, value, "ms", baseline, compared, round(limit, 3)))
    return [*measured, *connects.measure()]


def _seconds(plane: ControlPlane, name: str, keys: Credentials) -> list[float]:
    target, body = _BODIES[name]
    signed = [_signed(plane, target, body, keys) for _ in range(_CALLS // _ROUNDS)]
    connection = http.client.HTTPConnection("127.0.0.1", plane.port)
    taken = []
    for headers in signed:
        start = time.perf_counter()
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - start)
        if answer.status != 200:
            raise RuntimeError(f"{name}: status {answer.status}")
    connection.close()
    return taken


def _signed(plane: ControlPlane, target: str, body: bytes, keys: Credentials) -> dict[str, str]:
    """What botocore sends, signed before the clock runs."""
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
    request = AWSRequest("POST", f"{plane.endpoint}/", headers=headers, data=body)
    SigV4Auth(keys, "ecs", "us-east-1").add_auth(request)
    return dict(request.headers.items())
