"""AWS is played by our own cloud: the control plane in production runs inside of it."""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.cloud import NAME, PLANE_IMAGE, Cloud, played
from tests.support.programs.images import control_plane_image
from tests.support.programs.podman import needs_engine
from tests.support.programs.terraform import NO_TERRAFORM, Terraform, terraform_binary
from tests.support.waiting import until

pytestmark = [
    needs_engine,
    pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM),
    pytest.mark.drill,
    pytest.mark.timeout(900),
]


def test_it(tmp_path: Path) -> None:
    t0 = time.time()
    def mark(what: str) -> None:
        print(f"{time.time() - t0:.0f}s {what}", flush=True)
    with played(tmp_path) as cloud:
        control_plane_image(cloud.engine, tmp_path, PLANE_IMAGE)
        mark("image")
        cloud.start_database()
        cloud.start()
        mark("cloud")
        control = cloud.terraform(
            "control-plane",
            image=PLANE_IMAGE,
            secrets_arn=cloud.make_secret(),
            database_url=cloud.database_url.replace("/postgres", "/postgres?sslmode=disable"),
            deletion_protection=False,
            environment={
                "TEAL_SERVE_STS_ENDPOINT": cloud.sts,
                "AWS_CA_BUNDLE": "/keys/teal/authority.pem",
            },
        )
        try:
            control.apply()
        finally:
            mark("applied")
            print(cloud.plane.log()[-6000:])
            for d in (tmp_path/"aws"/"data").rglob("log"):
                print("==", d, d.read_text()[-3000:])
        print(control.outputs())
        print(control.changes())
        api = cloud.api("teal")
        print(api)
        mark("planned")
        import subprocess
        from tests.rehearsal.cloud import environment
        from tests.support import sdk
        print(sdk.run(["teal","status"], environment(cloud, api), check=False))
        time.sleep(5)
        print(sdk.run(["teal","status"], environment(cloud, api), check=False))
        for d in (tmp_path/"aws"/"data").rglob("log"):
            print("==", d, d.read_text()[-3000:])
        control.destroy()
        mark("destroyed")
