"""Certificates for the tests of this folder."""

from __future__ import annotations

import pytest

from tests.envoy.tls import NAME, Pki
from tests.support.certificates import Authority


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    directory = tmp_path_factory.mktemp("pki")
    mesh, other = Authority.make(directory, "mesh"), Authority.make(directory, "other")
    return Pki(
        mesh,
        other,
        mesh.issue("server", NAME),
        mesh.issue("client", "client.ns", "spiffe://mesh/client"),
        other.issue("stranger", "client.ns"),
    )
