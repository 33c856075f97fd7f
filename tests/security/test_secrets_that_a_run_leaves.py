"""All that a run leaves behind is searched for its secrets: none is where it does not belong."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import stat
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.engine.runtimes.admin import AdminPlace, ask
from tealmesh.model.errors import EngineError
from tests.security.leaks import Secrets, files, forms, processes
from tests.support.certificates import Authority
from tests.support.identity.sts import ACCOUNT, Sts, sts
from tests.support.machine import BIN, free_port
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.sample import APP, FINISHED, api
from tests.support.waiting import until

TOLD = "DB_PASSWORD"
"""The secret that a failing application writes to its log."""
TELLING = f"import os; print('wrong password:', os.environ['{TOLD}']); raise SystemExit(3)"
KEYS = ("master-key", "task-keys", "link-key", "xds-token", "callers.json")
"""The files of the data directory that are secrets."""
OPERATOR = "the-operators-own-secret/+%"


@given(st.text(min_size=8).filter(lambda one: len(one.encode("utf-8", "ignore")) >= 8))
def test_a_secret_is_found_in_every_form(secret: str) -> None:
    with contextlib.suppress(UnicodeEncodeError):
        plain = secret.encode()
        found = forms(secret)
        for before in (b"", b"x", b"xy", b"xyz"):
            whole = base64.b64encode(before + plain + b"after")
            safe = base64.urlsafe_b64encode(before + plain + b"after")
            assert any(form in whole for form in found.values())
            assert any(form in safe for form in found.values())
        assert any(form in plain for form in found.values())
        assert any(form in json.dumps({"a": secret}).encode() for form in found.values())


class Installed(ControlPlane):
    """One that is started by the installed program, as users do, whose ``/proc`` is looked at."""

    def start(self, **environment: str) -> None:
        data = self.directory / "data"
        argv = [str(BIN / "teal"), "up", "--data-dir", str(data), "--port", str(self.port)]
        argv += ["--xds-port", str(self.xds_port), "--lb-port", str(self.lb_port)]
        argv += ["--config", str(self.config), *self.options, "--verbose"]
        given = {**self.environment, **environment}
        with (self.directory / "up.log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, env=given)
        self.wait_ready()


class Run:
    """What users do, with all that they are answered."""

    def __init__(self, directory: Path, double: Sts) -> None:
        self.secrets = Secrets()
        self.double = double
        self.told: list[tuple[str, bytes]] = []
        self.directory = directory
        (directory / "chat.url").write_text(self._chat())
        self.plane = Installed(directory, self._config(), self._beyond())

    def _chat(self) -> str:
        path = self.secrets.add(
            "the path of a notice's URL", "T0000/B0000/hook-secret-path", "*/chat.url"
        )
        return f"http://127.0.0.1:{free_port()}/services/{path}"

    def _config(self) -> Path:
        config = self.directory / "teal.toml"
        images = {
            "example/sample:0.0.1": [sys.executable, APP, "--version", "1"],
            "example/sample:telling": [sys.executable, "-c", TELLING],
        }
        lines = [f"{json.dumps(name)} = {json.dumps(argv)}" for name, argv in images.items()]
        config.write_text(
            "\n".join(["[images]", *lines])
            + '\n[notices.chat]\nshape = "slack"\nurl_file = "chat.url"\n'
        )
        return config

    def _beyond(self) -> list[str]:
        authority = Authority.make(self.directory / "ca", "ca")
        leaf = authority.issue("server", "mesh.example", "127.0.0.1")
        self.secrets.add("the server's TLS key", _middle(leaf.key), "*/ca/*")
        listen = f"127.0.0.1:{free_port()}"
        options = ["--sts-endpoint", self.double.endpoint, "--listen", listen]
        return [*options, "--tls-cert", str(leaf.chain_file), "--tls-key", str(leaf.key_file)]

    @property
    def data(self) -> Path:
        return self.plane.directory / "data"

    def teal(self, *arguments: str) -> str:
        """What a command prints, which is searched like all other answers."""
        done = self.plane.teal(*arguments, check=False)
        self.told.append((f"teal {' '.join(arguments)}", (done.stdout + done.stderr).encode()))
        return done.stdout

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """What the port answers, which is searched too."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.plane.endpoint + path, body, named)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                # The stream never ends: its first event is all that there is.
                text = answer.read1(1 << 20) if "stream" in path else answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
        self.told.append((path.partition("?")[0], text))
        return bytes(text)

    def give(self) -> None:
        """Values that tasks get, and the files of the data directory."""
        manager, ssm = self.plane.client("secretsmanager"), self.plane.client("ssm")
        own = ("/proc/app/environ", "*/tasks/*/app/log")
        value = self.secrets.add(TOLD, 'pa55-w0rd of the "data" base?&=', *own)
        manager.create_secret(Name="db", SecretString=json.dumps({"password": value}))
        value = self.secrets.add("API_KEY", "ssm-api-key+/=4711", "/proc/app/environ")
        ssm.put_parameter(Name="key", Value=value, Type="SecureString")
        for name in KEYS[:4]:
            (key,) = (self.data / name).read_text().split()
            self.secrets.add(name, key, f"*/data/{name}")
        self.teal("status")
        issued = self.plane.teal("credentials", "ci", "--new", "--data-dir", str(self.data))
        self.secrets.add("a key of teal credentials", _secret(issued.stdout), "*/callers.json")
        mine = self.plane.teal("credentials", "--data-dir", str(self.data))
        self.secrets.add("the owner's key", _secret(mine.stdout), "*/callers.json")

    def issue(self) -> None:
        """Keys of IAM and STS, sessions and tokens of the page."""
        iam = self.plane.client("iam")
        iam.create_user(UserName="ann")
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        self.secrets.add("a key of IAM", key["SecretAccessKey"])
        trust = {"Version": "2012-10-17", "Statement": []}
        iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust))
        found = self.plane.client("sts").assume_role(
            RoleArn="arn:aws:iam::123456789012:role/reader", RoleSessionName="me"
        )["Credentials"]
        self.secrets.add("a key of STS", found["SecretAccessKey"])
        self.secrets.add("a session token of STS", found["SessionToken"])
        code = self.plane.teal("open", "--print").stdout.strip().partition("#code=")[2]
        self.secrets.add("a code of the page", code)
        session = json.loads(self._asked("/_teal/session", {"code": code}))["token"]
        self.secrets.add("a session of the page", session.rpartition(".")[2])
        token = json.loads(self.plane.teal("token", "create", "--json").stdout)["secret"]
        self.secrets.add("a token for a program", token.rpartition(".")[2])
        self.session = f"Teal {session}"
        self._exchange()
        signer = {"aws_access_key_id": key["AccessKeyId"]}
        ann = boto3.client(
            "ecs", "us-east-1", endpoint_url=self.plane.endpoint,
            aws_secret_access_key=key["SecretAccessKey"], **signer,
        )  # fmt: skip
        with pytest.raises(ClientError, match="AccessDenied"):
            ann.list_clusters()

    def _exchange(self) -> None:
        """Keys for a role, by a proof of it."""
        role = f"arn:aws:iam::{ACCOUNT}:role/ci"
        let_in = ["credentials", "runs", "--new", "--role", role, "--data-dir", str(self.data)]
        self.plane.teal(*let_in, "--access", "viewer")
        server = json.loads(self.ask("/_teal/health"))["serverId"]
        proof = self.double.token(self.double.assume("ci", "run-1"), server)
        self.secrets.add("a proof of a role", proof.partition(".")[2])
        self.ask("/_teal/login", json.dumps({"token": proof[:-4]}).encode())
        keys = json.loads(self._asked("/_teal/login", {"token": proof}))
        self.secrets.add("an exchanged key", keys["SecretAccessKey"])
        self.secrets.add("its session token", keys["SessionToken"].rpartition(".")[2])

    def _asked(self, path: str, body: object) -> str:
        """An answer that has a secret by right."""
        text = json.dumps(body).encode()
        with urllib.request.urlopen(self.plane.endpoint + path, text, timeout=20) as answer:
            return str(answer.read().decode())

    def deploy(self) -> None:
        """A system that others made, whose next version fails and says a secret."""
        article = Telling(
            self.plane.client("appmesh"),
            self.plane.client("ecs"),
            self.plane.client("servicediscovery"),
        )
        article.foundation()
        article.start_side("blue")
        article.create_route(blue=1)
        article.ecs.get_waiter("services_stable").wait(
            cluster=article.cluster, services=[article.ecs_service("blue")],
            WaiterConfig={"Delay": 1, "MaxAttempts": 60},
        )  # fmt: skip
        for place, content in processes(str(self.data)):
            self._of_task(place, content)
        self.teal("deploy", "sample", ":telling", "--plan")
        self.teal("deploy", "sample", "--image", "example/sample:telling", "--no-follow")
        until(lambda: api(self.plane).get_deployment("sample")["status"] in FINISHED, seconds=90)
        for file in self.data.glob("tasks/*/.envoy/token.json"):
            bearer = re.findall(r"Bearer ([^\"]+)", file.read_text())[0]
            self.secrets.add(f"token of {file.parts[-3]}", bearer.rpartition(".")[2],
                             "*/.envoy/token.json")  # fmt: skip

    def _of_task(self, place: str, content: bytes) -> None:
        """The credentials of a task's role, which it asks for as an application does."""
        variables = dict(v.partition(b"=")[::2] for v in content.split(b"\0"))
        token = variables.get(b"AWS_CONTAINER_AUTHORIZATION_TOKEN", b"").decode()
        if place != "/proc/app/environ" or token in self.secrets.values.values():
            return
        url = variables[b"AWS_CONTAINER_CREDENTIALS_FULL_URI"].decode()
        request = urllib.request.Request(url, headers={"authorization": token})
        with urllib.request.urlopen(request, timeout=20) as answer:
            keys = json.load(answer)
        self.secrets.add("a task's token for its role", token, "/proc/*/environ")
        self.secrets.add("a key of the task's role", keys["SecretAccessKey"])
        self.secrets.add("a session token of the task's role", keys["Token"])

    def look(self) -> None:
        """Whatever there is to look at."""
        for command in ("status", "envoys", "events", "doctor", "token list", "keys show"):
            self.teal(*command.split(), "--json")
        for command in ("explain", "evidence", "history"):
            self.teal(command, "sample")
        self.teal("evidence", "sample", "-o", str(self.directory / "evidence.html"))
        for path in ("/_teal/health", "/_teal/metrics"):
            self.ask(path)
        self.ask("/_teal/stream", authorization=self.session)
        for operation in ("ListEvents", "ListEnvoys", "GetStatus", "ListTokens", "ListCallers"):
            self.ask(f"/_teal/api/{operation}", b"{}", authorization=self.session)
        ecs = self.plane.client("ecs")
        for status in ("RUNNING", "STOPPED"):
            found = ecs.list_tasks(cluster="article", desiredStatus=status)["taskArns"]
            said = ecs.describe_tasks(cluster="article", tasks=found) if found else {}
            self.told.append(("DescribeTasks", str(said).encode()))
        said = ecs.describe_services(cluster="article", services=["article-sample-green"])
        self.told.append(("DescribeServices", str(said).encode()))

    async def dump(self) -> None:
        """What Envoys tell whoever may ask them everything."""
        for socket in self.data.glob("tasks/*/.envoy/admin.sock"):
            place = AdminPlace.of(socket.parents[1], "")
            for path in ("/config_dump?include_eds", "/server_info", "/clusters"):
                with contextlib.suppress(EngineError):  # it has stopped, of the failed version
                    self.told.append((f"Envoy's {path}", (await ask(place, path)).text.encode()))

    def wrong(self) -> None:
        """Requests that fail, with secrets in every part of them."""
        mine = self.secrets.add("a secret of a wrong request", "given-in-a-wrong-request/+=")
        quoted = urllib.parse.quote(mine, safe="")
        for path in (f"/_teal/decide?token={quoted}", f"/x?X-Amz-Security-Token={quoted}"):
            self.ask(path, authorization=f"Teal {mine}", x_amz_security_token=mine)
        self.ask("/_teal/session", json.dumps({"code": mine}).encode())
        self.ask("/_teal/login", json.dumps({"token": mine}).encode())
        self.ask("/_teal/api/GetLogs", mine.encode(), authorization=self.session)
        self.ask(
            "/_teal/api/GetLogs", json.dumps({mine: mine}).encode(), authorization=self.session
        )
        self.told.pop()
        scope = "Credential=AKID/20261127/us-east-1/{}/aws4_request"
        for service, target in (
            ("secretsmanager", "secretsmanager.CreateSecret"),
            ("ecs", "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition"),
            ("ssm", "AmazonSSM.PutParameter"),
        ):
            signed = f"AWS4-HMAC-SHA256 {scope.format(service)}, SignedHeaders=host, Signature=0"
            for body in (
                json.dumps({"SecretString": mine, "Value": mine, "Name": 1}),
                json.dumps({"family": "f", "containerDefinitions": [{"environment": mine}]}),
                mine,
            ):
                # Whoever sends a value may be told it; nobody else is.
                self.ask(
                    "/", body.encode(), authorization=signed, x_amz_target=target,
                    content_type="application/x-amz-json-1.1",
                )  # fmt: skip
                self.told.pop()

    def left(self) -> Iterator[tuple[str, bytes]]:
        """All that there is to search."""
        yield from files(self.directory)
        yield from processes(str(self.data))
        yield from self.told


