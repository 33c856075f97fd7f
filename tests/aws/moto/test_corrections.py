"""What moto answers otherwise than AWS, where Terraform would show a change or stumble."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tealmesh.aws.clients import client
from tealmesh.aws.moto.backend import Moto
from tests.aws.demo import InThreads, build_demo
from tests.support.programs.server import serve


def test_a_hosted_zone_with_a_vpc_is_private_and_tells_the_vpc(url: str) -> None:
    route53 = client("route53", url)
    vpc = {"VPCRegion": "us-east-1", "VPCId": "vpc-1"}
    made = route53.create_hosted_zone(Name="a.local", CallerReference="1", VPC=vpc)
    zone = route53.get_hosted_zone(Id=made["HostedZone"]["Id"])
    assert (zone["HostedZone"]["Config"]["PrivateZone"], zone["VPCs"]) == (True, [vpc])
    public = route53.create_hosted_zone(Name="a.example", CallerReference="2")
    assert public["HostedZone"]["Config"]["PrivateZone"] is False
    for one in (made, public):  # moto's state is the process's, and other tests count zones
        route53.delete_hosted_zone(Id=one["HostedZone"]["Id"])


def test_a_launch_template_has_its_own_tags_apart_from_those_of_instances(url: str) -> None:
    ec2 = client("ec2", url)
    own = {"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}
    theirs = {"ResourceType": "instance", "Tags": [{"Key": "c", "Value": "d"}]}
    data = {"ImageId": "ami-1", "TagSpecifications": [theirs]}
    made = ec2.create_launch_template(
        LaunchTemplateName="tags", LaunchTemplateData=data, TagSpecifications=[own]
    )
    assert made["LaunchTemplate"]["Tags"] == own["Tags"]
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateName="tags")[
        "LaunchTemplateVersions"
    ]
    assert version["LaunchTemplateData"]["TagSpecifications"] == [theirs]


def test_a_group_keeps_what_it_launches_and_its_instances_are_refreshed(url: str) -> None:
    ec2, groups = client("ec2", url), client("autoscaling", url)
    ec2.create_launch_template(LaunchTemplateName="group", LaunchTemplateData={"ImageId": "ami-1"})
    specification = {"LaunchTemplateName": "group", "Version": "1"}
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    groups.create_auto_scaling_group(
        AutoScalingGroupName="g", MinSize=0, MaxSize=1, VPCZoneIdentifier=subnet,
        MixedInstancesPolicy={"LaunchTemplate": {"LaunchTemplateSpecification": specification}},
    )  # fmt: skip
    groups.update_auto_scaling_group(AutoScalingGroupName="g", MaxSize=2)
    (group,) = groups.describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"]
    policy = group["MixedInstancesPolicy"]
    assert policy["LaunchTemplate"]["LaunchTemplateSpecification"]["Version"] == "1"
    assert policy["InstancesDistribution"]["OnDemandPercentageAboveBaseCapacity"] == 100
    with pytest.raises(ClientError, match="ActiveInstanceRefreshNotFound"):
        groups.cancel_instance_refresh(AutoScalingGroupName="g")
    started = groups.start_instance_refresh(AutoScalingGroupName="g")["InstanceRefreshId"]
    shown = groups.describe_instance_refreshes(AutoScalingGroupName="g")["InstanceRefreshes"]
    assert [(r["InstanceRefreshId"], r["Status"]) for r in shown] == [(started, "Successful")]
    with pytest.raises(ClientError, match="name not found - other"):
        groups.start_instance_refresh(AutoScalingGroupName="other")


@pytest.mark.parametrize(("kind", "part"), [("application", "app"), ("network", "net")])
def test_a_load_balancer_has_an_interface_in_each_subnet(url: str, kind: str, part: str) -> None:
    ec2, elb = client("ec2", url), client("elbv2", url)
    subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]]
    (made,) = elb.create_load_balancer(Name=f"in-{part}", Subnets=subnets[:2], Type=kind)[
        "LoadBalancers"
    ]
    arn = made["LoadBalancerArn"]
    suffix = arn.partition(":loadbalancer/")[2]
    assert suffix.startswith(f"{part}/in-{part}/")

    def interfaces() -> list[str]:
        ours = [{"Name": "description", "Values": [f"ELB {suffix}"]}]
        found = ec2.describe_network_interfaces(Filters=ours)["NetworkInterfaces"]
        assert all(one["PrivateIpAddress"] and one["RequesterManaged"] for one in found)
        return sorted(one["SubnetId"] for one in found)

    assert interfaces() == sorted(subnets[:2])
    elb.set_subnets(LoadBalancerArn=arn, Subnets=subnets[1:3])
    assert interfaces() == sorted(subnets[1:3])
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert interfaces() == []


def test_a_private_certificate_is_issued_by_the_authority_that_it_names(tmp_path: Path) -> None:
    journal = tmp_path / "moto.jsonl"
    with moto_at(journal) as url:
        arn = authority(url)
        early = request(url, arn)
        activate(url, arn)
        late = request(url, arn)
        check_issued(url, early, arn)
        check_issued(url, late, arn)
    with moto_at(journal) as url:
        check_issued(url, late, arn)


@contextlib.contextmanager
def moto_at(journal: Path) -> Iterator[str]:
    moto = Moto(journal)
    app, _ = build_demo(InThreads(moto))
    with serve(app) as address:
        yield address
    moto.close()


def authority(url: str) -> str:
    """The ARN of a root authority that has no certificate yet."""
    pca = client("acm-pca", url)
    configuration = {
        "KeyAlgorithm": "RSA_2048",
        "SigningAlgorithm": "SHA256WITHRSA",
        "Subject": {"CommonName": "root"},
    }
    arn = pca.create_certificate_authority(
        CertificateAuthorityType="ROOT", CertificateAuthorityConfiguration=configuration
    )["CertificateAuthorityArn"]
    return str(arn)


def request(url: str, authority: str) -> str:
    """The ARN of a private certificate of ACM."""
    asked = {"DomainName": "a.local", "CertificateAuthorityArn": authority}
    return str(client("acm", url).request_certificate(**asked)["CertificateArn"])


def activate(url: str, arn: str) -> None:
    """Give a root authority the certificate that it issues for itself."""
    pca = client("acm-pca", url)
    issued = pca.issue_certificate(
        CertificateAuthorityArn=arn,
        Csr=pca.get_certificate_authority_csr(CertificateAuthorityArn=arn)["Csr"].encode(),
        SigningAlgorithm="SHA256WITHRSA",
        TemplateArn="arn:aws:acm-pca:::template/RootCACertificate/V1",
        Validity={"Value": 10, "Type": "YEARS"},
    )["CertificateArn"]
    own = pca.get_certificate(CertificateAuthorityArn=arn, CertificateArn=issued)["Certificate"]
    pca.import_certificate_authority_certificate(
        CertificateAuthorityArn=arn, Certificate=own.encode()
    )


def check_issued(url: str, certificate: str, authority: str) -> None:
    root = client("acm-pca", url).get_certificate_authority_certificate(
        CertificateAuthorityArn=authority
    )["Certificate"]
    exported = client("acm", url).export_certificate(
        CertificateArn=certificate, Passphrase=b"secret"
    )
    leaf = x509.load_pem_x509_certificate(exported["Certificate"].encode())
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(root.encode()))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.local"]
    assert exported["CertificateChain"].strip() == root.strip()
    key = serialization.load_pem_private_key(exported["PrivateKey"].encode(), b"secret")
    assert key.public_key() == leaf.public_key()
