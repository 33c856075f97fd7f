"""What moto answers otherwise than AWS, where Terraform would show a change or stumble."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tealmesh.aws.clients import client
from tealmesh.aws.moto.backend import Moto
from tests.aws.demo import build_demo
from tests.support.programs.server import serve


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    moto = Moto()
    app, _ = build_demo(moto)
    with serve(app) as address:
        yield address
    moto.close()


def test_a_hosted_zone_with_a_vpc_is_private_and_tells_the_vpc(url: str) -> None:
    route53 = client("route53", url)
    vpc = {"VPCRegion": "us-east-1", "VPCId": "vpc-1"}
    made = route53.create_hosted_zone(Name="a.local", CallerReference="1", VPC=vpc)
    zone = route53.get_hosted_zone(Id=made["HostedZone"]["Id"])
    assert (zone["HostedZone"]["Config"]["PrivateZone"], zone["VPCs"]) == (True, [vpc])
    public = route53.create_hosted_zone(Name="a.example", CallerReference="2")
    assert public["HostedZone"]["Config"]["PrivateZone"] is False
