"""A control plane that listens beyond loopback: whoever comes in there signs, and all is by TLS."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError

from tealmesh.model.identity.issued import owner
from tests.support import sdk
from tests.support.certificates import (
    Authority,
    Leaf,
    client_context,
    seen_certificate,
)
from tests.support.machine import BIN, free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.envoy import ENVOY, loopback
from tests.support.waiting import until

NAME = "mesh.example"
URI = "spiffe://example.org/mesh/m/virtualNode/web"
NODE = "mesh/m/virtualNode/web"


@dataclass
class Beyond:
    """The control plane, and what it listens with."""

    plane: ControlPlane
    authority: Authority
    server: Leaf
    port: int
    xds_port: int

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def keys(self) -> tuple[str, str]:
        mine = owner(self.plane.directory / "data")
        return mine.key_id, mine.secret

    @property
    def environment(self) -> dict[str, str]:
        key, secret = self.keys
        named = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
        bundle = {"AWS_CA_BUNDLE": str(self.authority.file), "TEAL_ENDPOINT": self.url}
        return {**sdk.environment(self.url), **named, **bundle}

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: str = ""
    ) -> tuple[int, Any]:
        """Status and JSON of what is answered to somebody without keys."""
        context = client_context(self.authority)
        made = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)
        with contextlib.closing(made):
            made.request(method, path, body=body, headers=headers or {})
            answer = made.getresponse()
            return answer.status, json.loads(answer.read())


@pytest.fixture(scope="module")
def beyond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beyond]:
    directory = tmp_path_factory.mktemp("beyond")
    authority = Authority.make(directory, "ca")
    leaf = authority.issue("server", NAME, "127.0.0.1")
    port, xds_port = free_port(), free_port()
    options = ["--listen", f"127.0.0.1:{port}", "--xds-listen", f"127.0.0.1:{xds_port}"]
    options += ["--tls-cert", str(leaf.chain_file), "--tls-key", str(leaf.key_file)]
    options += ["--client-ca", str(authority.file)]
    with control_plane(directory, options=options) as plane:
        plane.client("appmesh").create_mesh(meshName="m")
        plane.client("appmesh").create_virtual_node(
            meshName="m", virtualNodeName="web", spec={"listeners": []}
        )
        yield Beyond(plane, authority, leaf, port, xds_port)


def test_the_owner_signs_there_like_everybody_else(beyond: Beyond) -> None:
    """The kernel would say that it is the owner: on this address its word counts for nothing."""
    target = {"x-amz-target": "AmazonEC2ContainerServiceV20141113.ListClusters"}
    headers = {**target, "content-type": "application/x-amz-json-1.1"}
    status, answer = beyond.ask("POST", "/", headers, "{}")
    assert (status, answer["__type"]) == (400, "MissingAuthenticationTokenException")
    assert "teal credentials NAME --new" in answer["message"]
    assert beyond.ask("GET", "/_teal/metrics")[0] == 403


def test_what_the_machine_is_like_is_not_told(beyond: Beyond) -> None:
    assert set(beyond.ask("GET", "/_teal/health")[1]) == {
        "status",
        "version",
        "revision",
        "serverId",
        "replica",
        "database",
    }, "another replica asks this, and learns whether the database answers, not why not"
    for path in ("/_teal/metadata/v4/task-0", "/_teal/credentials/task"):
        assert beyond.ask("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [(NAME, 200), ("127.0.0.1:1234", 200), ("evil.example", 403), (f"x.{NAME}", 403)],
)
def test_names_of_the_certificate_are_hosts(beyond: Beyond, host: str, status: int) -> None:
    assert beyond.ask("GET", "/_teal/health", {"host": host})[0] == status


def test_boto3_verifies_and_signs(beyond: Beyond) -> None:
    def client(key: str, secret: str, verify: Path) -> Any:
        return boto3.client(
            "ecs",
            "us-east-1",
            endpoint_url=beyond.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            verify=str(verify),
            config=Config(retries={"total_max_attempts": 1}),
        )

    assert client(*beyond.keys, beyond.authority.file).list_clusters()["clusterArns"] == []
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        client("test", "test", beyond.authority.file).list_clusters()
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        client(beyond.keys[0], "wrong", beyond.authority.file).list_clusters()
    with pytest.raises(SSLError):
        client(
            *beyond.keys, Authority.make(beyond.authority.directory, "other").file
        ).list_clusters()


def test_the_command_lines(beyond: Beyond) -> None:
    bundle = ["--ca-bundle", str(beyond.authority.file)]
    listed = sdk.run(["aws", *bundle, "appmesh", "list-meshes"], beyond.environment)
    assert json.loads(listed.stdout)["meshes"][0]["meshName"] == "m"
    shown = sdk.run(["teal", "events", "--json"], beyond.environment)
    assert "CreateMesh" in shown.stdout
    foreign = {**beyond.environment, "AWS_CA_BUNDLE": ""}
    refused = sdk.run(["teal", "status"], foreign, check=False)
    assert refused.returncode != 0
    assert "TEAL_CA_BUNDLE" in refused.stderr
    keyless = {**beyond.environment, "AWS_ACCESS_KEY_ID": ""}
    refused = sdk.run(["teal", "status"], keyless, check=False)
    assert "by signatures alone" in refused.stderr


def test_old_or_no_tls(beyond: Beyond) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    # Python warns of it, as it is old.
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    for port in (beyond.port, beyond.xds_port):
        with pytest.raises(ssl.SSLError):
            seen_certificate(("127.0.0.1", port), old)
    with socket.create_connection(("127.0.0.1", beyond.port), timeout=20) as plain:
        plain.sendall(b"GET /_teal/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert b"200" not in plain.recv(1000)


def test_a_new_certificate_is_used_without_a_restart(beyond: Beyond) -> None:
    at, context = ("127.0.0.1", beyond.port), client_context(beyond.authority)
    assert seen_certificate(at, context).serial == beyond.server.serial
    renewed = beyond.authority.issue("server", NAME, "127.0.0.1")
    assert seen_certificate(at, context).serial == renewed.serial
    beyond.server.key_file.write_text("broken")
    assert seen_certificate(at, context).serial == renewed.serial
    assert "the former certificate stays in use" in beyond.plane.log()
    beyond.authority.issue("server", NAME, "127.0.0.1")


def test_many_who_never_begin_with_tls_do_not_keep_others_out(beyond: Beyond) -> None:
    silent = [socket.create_connection(("127.0.0.1", beyond.port), timeout=20) for _ in range(40)]
    try:
        # The first of them wait; those that are one too many are closed at once.
        silent[-1].settimeout(20)
        assert silent[-1].recv(1) == b""
    finally:
        for one in silent:
            one.close()

    def answers() -> bool:
        # Until the control plane has seen that they hung up, they count.
        with contextlib.suppress(OSError):
            return beyond.ask("GET", "/_teal/health")[0] == 200
        return False

    assert until(answers)


def test_an_envoy_and_a_grpc_client_with_certificates(beyond: Beyond, tmp_path: Path) -> None:
    own = beyond.authority.issue("web", "web.example", URI)
    file = tmp_path / "web.json"
    argv = [str(BIN / "teal"), "envoy", "bootstrap", "--xds", f"127.0.0.1:{beyond.xds_port}"]
    argv += ["--ca", str(beyond.authority.file), "--certificate", str(own.chain_file)]
    argv += ["--key", str(own.key_file), "--task", "web-1", "-o", str(file)]
    argv += ["--address", loopback(75), "--admin-address", loopback(75)]
    named = {**os.environ, "APPMESH_RESOURCE_ARN": NODE}
    subprocess.run(argv, check=True, env=named, timeout=60)
    command = [ENVOY, "-c", str(file), "--disable-hot-restart", "--concurrency", "1"]
    with (tmp_path / "envoy.log").open("wb") as log:
        envoy = subprocess.Popen([*command, "-l", "info"], stdout=log, stderr=log)
    try:
        _wait_connected(beyond, f"web-1 of {URI}")
    finally:
        envoy.terminate()
        envoy.wait(20)
    credentials = {
        "ca_certificate_file": str(beyond.authority.file),
        "certificate_file": str(own.chain_file),
        "private_key_file": str(own.key_file),
    }
    server = {
        "server_uri": f"127.0.0.1:{beyond.xds_port}",
        "channel_creds": [{"type": "tls", "config": credentials}],
        "server_features": ["xds_v3"],
    }
    node = {"id": NODE, "metadata": {"tealmesh": {"task": "grpc-1"}}}
    path = tmp_path / "grpc.json"
    path.write_text(json.dumps({"xds_servers": [server], "node": node}))
    code = (
        "import grpc\nwith grpc.insecure_channel('xds:///absent.local') as c:\n"
        "  try: c.unary_unary('/a.B/C')(b'', timeout=20)\n"
        "  except grpc.RpcError as e: print(e.details())"
    )
    client = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "GRPC_XDS_BOOTSTRAP": str(path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_connected(beyond, f"grpc-1 of {URI}")
    finally:
        client.kill()
        client.wait()


def _wait_connected(beyond: Beyond, name: str) -> None:
    def seen() -> list[Any]:
        answer = beyond.plane.teal("envoys", "--mesh", "m", "--json")
        found: list[Any] = json.loads(answer.stdout)
        return found

    until(
        lambda: any(one["id"] == name for one in seen()), lambda: f"{seen()} {beyond.plane.log()}"
    )
