"""A double of AWS's IAM and ECS for tests, beside that of STS: HTTPS, signatures verified for real.

It answers what a control plane asks about the roles and tasks of its Envoys, as these services do:
IAM by the query protocol, ECS by JSON.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import boto3
from botocore.config import Config

from tealmesh.aws.callers import signatures
from tealmesh.aws.callers.signatures import Key
from tealmesh.aws.wire.codec import Request
from tealmesh.model.errors import AwsError
from tests.support.certificates import Authority
from tests.support.programs.server import https_server, in_thread

ACCOUNT = "123456789012"
REGION = "eu-central-1"
OURS = Key("AKIAEXAMPLEEXAMPLE01", "the-secret-of-the-control-plane")


@dataclass
class Said:
    """What IAM answers about a role and a resource."""

    decision: str = "implicitDeny"
    organization: bool = True
    boundary: bool = True


@dataclass
class Aws:
    """What it knows, and how it misbehaves."""

    authority: Authority
    port: int = 0
    roles: dict[str, str] = field(default_factory=dict)
    """Unique ids, by name."""
    said: dict[tuple[str, str], Said] = field(default_factory=dict)
    """By the ARN of the role and of the resource."""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """As DescribeTasks has them, by ``CLUSTER/ID``."""
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    throttles: bool = False
    asked: list[tuple[str, Any]] = field(default_factory=list)
    """Operations with what was asked."""

    @property
    def endpoint(self) -> str:
        return f"https://localhost:{self.port}"

    def client(self, service: str, key: Key = OURS) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=key.id,
            aws_secret_access_key=key.secret,
            verify=str(self.authority.file),
            config=Config(retries={"max_attempts": 0}),
        )

    def answer(self, request: Request, body: bytes) -> tuple[int, str]:
        """Status and body."""
        target = request.headers.get("x-amz-target", "").rpartition(".")[2]
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        operation = target or form.get("Action", "")
        signed = signatures.read(request)
        try:
            if signed is None or signed.key_id != OURS.id:
                raise AwsError("InvalidClientTokenId", "The security token is invalid.", status=403)
            signatures.verify(request, signed, OURS, time.time(), body)
            if self.throttles:
                raise AwsError("ThrottlingException" if target else "Throttling", "Rate exceeded")
            asked: Any = json.loads(body) if target else form
            self.asked.append((operation, asked))
            known = getattr(self, f"_{operation}", None)
            if known is None:
                raise AwsError("InvalidAction", operation)
            return 200, known(asked)
        except AwsError as error:
            return _refused(error, by_json=bool(target))

    def _GetRole(self, form: dict[str, str]) -> str:  # noqa: N802 - the operation's name
        name = form["RoleName"]
        if name not in self.roles:
            raise AwsError(
                "NoSuchEntity", f"The role with name {name} cannot be found.", status=404
            )
        return _xml(
            "GetRole",
            f"<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>{self.roles[name]}</RoleId>"
            f"<Arn>arn:aws:iam::{ACCOUNT}:role/{name}</Arn>"
            "<CreateDate>2026-11-27T00:00:00Z</CreateDate></Role>",
        )

    def _SimulatePrincipalPolicy(self, form: dict[str, str]) -> str:  # noqa: N802
        role, resource = form["PolicySourceArn"], form["ResourceArns.member.1"]
        if role.rpartition("/")[2] not in self.roles:
            raise AwsError("NoSuchEntity", f"{role} does not exist", status=404)
        said = self.said.get((role, resource), Said())
        organization, boundary = (str(one).lower() for one in (said.organization, said.boundary))
        return _xml(
            "SimulatePrincipalPolicy",
            "<IsTruncated>false</IsTruncated><EvaluationResults><member>"
            f"<EvalActionName>{escape(form['ActionNames.member.1'])}</EvalActionName>"
            f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
            f"<EvalDecision>{said.decision}</EvalDecision><MatchedStatements/>"
            "<MissingContextValues/><OrganizationsDecisionDetail><AllowedByOrganizations>"
            f"{organization}</AllowedByOrganizations></OrganizationsDecisionDetail>"
            "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>"
            f"{boundary}</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>"
            "</member></EvaluationResults>",
        )

    def _DescribeTasks(self, asked: dict[str, Any]) -> str:  # noqa: N802
        places = {one: f"{asked['cluster']}/{one}" for one in asked["tasks"]}
        return json.dumps(
            {
                "tasks": [self.tasks[place] for place in places.values() if place in self.tasks],
                "failures": [
                    {"arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{place}", "reason": "MISSING"}
                    for place in places.values()
                    if place not in self.tasks
                ],
            }
        )

    def _DescribeTaskDefinition(self, asked: dict[str, Any]) -> str:  # noqa: N802
        return json.dumps({"taskDefinition": self.definitions[asked["taskDefinition"]]})


def _xml(operation: str, result: str) -> str:
    return (
        f'<{operation}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<{operation}Result>{result}</{operation}Result><ResponseMetadata><RequestId>1</RequestId>"
        f"</ResponseMetadata></{operation}Response>"
    )


def _refused(error: AwsError, *, by_json: bool) -> tuple[int, str]:
    if by_json:
        return error.status, json.dumps({"__type": error.code, "message": str(error)})
    return error.status, (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{error.code}</Code>"
        f"<Message>{escape(str(error))}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )


@contextlib.contextmanager
def aws(directory: Path) -> Iterator[Aws]:
    """Run it until the end of the block."""
    authority = Authority.make(directory, "aws")
    leaf = authority.issue("localhost", "localhost")
    double = Aws(authority)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, text = double.answer(Request("POST", self.path, "", headers, body), body)
            self.send_response(status)
            self.send_header("content-length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with in_thread(https_server(Handler, leaf)) as double.port:
        yield double
