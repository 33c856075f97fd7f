"""What somebody does who wants the page, or another's session of it."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any

import pytest

from tests.support.planes.control_plane import ControlPlane
from tests.support.waiting import until

Answer = tuple[int, dict[str, Any]]


def ask(plane: ControlPlane, method: str, path: str, body: object = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), named)
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else {}
    finally:
        connection.close()


def code(plane: ControlPlane) -> str:
    url = plane.teal("open", "--print").stdout.strip()
    assert url.startswith(f"{plane.endpoint}/_teal/#code=")
    return url.partition("#code=")[2]


def opened(plane: ControlPlane) -> str:
    given, answers = code(plane), []

    def answered() -> bool:
        answers.append(ask(plane, "POST", "/_teal/session", {"code": given}))
        return answers[-1][0] != 429

    until(answered)  # another test has just guessed
    status, session = answers[-1]
    assert (status, session["access"]) == (200, "admin")
    return f"Teal {session['token']}"


def call(plane: ControlPlane, operation: str, authorization: str, **request: Any) -> Answer:
    path = f"/_teal/api/{operation}"
    return ask(plane, "POST", path, request, authorization=authorization)


def test_a_code_opens_one_session(plane: ControlPlane) -> None:
    given = code(plane)
    until(lambda: ask(plane, "POST", "/_teal/session", {"code": given})[0] == 200)
    until(
        lambda: ask(plane, "POST", "/_teal/session", {"code": given})[1]["__type"] != "Throttling"
    )
    status, answer = ask(plane, "POST", "/_teal/session", {"code": given})
    assert (status, answer["__type"]) == (401, "CodeInvalid")


def test_guessing_codes(plane: ControlPlane) -> None:
    tries = [ask(plane, "POST", "/_teal/session", {"code": f"guess-{n}"}) for n in range(40)]
    assert {status for status, _ in tries} == {401, 429}
    for wrong in ({}, {"code": 1}, []):
        until(lambda wrong=wrong: ask(plane, "POST", "/_teal/session", wrong)[0] == 400)


def test_without_a_session_nothing_is_answered(plane: ControlPlane) -> None:
    for path, method in (("/_teal/api/GetStatus", "POST"), ("/_teal/session", "GET")):
        status, answer = ask(plane, method, path, {} if method == "POST" else None)
        assert (status, answer["__type"]) == (401, "SessionInvalid"), path


def test_a_forged_token(plane: ControlPlane) -> None:
    token = opened(plane)
    form, body, mac = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["actor"] = "eve"
    other = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    for forged in (
        f"{form}.{other}.{mac}",
        f"{form}.{body}.{mac[:-2]}AA",
        f"{form}.{body}.",
        f"{form}.{body}",
        "Teal ",
        "Teal é",
        f"Bearer {token.removeprefix('Teal ')}",
        "Teal " + "x" * 5000,
    ):
        encoded = forged.encode().decode("latin-1")
        status, answer = ask(plane, "GET", "/_teal/session", authorization=encoded)
        assert (status, answer["__type"]) == (401, "SessionInvalid"), forged


def test_a_session_that_was_ended_stays_ended(plane: ControlPlane) -> None:
    token = opened(plane)
    assert call(plane, "GetStatus", token)[0] == 200
    assert ask(plane, "DELETE", "/_teal/session", authorization=token)[0] == 204
    assert call(plane, "GetStatus", token)[0] == 401
    made = json.loads(plane.teal("token", "create", "wall", "--read-only", "--json").stdout)
    assert call(plane, "ListGroups", f"Teal {made['secret']}")[0] == 200
    plane.teal("token", "revoke", made["token"]["tokenId"][:6])
    assert call(plane, "ListGroups", f"Teal {made['secret']}")[0] == 401
    assert made["token"]["tokenId"] not in plane.teal("token", "list").stdout


def test_a_read_only_token_changes_nothing_and_makes_no_others(plane: ControlPlane) -> None:
    made = plane.teal("token", "create", "wall", "--read-only", "--for", "1h").stdout.strip()
    assert call(plane, "GetStatus", f"Teal {made}")[0] == 200
    for operation, request in (
        ("Shutdown", {}),
        ("Deploy", {"service": "web", "image": "web:2"}),
        ("CreateToken", {}),
        ("ListTokens", {}),
    ):
        status, answer = call(plane, operation, f"Teal {made}", **request)
        assert (status in (400, 403), answer["__type"]) == (True, "AccessDeniedException"), (
            operation
        )
    status, answer = call(plane, "GetPageCode", f"Teal {made}")
    assert (status, answer["__type"]) == (403, "AccessDeniedException")


def test_a_page_that_only_sees(plane: ControlPlane) -> None:
    url = plane.teal("open", "--print", "--read-only").stdout.strip()
    answers: list[Answer] = []

    def answered() -> bool:
        answers.append(ask(plane, "POST", "/_teal/session", {"code": url.partition("#code=")[2]}))
        return answers[-1][0] != 429

    until(answered)
    status, session = answers[-1]
    assert (status, session["access"]) == (200, "viewer")
    token = f"Teal {session['token']}"
    assert call(plane, "GetStatus", token)[0] == 200
    status, answer = call(plane, "Deploy", token, service="web", image="web:2")
    assert answer["__type"] == "AccessDeniedException"


def test_a_session_of_an_administrator_makes_no_others(plane: ControlPlane) -> None:
    token = opened(plane)
    for operation in ("GetPageCode", "CreateToken"):
        status, answer = call(plane, operation, token)
        assert (status in (400, 403), answer["__type"]) == (True, "AccessDeniedException"), (
            operation
        )


def test_a_token_counts_for_our_pages_alone(plane: ControlPlane) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=20)
    read_only = plane.teal("token", "create", "--read-only").stdout.strip()
    target = {"x-amz-target": "Tealmesh_20261101.GetPageCode", "authorization": f"Teal {read_only}"}
    # The kernel says who asks; the header means nothing there, and takes nothing away.
    connection.request("POST", "/", "{}", {**target, "content-type": "application/x-amz-json-1.1"})
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:3000"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"host": "evil.example"},
    ],
)
def test_another_page_in_the_same_browser(plane: ControlPlane, headers: dict[str, str]) -> None:
    token = opened(plane)
    status, answer = ask(plane, "POST", "/_teal/api/GetStatus", {}, authorization=token, **headers)
    assert (status, answer["__type"]) == (403, "AccessDeniedException")
    assert ask(plane, "POST", "/_teal/session", {"code": "x"}, **headers)[0] == 403


def test_no_page_may_read_an_answer_of_ours_or_frame_us(plane: ControlPlane) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=20)
    connection.request("GET", "/_teal/")
    response = connection.getresponse()
    assert b"make dashboard" in response.read() or response.status == 200
    policy = response.getheader("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.getheader("access-control-allow-origin") is None
    assert response.getheader("set-cookie") is None
    for name in ("..%2f..%2ffiles.py", "%2e%2e/index.html", ".env", "a%00b"):
        connection.request("GET", f"/_teal/assets/{name}")
        refused = connection.getresponse()
        refused.read()
        assert refused.status in (400, 403, 404), name
    connection.close()


def test_the_actor_is_in_the_audit(plane: ControlPlane) -> None:
    token = opened(plane)
    _, session = ask(plane, "GET", "/_teal/session", authorization=token)
    assert "token" not in session
    events = plane.teal("events", "--json").stdout
    assert "OpenSession" in events
    assert session["actor"] in events
    assert token.removeprefix("Teal ") not in events
