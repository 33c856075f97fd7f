"""An Envoy that its owner runs proves by a task's credentials which role it has."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tealmesh.model.identity.issued import TaskKeys
from tests.support import sdk
from tests.support.machine import free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.envoy import ENVOY
from tests.support.waiting import until

ACTION = "appmesh:StreamAggregatedResources"
ROLE = "arn:aws:iam::123456789012:role/own"


def allow(plane: ControlPlane, node: str) -> None:
    resource = f"arn:aws:appmesh:*:*:mesh/m/virtualNode/{node}"
    statement = {"Effect": "Allow", "Action": ACTION, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    plane.client("iam").put_role_policy(RoleName="own", PolicyName="p", PolicyDocument=document)


def shown(plane: ControlPlane) -> Any:
    seen = json.loads(plane.teal("envoys", "--json").stdout)
    return seen[0] if seen else {"connected": False, "note": ""}


def identity(plane: ControlPlane, file: Path) -> None:
    """`teal envoy identity --once` with the credentials of a task of the role."""
    master = (plane.directory / "data" / "task-keys").read_text()
    made = plane.client("iam").get_role(RoleName="own")["Role"]["RoleId"]
    expires = time.time() + 3600
    key = TaskKeys(master).issue("ASIAEXAMPLEEXAMPLE00", ROLE, "laptop", expires, made)
    given = {
        "AWS_ACCESS_KEY_ID": key.key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_SESSION_TOKEN": key.token,
    }
    command = ["teal", "envoy", "identity", "--file", str(file), "--once"]
    sdk.run(command, {**plane.environment, **given})


@pytest.mark.timeout(120)
def test_its_role_decides_what_it_may_be(tmp_path: Path) -> None:
    with control_plane(tmp_path) as plane:
        plane.client("iam").create_role(RoleName="own", AssumeRolePolicyDocument="{}")
        allow(plane, "other")
        appmesh = plane.client("appmesh")
        appmesh.create_mesh(meshName="m")
        appmesh.create_virtual_node(meshName="m", virtualNodeName="web", spec={})
        proof, config = tmp_path / "me.json", tmp_path / "web.json"
        identity(plane, proof)
        assert proof.stat().st_mode & 0o777 == 0o600
        made = {"APPMESH_RESOURCE_ARN": "mesh/m/virtualNode/web"}
        made["ENVOY_ADMIN_ACCESS_PORT"] = str(free_port())
        command = ["teal", "envoy", "bootstrap", "--xds", f"127.0.0.1:{plane.xds_port}"]
        command += ["--identity-file", str(proof), "-o", str(config)]
        sdk.run(command, {**plane.environment, **made})
        assert "teal-sts1" not in config.read_text()
        envoy = subprocess.Popen(
            [str(ENVOY), "-c", str(config), "--use-dynamic-base-id", "-l", "error"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: f"{ROLE} may not {ACTION}" in shown(plane)["note"], plane.log)
            allow(plane, "web")
            until(lambda: shown(plane)["connected"], plane.log)
            assert shown(plane)["id"] == "own/laptop"
            # Deleted and made anew, the role has another unique id.
            iam = plane.client("iam")
            iam.delete_role_policy(RoleName="own", PolicyName="p")
            iam.delete_role(RoleName="own")
            iam.create_role(RoleName="own", AssumeRolePolicyDocument="{}")
            allow(plane, "web")
            until(lambda: "created again" in shown(plane).get("note", ""), plane.log)
            # A file with new credentials is used at the next stream.
            identity(plane, proof)
            until(lambda: shown(plane)["connected"], plane.log)
        finally:
            envoy.kill()
            envoy.wait()
