"""Any bytes, and any parameters of any operation, at the port of a real control plane: it answers,
goes on answering, never with an error of its own, and its log has no traceback.
"""

from __future__ import annotations

import http.client
import json
import socket
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.security.fuzz.doors import MODELS, NAMES
from tests.security.fuzz.source import Source
from tests.support.drills import examples
from tests.support.planes.control_plane import ControlPlane

SEEDS = st.integers(0, 2**32)
LEFT_OUT = frozenset({"Shutdown"})
WAITS = frozenset({"GetConvergence"})
"""It may be asked to take its time."""


def _headers(service: str) -> dict[str, str]:
    scope = f"test/20261127/us-east-1/{service}/aws4_request"
    return {
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    }


def _asked(source: Source) -> tuple[str, str, dict[str, str], bytes]:
    model = MODELS[source.of(NAMES)]
    name = source.of([one for one in model.operation_names if one not in LEFT_OUT | WAITS])
    operation = model.operation(name)
    value = source.shaped(operation.input_shape) if operation.input_shape else {}
    sent = json.dumps(value).encode()
    headers = {**_headers(model.signing_name), "content-type": model.content_type}
    if model.protocol != "rest-json":
        return "POST", "/", {**headers, "x-amz-target": f"{model.target_prefix}.{name}"}, sent
    path = operation.http["requestUri"]
    for member in ("meshName", "virtualNodeName", "virtualServiceName", "virtualRouterName"):
        path = path.replace(f"{{{member}}}", source.of(("m", "web", "%00", "..%2F..", "%E2%80%AE")))
    return operation.http["method"], path.replace("{", "").replace("}", ""), headers, sent


@settings(max_examples=examples(1000), suppress_health_check=list(HealthCheck))
@given(seed=SEEDS)
def test_any_parameters_of_any_operation(plane: ControlPlane, seed: int) -> None:
    method, path, headers, sent = _asked(Source(Random(seed).randbytes(600)))
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=30)
    try:
        connection.request(method, path, sent, headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    assert "Traceback" not in plane.log()
    assert answer.status < 500, (method, path, headers.get("x-amz-target"), sent, text)


@settings(max_examples=examples(400), suppress_health_check=list(HealthCheck))
@given(seed=SEEDS)
def test_any_bytes(plane: ControlPlane, seed: int) -> None:
    random = Random(seed)
    source = Source(random.randbytes(400))
    method, path, headers, sent = _asked(source)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    raw = (
        f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n{head}content-length: {len(sent)}\r\n\r\n"
    )
    changed = bytearray(raw.encode() + sent)
    for _ in range(source.byte() % 6):
        at = random.randrange(len(changed))
        changed[at : at + source.byte() % 3] = source.of(_BYTES)
    with socket.create_connection(("127.0.0.1", plane.port), timeout=30) as near:
        near.sendall(changed)
        near.shutdown(socket.SHUT_WR)
        answered = b""
        while part := near.recv(65536):
            answered += part
    assert "Traceback" not in plane.log()
    assert b"HTTP/1.1 5" not in answered, (bytes(changed), answered)


_BYTES = (
    b"", b"\0", b"\r\n", b"\n", b"\r", b" ", b":", b"\xff", b"\r\n\r\n", b"%", b"HTTP/1.0", b"*",
    b"transfer-encoding: chunked\r\n", b"content-length: 3\r\n", b"expect: 100-continue\r\n", b"\t",
    b"upgrade: websocket\r\nconnection: upgrade\r\n", b"http://[::1", b"ffffffffffffffff\r\n", b"@",
)  # fmt: skip
