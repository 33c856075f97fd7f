"""People whom a proxy names by OpenID Connect: the page opens for them, and for nobody else."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tealmesh.aws.callers.oidc.people import OF_LOAD_BALANCERS
from tests.support.certificates import Authority, client_context
from tests.support.identity.issuer import BALANCER, CLIENT, ISSUER, Issuer, claims, issuer
from tests.support.machine import free_port
from tests.support.planes.control_plane import ControlPlane, control_plane

HOST = "teal.example.com"
ORIGIN = f"https://{HOST}"
PROXY, STRANGER = "127.0.0.7", "127.0.0.8"
ANN = {"claim": "email", "value": "ann@example.com", "access": "deployer", "services": ["web"]}
SRE = {"claim": "groups", "value": "sre", "access": "admin"}


@dataclass
class Behind:
    """A control plane behind a load balancer, which connects to it from an address of its own."""

    plane: ControlPlane
    issuer: Issuer
    port: int
    tls: ssl.SSLContext
    file: Path

    def say(self, *people: dict[str, Any]) -> None:
        """Who is let in, from the next request on."""
        said = {
            "issuer": ISSUER,
            "audience": CLIENT,
            "signer": BALANCER,
            "keys": f"{self.issuer.url}/pem/",
            "proxies": [PROXY],
            "people": people,
        }
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(said))
        fresh.replace(self.file)

    def token(self, **changed: Any) -> str:
        return self.issuer.of_balancer("key", claims(**changed))

    def ask(
        self, path: str, body: object = None, address: str = PROXY, **headers: str | None
    ) -> tuple[int, Any]:
        """What is answered to a page that is behind the load balancer, as that passes it on."""
        at = (address, 0)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=20, source_address=at, context=self.tls
        )
        given = {"origin": ORIGIN, **{k.replace("_", "-"): v for k, v in headers.items()}}
        named = {"host": HOST, **{name: v for name, v in given.items() if v is not None}}
        try:
            method = "GET" if body is None else "POST"
            connection.request(method, path, None if body is None else json.dumps(body), named)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else {}
        finally:
            connection.close()

    def begin(self, token: str, address: str = PROXY, **headers: str | None) -> tuple[int, Any]:
        shown = {OF_LOAD_BALANCERS: token, **headers}
        return self.ask("/_teal/session/identity", {}, address, **shown)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    directory = tmp_path_factory.mktemp("behind")
    authority = Authority.make(directory, "ca")
    leaf = authority.issue("server", HOST, "127.0.0.1")
    port, file = free_port(), directory / "oidc.json"
    options = ["--listen", f"127.0.0.1:{port}", "--oidc", str(file)]
    options += ["--tls-cert", str(leaf.chain_file), "--tls-key", str(leaf.key_file)]
    with issuer() as double:
        double.elliptic("key")
        plane = ControlPlane(directory, options=options)
        found = Behind(plane, double, port, client_context(authority), file)
        found.say(SRE, ANN)
        with control_plane(directory, options=options) as started:
            found.plane = started
            yield found


def test_the_page_opens_and_the_audit_names_who_did_what(behind: Behind) -> None:
    behind.say(SRE, ANN)
    assert behind.ask("/_teal/session/identity", {}) == (204, {})
    status, session = behind.begin(behind.token(groups=["sre"]))
    assert (status, session["actor"]) == (200, "oidc:ann@example.com")
    assert session["access"] == "admin"
    shown = {"x_teal_session": session["token"]}
    # A proxy may write its own over the page's Authorization.
    status, _ = behind.ask("/_teal/api/GetStatus", {}, authorization="Bearer x", **shown)
    assert status == 200
    assert behind.ask("/_teal/api/CreateToken", {}, **shown)[0] == 403
    # Who has the one or the other is that person.
    for secret in (session["token"], behind.token(groups=["sre"])[:60]):
        assert secret not in behind.plane.log()
    events = json.loads(behind.plane.teal("events", "--json").stdout)
    assert ("oidc:ann@example.com", "OpenSession") in {
        (one["actor"], one["operation"]) for one in events
    }


def test_what_the_owner_says_counts_at_once(behind: Behind) -> None:
    behind.say(ANN)
    _, session = behind.begin(behind.token())
    shown = {"x_teal_session": session["token"]}
    status, answer = behind.ask("/_teal/api/Lock", {"service": "shop", "reason": "x"}, **shown)
    assert (status, "deployer of the services web" in answer["message"]) == (400, True)
    assert behind.ask("/_teal/api/Shutdown", {}, **shown)[1]["__type"] == "AccessDeniedException"
    behind.say({**SRE, "access": "viewer"})
    status, answer = behind.ask("/_teal/api/GetStatus", {}, **shown)
    assert (status, answer["__type"]) == (401, "SessionInvalid")
    behind.say(ANN)
    assert behind.ask("/_teal/api/GetStatus", {}, **shown)[0] == 200


def test_the_token_of_a_proxy_is_nobody_by_itself(behind: Behind) -> None:
    behind.say(SRE, ANN)
    shown = {OF_LOAD_BALANCERS: behind.token(groups=["sre"])}
    for path in ("/_teal/api/Shutdown", "/_teal/api/GetStatus", "/_teal/session/x"):
        assert behind.ask(path, {}, **shown)[0] in (401, 404), path
    assert behind.ask("/_teal/session", **shown)[0] == 401
    assert behind.ask("/_teal/metrics", **shown)[0] == 403
    status, answer = behind.ask("/", {}, x_amz_target="AmazonEC2.X", **shown)
    assert status in (400, 403), answer


def test_another_page_in_the_same_browser(behind: Behind) -> None:
    behind.say(SRE, ANN)
    good = behind.token()
    assert behind.begin(good, origin="https://evil.example")[0] == 403
    assert behind.begin(good, origin=None)[0] == 403
    assert behind.begin(good, sec_fetch_site="cross-site")[0] == 403
    assert behind.begin(good, host="evil.example", origin="https://evil.example")[0] == 403


def test_who_is_not_the_load_balancer(behind: Behind) -> None:
    behind.say(SRE, ANN)
    good = behind.token()
    status, answer = behind.begin(good, STRANGER)
    assert (status, STRANGER in answer["message"]) == (403, True)
    connection = http.client.HTTPConnection("127.0.0.1", behind.plane.port, timeout=20)
    named = {OF_LOAD_BALANCERS: good, "origin": behind.plane.endpoint}
    connection.request("POST", "/_teal/session/identity", "{}", named)
    assert connection.getresponse().status == 403
    connection.close()


def test_who_is_not_let_in(behind: Behind) -> None:
    behind.say(SRE)
    status, answer = behind.begin(behind.token(email="eve@example.com"))
    assert (status, answer["__type"]) == (403, "AccessDenied")
    assert "oidc:eve@example.com has no access" in answer["message"]
    assert behind.begin(behind.token(exp=1.0))[0] == 401
    assert behind.begin("forged")[0] == 401


def test_a_file_that_is_wrong_leaves_the_former_in_use(behind: Behind) -> None:
    behind.say(ANN)
    assert behind.begin(behind.token())[0] == 200
    behind.file.write_text('{"unknown": 1}')
    assert behind.begin(behind.token())[0] == 200
    assert "oidc.json: unknown: is unknown" in behind.plane.log()


def test_it_needs_an_address_to_listen_at_and_a_good_file(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path)
    file = tmp_path / "oidc.json"
    file.write_text("{}")
    told = plane.teal("up", "--oidc", str(file), check=False)
    assert (told.returncode, "--listen" in told.stderr) == (2, True)
    listen = ["--listen", f"127.0.0.1:{free_port()}", "--data-dir", str(tmp_path / "data")]
    told = plane.teal("up", "--oidc", str(file), *listen, check=False)
    assert (told.returncode, f"{file}: keys" in told.stderr) == (1, True), told
