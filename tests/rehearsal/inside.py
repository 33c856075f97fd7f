"""The control plane inside: examples/control-plane, applied to the cloud."""

from __future__ import annotations

import json
import ssl
import subprocess
from typing import Any

import boto3
import httpx
import psycopg

from tealmesh.engine.runtimes.process.addresses import load_balancer_pair
from tealmesh.model.arn import DEFAULT_REGION
from tests.rehearsal.cloud import PLANE_IMAGE, Cloud
from tests.support import sdk
from tests.support.machine import BIN
from tests.support.programs.postgres import plain
from tests.support.waiting import until

NAME = "teal.control.local"
"""Of the control plane in Cloud Map, as examples/control-plane makes it."""

PATIENCE = 300.0
"""Seconds: machines that run tests may be busy."""


class Inside:
    """The control plane that tasks of a cloud are, found by its load balancer and by Cloud Map."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.keys = cloud.directory / "keys"
        self.terraform = cloud.terraform(
            "control-plane",
            image=PLANE_IMAGE,
            secrets_arn=self._make_secret(),
            database_url=cloud.database_url,
            deletion_protection=False,
            environment={
                "TEAL_SERVE_STS_ENDPOINT": cloud.sts,
                "AWS_CA_BUNDLE": "/keys/teal/authority.pem",
            },
        )
        self.terraform.apply()
        self.endpoint = f"https://{cloud.listener('teal', 8443)}"
        """Its API, by its load balancer."""

    def _make_secret(self) -> str:
        """What `teal keys bundle` prints, as a secret; returns its ARN."""
        # A load balancer on this machine has one of these addresses, the first of its network.
        local = [load_balancer_pair(octet, 0).address for octet in range(256)]
        authority = self.cloud.authority
        own = authority.issue("tls", NAME, *local)
        files = [own.chain_file, own.key_file, authority.file]
        beside = [argument for file in files for argument in ("--with", str(file))]
        text = subprocess.run(
            [str(BIN / "teal"), "keys", "bundle", "--data-dir", str(self.keys), *beside],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        secrets = self.cloud.plane.client("secretsmanager")
        return str(secrets.create_secret(Name="teal", SecretString=text)["ARN"])

    @property
    def owner(self) -> tuple[str, str]:
        """The keys of whoever made its secret."""
        (owner, *_) = json.loads((self.keys / "callers.json").read_text())["callers"]
        return owner["keyId"], owner["secret"]

    def teal(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``teal`` against it, from outside."""
        key, secret = self.owner
        environment = {
            **sdk.environment(self.endpoint),
            "TEAL_ENDPOINT": self.endpoint,
            "TEAL_CA_BUNDLE": str(self.cloud.authority.file),
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
        }
        return sdk.run(["teal", *arguments], environment, check=check)

    def client(self, service: str) -> Any:
        """A boto3 client of it, with its owner's keys."""
        key, secret = self.owner
        return boto3.client(
            service,
            region_name=DEFAULT_REGION,
            endpoint_url=self.endpoint,
            verify=str(self.cloud.authority.file),
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    def provider(self) -> str:
        """The provider `aws.mesh`, whose App Mesh it is. EC2 is asked when a provider starts."""
        key, secret = self.owner
        return f"""
provider "aws" {{
  alias                       = "mesh"
  access_key                  = {json.dumps(key)}
  secret_key                  = {json.dumps(secret)}
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true

  endpoints {{
    appmesh = {json.dumps(self.endpoint)}
    ec2     = {json.dumps(self.cloud.plane.endpoint)}
  }}
}}
"""

    def ready(self) -> bool:
        """Whether a replica says that it may be given calls."""
        trusted = ssl.create_default_context(cafile=str(self.cloud.authority.file))
        try:
            answer = httpx.get(f"{self.endpoint}/_teal/ready", verify=trusted)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def replicas(self) -> dict[str, str]:
        """The state of the control plane's tasks, by their ids."""
        ecs = self.cloud.plane.client("ecs")
        arns = ecs.list_tasks(cluster="control", serviceName="teal")["taskArns"]
        shown = ecs.describe_tasks(cluster="control", tasks=arns)["tasks"] if arns else []
        return {one["taskArn"].rpartition("/")[2]: one["lastStatus"] for one in shown}

    def kill_replica(self) -> None:
        """Kill the process of one, and wait until ECS has replaced it."""
        killed = min(self.replicas())
        names = self.cloud.containers().values()
        name = next(one for one in names if one.endswith(f"{killed}-teal"))
        self.cloud.engine.run("kill", "--signal", "KILL", name)

        def replaced() -> bool:
            now = self.replicas()
            return killed not in now and list(now.values()) == ["RUNNING"] * 2

        until(replaced, lambda: (killed, self.replicas()), PATIENCE)
        until(self.ready, seconds=PATIENCE)

    def restart_database(self) -> None:
        """Stop PostgreSQL until it is missed, and start it again."""
        self.cloud.database.stop()
        until(lambda: not self.ready(), seconds=PATIENCE)
        self.cloud.database.start()
        until(self.ready, seconds=PATIENCE)

    def destroy(self) -> None:
        """Destroy it; nothing of it, or of what it configured, is left."""
        self.terraform.destroy()
        until(lambda: not self.cloud.left(), self.cloud.left, PATIENCE)
        with psycopg.connect(plain(self.cloud.database.url)) as connection:
            kept = connection.execute(
                "SELECT collection FROM documents WHERE collection LIKE 'appmesh.%'"
            ).fetchall()
        assert kept == []
