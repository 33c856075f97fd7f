"""Proofs of AWS identities are exchanged for keys of an hour: by whom the owner lets in, alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from tealmesh.app.callers.login import TRIES, Login
from tealmesh.aws.callers.known import Callers
from tealmesh.aws.callers.peers import NOBODY
from tealmesh.aws.wire.codec import Request
from tealmesh.cli.signing import Keys as SigningKeys
from tealmesh.cli.signing import sign
from tealmesh.model.clock import Steady, Wall
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.exchanged import ExchangedKey, ExchangedKeys, without_path
from tealmesh.model.identity.issued import TaskKeys, save, with_keys
from tests.support import sdk
from tests.support.identity.sts import ACCOUNT, REGION, Sts, sts
from tests.support.planes.control_plane import ControlPlane

CI = f"arn:aws:iam::{ACCOUNT}:role/ci"


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sts]:
    with sts(tmp_path_factory.mktemp("sts")) as started:
        yield started


@pytest.fixture(scope="module")
def trusting(double: Sts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    options = ["--sts-endpoint", double.endpoint]
    plane = ControlPlane(tmp_path_factory.mktemp("plane"), options=options)
    plane.start(AWS_CA_BUNDLE=str(double.authority.file))
    try:
        data = str(plane.directory / "data")
        let_in = ["credentials", "ci", "--new", "--data-dir", data]
        role = f"arn:aws:iam::{ACCOUNT}:role/teams/build/ci"
        plane.teal(*let_in, "--role", role, "--access", "deployer", "--service", "web")
        yield plane
    finally:
        plane.down()


def _server_id(plane: ControlPlane) -> str:
    return str(httpx.get(f"{plane.endpoint}/_teal/health").json()["serverId"])


def _login(plane: ControlPlane, token: str) -> httpx.Response:
    def once() -> httpx.Response:
        return httpx.post(f"{plane.endpoint}/_teal/login", json={"token": token}, timeout=20)

    answer = once()
    while answer.status_code == 429:
        answer = once()
    return answer


def _ecs(plane: ControlPlane, keys: Any, **changed: str) -> Any:
    given = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
        **changed,
    }
    return boto3.client("ecs", REGION, endpoint_url=plane.endpoint, **given)


def test_a_role_that_is_let_in_is_a_deployer_for_an_hour(
    double: Sts, trusting: ControlPlane
) -> None:
    run = double.assume("ci", "run-1")
    environment = {
        **trusting.environment,
        "AWS_ACCESS_KEY_ID": run.key_id,
        "AWS_SECRET_ACCESS_KEY": run.secret,
        "AWS_SESSION_TOKEN": "its-session-token",
        "AWS_REGION": REGION,
    }
    command = ["teal", "credentials", "--exchange", "--sts", double.endpoint]
    keys = json.loads(sdk.run(command, environment).stdout)
    assert keys["Version"] == 1
    assert _ecs(trusting, keys).list_clusters()["clusterArns"] == []
    with pytest.raises(ClientError, match="ci/run-1 is only a deployer"):
        _ecs(trusting, keys).create_cluster(clusterName="c")
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        _ecs(trusting, keys, aws_secret_access_key="x").list_clusters()
    exported = {
        **trusting.environment,
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    listed = sdk.run(["aws", "ecs", "list-clusters"], exported)
    assert json.loads(listed.stdout) == {"clusterArns": []}
    # Keys whose owner is let in no more are worth nothing at once.
    data = str(trusting.directory / "data")
    trusting.teal("credentials", "ci", "--remove", "--data-dir", data)
    with pytest.raises(ClientError, match="is let in no more"):
        _ecs(trusting, keys).list_clusters()
    trusting.teal("credentials", "ci", "--new", "--data-dir", data, "--role", CI)
    # Nothing of it is in a log.
    assert keys["SecretAccessKey"] not in trusting.log()
    assert keys["SessionToken"] not in trusting.log()


def test_whoever_is_not_let_in_or_proves_nothing(double: Sts, trusting: ControlPlane) -> None:
    server = _server_id(trusting)
    answer = _login(trusting, double.token(double.assume("eve", "x"), server))
    assert answer.status_code == 403
    assert f"--role arn:aws:iam::{ACCOUNT}:role/eve" in answer.json()["message"]
    ci = double.assume("ci", "run-2")
    for token in (
        double.token(ci, "another-control-plane"),
        double.token(replace(ci, secret="t" * 40), server),
        double.token(ci, server)[:-4],
        "invented",
    ):
        assert _login(trusting, token).status_code == 403, token
    assert httpx.post(f"{trusting.endpoint}/_teal/login", content="no json").status_code == 400


def test_sts_away_lets_nobody_in(double: Sts, trusting: ControlPlane) -> None:
    double.instead = lambda handler: handler.send_error(500)
    try:
        token = double.token(double.assume("ci", "run-3"), _server_id(trusting))
        assert _login(trusting, token).status_code == 503
    finally:
        double.instead = None


def test_ten_tries_a_second(tmp_path: Path) -> None:
    now = 1000.0
    keys = ExchangedKeys(lambda: (b"1" * 32,))
    callers = _callers(tmp_path, now, keys)
    login = Login(None, callers, keys, lambda: Wall(now), lambda: Steady(now))

    async def tries(count: int) -> list[int]:
        transport = httpx.ASGITransport(Starlette(routes=[login.route()]))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answers = [await client.post("/_teal/login", json={}) for _ in range(count)]
        return [one.status_code for one in answers]

    assert asyncio.run(tries(int(TRIES) + 2)) == [403] * int(TRIES) + [429] * 2
    now += 1
    assert asyncio.run(tries(int(TRIES) + 1)) == [403] * int(TRIES) + [429]


def _callers(directory: Path, now: float, keys: ExchangedKeys) -> Callers:
    known = replace(with_keys("ci", "viewer"), key_id="", secret="", role=CI)
    save(directory, [known])
    return Callers(directory, "ours", TaskKeys("tasks"), lambda: Wall(now), keys)


def _request(key: ExchangedKey) -> Request:
    signing = SigningKeys(key.key_id, key.secret, key.token)
    return Request("POST", "/", "", sign(signing, "localhost", {}, ""), b"")


def test_expired_rotated_and_of_another_key(tmp_path: Path) -> None:
    now = time.time()
    secrets = [b"1" * 32]
    keys = ExchangedKeys(lambda: tuple(secrets))
    key = keys.issue(CI, "run", now)
    known = _callers(tmp_path, now, keys)
    assert known.identify(_request(key), key.key_id, NOBODY, True).principal.name == "ci/run"
    with pytest.raises(AwsError, match="expired"):
        _callers(tmp_path, now + 3601, keys).identify(_request(key), key.key_id, NOBODY, True)
    secrets.insert(0, b"2" * 32)
    assert keys.find(key.key_id, key.token) == key
    assert keys.issue(CI, "run", now).token != key.token
    secrets.pop()
    assert keys.find(key.key_id, key.token) is None
    with pytest.raises(AwsError, match="security token included in the request is invalid"):
        known.identify(_request(key), key.key_id, NOBODY, True)
    assert key.secret not in repr(key)


@given(st.text(), st.text())
def test_no_text_is_a_session_token(key_id: str, text: str) -> None:
    keys = ExchangedKeys(lambda: (b"1" * 32,))
    for one in (text, f"teal-login1.{text}", f"teal-login1.{text}.{text}"):
        assert keys.find(key_id, one) is None


def test_sts_says_no_path() -> None:
    assert without_path("arn:aws:iam::123456789012:role/a/b/ci") == CI
    assert without_path("arn:aws:iam::123456789012:user/a/ann").endswith(":user/a/ann")
