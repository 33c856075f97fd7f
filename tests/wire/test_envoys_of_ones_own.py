"""Envoys that a user starts with `teal envoy bootstrap`, under a real control plane, with TLS from
ACM: by the API, the command line and Envoy's own binary alone.
"""

from __future__ import annotations

import contextlib
import stat
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.support.machine import BIN
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.backend import backend
from tests.support.programs.envoy import ENVOY, loopback

SERVER, CALLER, APP, PORT = loopback(70), loopback(71), loopback(72), 8080
ROOT_TEMPLATE = "arn:aws:acm-pca:::template/RootCACertificate/V1"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("plane")) as started:
        started.client("appmesh").create_mesh(meshName="m")
        yield started


def active_authority(plane: ControlPlane) -> str:
    """The ARN of an active root authority."""
    pca = plane.client("acm-pca")
    configuration = {
        "KeyAlgorithm": "RSA_2048",
        "SigningAlgorithm": "SHA256WITHRSA",
        "Subject": {"CommonName": "root of the mesh"},
    }
    arn = pca.create_certificate_authority(
        CertificateAuthorityType="ROOT", CertificateAuthorityConfiguration=configuration
    )["CertificateAuthorityArn"]
    request = pca.get_certificate_authority_csr(CertificateAuthorityArn=arn)["Csr"]
    issued = pca.issue_certificate(
        CertificateAuthorityArn=arn,
        Csr=request.encode(),
        SigningAlgorithm="SHA256WITHRSA",
        TemplateArn=ROOT_TEMPLATE,
        Validity={"Value": 10, "Type": "YEARS"},
    )["CertificateArn"]
    own = pca.get_certificate(CertificateAuthorityArn=arn, CertificateArn=issued)["Certificate"]
    pca.import_certificate_authority_certificate(
        CertificateAuthorityArn=arn, Certificate=own.encode()
    )
    return str(arn)


def server_spec(certificate: str) -> dict[str, Any]:
    tls = {"mode": "STRICT", "certificate": {"acm": {"certificateArn": certificate}}}
    listener = {"portMapping": {"port": PORT, "protocol": "http"}, "tls": tls}
    discovery = {"dns": {"hostname": SERVER}}
    return {"listeners": [listener], "serviceDiscovery": discovery}


@contextlib.contextmanager
def own_envoy(plane: ControlPlane, node: str, address: str, *options: str) -> Iterator[str]:
    """Start an Envoy with `teal envoy bootstrap` and these options; return the URL of its admin
    interface.
    """
    file = plane.directory / f"{node}.json"
    argv = [str(BIN / "teal"), "envoy", "bootstrap", "--xds", f"127.0.0.1:{plane.xds_port}"]
    argv += ["--token-file", str(plane.directory / "data" / "xds-token"), "-o", str(file)]
    argv += ["--address", address, "--admin-address", address, "--app-address", APP, *options]
    named = {**plane.environment, "APPMESH_RESOURCE_ARN": f"mesh/m/virtualNode/{node}"}
    subprocess.run(argv, check=True, env=named, timeout=60)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.with_suffix(".token.json").exists() is ("--envoy-version" not in options)
    command = [ENVOY, "-c", str(file), "--disable-hot-restart", "--concurrency", "1"]
    with (plane.directory / f"{node}.log").open("wb") as log:
        process = subprocess.Popen([*command, "-l", "warning"], stdout=log, stderr=log)
    try:
        await_(lambda: httpx.get(f"http://{address}:9901/ready").status_code == 200)
        yield f"http://{address}:9901"
    finally:
        process.terminate()
        process.wait(20)


def await_(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if condition():
                return
        time.sleep(0.05)
    raise AssertionError(f"{condition} did not come true")


def call() -> int:
    with httpx.Client(proxy=f"http://{CALLER}:15001", timeout=10) as client:
        return client.get("http://shop.local/").status_code


def test_a_certificate_from_acm_between_two_envoys(plane: ControlPlane) -> None:
    acm, mesh = plane.client("acm"), plane.client("appmesh")
    authority = active_authority(plane)
    certificate = acm.request_certificate(
        DomainName=SERVER, SubjectAlternativeNames=["shop.local"], CertificateAuthorityArn=authority
    )["CertificateArn"]
    node = {"meshName": "m", "virtualNodeName": "server"}
    mesh.create_virtual_node(**node, spec=server_spec(certificate))
    provider = {"virtualNode": {"virtualNodeName": "server"}}
    mesh.create_virtual_service(
        meshName="m", virtualServiceName="shop.local", spec={"provider": provider}
    )
    backends = [{"virtualService": {"virtualServiceName": "shop.local"}}]
    caller = {"meshName": "m", "virtualNodeName": "caller"}
    mesh.create_virtual_node(**caller, spec={"backends": backends})
    socket = plane.directory / "server.sock"
    with (
        backend("app", APP, PORT),
        own_envoy(plane, "server", SERVER, "--admin-socket", str(socket)) as asked,
        own_envoy(plane, "caller", CALLER, "--envoy-version", "1.29") as admin,
    ):
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert httpx.get(f"{asked}/config_dump").status_code == 403
        # The caller has no policy: it trusts the root of the certificate's chain.
        await_(lambda: call() == 200)
        stats = httpx.get(f"{admin}/stats", params={"filter": "ssl.handshake"}).text
        assert stats.strip().endswith("ssl.handshake: 1")
        # The authority signed it: a caller that trusts only another one refuses.
        for trusted, answer in ((active_authority(plane), 503), (authority, 200)):
            trust = {"trust": {"acm": {"certificateAuthorityArns": [trusted]}}}
            policy = {"clientPolicy": {"tls": {"validation": trust}}}
            spec = {"backends": backends, "backendDefaults": policy}
            mesh.update_virtual_node(**caller, spec=spec)
            await_(lambda wanted=answer: call() == wanted)
        # No key of an Envoy is in a configuration dump or in the control plane's log.
        assert "PRIVATE KEY" not in httpx.get(f"{admin}/config_dump").text + plane.log()


@pytest.mark.parametrize(
    ("make", "because"),
    [
        (lambda acm: acm.request_certificate(DomainName="a.b"), "is not a private certificate"),
        (
            lambda acm: {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/none"},
            "certificate/none not found",
        ),
    ],
)
def test_a_certificate_without_an_exportable_key_is_refused_by_name(
    plane: ControlPlane, make: Any, because: str
) -> None:
    arn = make(plane.client("acm"))["CertificateArn"]
    mesh = plane.client("appmesh")
    with pytest.raises(ClientError) as refused:
        mesh.create_virtual_node(meshName="m", virtualNodeName="other", spec=server_spec(arn))
    error = refused.value.response["Error"]
    assert error["Code"] == "BadRequestException"
    field = "spec.listeners[0].tls.certificate.acm.certificateArn"
    assert error["Message"].startswith(f"{field} = {arn}: ExportCertificate refused: ")
    assert because in error["Message"]