class Telling(Article):
    """The system, whose application has secrets."""

    def task_definition(self, side: str) -> dict[str, Any]:
        made = super().task_definition(side)
        stored = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"
        made["containerDefinitions"][0]["secrets"] = [
            {"name": TOLD, "valueFrom": f"{stored}:password::"},
            {"name": "API_KEY", "valueFrom": "key"},
        ]
        return made


def _secret(printed: str) -> str:
    return str(json.loads(printed)["SecretAccessKey"])


def _middle(pem: str) -> str:
    """A line of a PEM file that is the key's alone."""
    return pem.strip().splitlines()[1]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    for name in ("ca", "sts"):
        (tmp_path / name).mkdir()
    with sts(tmp_path / "sts") as double:
        yield from _run(Run(tmp_path, double))


def _run(started: Run) -> Iterator[Run]:
    started.secrets.add("the operator's variable", OPERATOR, "/proc/[0-9]*/environ")
    try:
        authority = str(started.double.authority.file)
        started.plane.start(OPERATORS_TOKEN=OPERATOR, AWS_CA_BUNDLE=authority)
        yield started
    finally:
        started.plane.down()


@pytest.mark.timeout(240)
def test_nothing_secret_is_where_it_does_not_belong(run: Run) -> None:
    run.give()
    run.issue()
    run.deploy()
    run.wrong()
    run.look()
    asyncio.run(run.dump())
    assert len(run.secrets.values) > 15
    left = list(run.left())
    places = {place.rpartition("/")[2] for place, _ in left}
    assert {"state.db", "moto.jsonl", "up.log", "environ", "log", "evidence.html"} <= places
    assert "config_dump?include_eds" in places
    assert run.secrets.found(left) == []
    # A secret that were there would be found: each of those that have a place of their own is.
    run.secrets.homes = dict.fromkeys(run.secrets.homes, frozenset())
    found = {one.partition(" (")[0] for one in run.secrets.found(left)}
    assert {*KEYS[:4], TOLD, "API_KEY", "the owner's key", "the server's TLS key"} <= found
    for name in (*KEYS, "state.db", "moto.jsonl"):
        assert stat.S_IMODE((run.data / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(run.data.stat().st_mode) == 0o700
