"""The network interfaces of tasks, as EC2 describes them. Pure.

Tasks have addresses of this machine and no interfaces in a VPC. EC2 shows one for each task with
awsvpc, with the id and the address that the task's attachment has, from the time it has an address
until it has stopped.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tealmesh.model.arn import Arn
from tealmesh.model.ecs.bodies import TaskBody
from tealmesh.store import Reader, tables


@dataclass(frozen=True)
class Subnet:
    """What EC2 knows of a subnet."""

    vpc: str
    zone: str
    """The availability zone."""
    default_group: str
    """The id of the VPC's default security group."""


@dataclass(frozen=True)
class Interface:
    """A task's network interface."""

    id: str
    attachment: str
    task: str
    """The task's ARN."""
    region: str
    subnet: str
    address: str
    mac: str
    private_name: str
    groups: tuple[str, ...]
    """Ids of security groups."""
    public: bool
    attached: float
    """Seconds since the epoch."""
    account: str

    @property
    def description(self) -> str:
        """As ECS describes its interfaces: by their attachment."""
        return f"arn:aws:ecs:{self.region}:{self.account}:attachment/{self.attachment}"


def interfaces(reader: Reader, region: str) -> Iterator[Interface]:
    """The interfaces of a region's tasks."""
    for document in reader.list(tables.TASKS):
        task = document.body
        arn = Arn.parse(task["taskArn"])
        if arn.region == region:
            yield from _of_task(task, arn)


def _of_task(task: TaskBody, arn: Arn) -> Iterator[Interface]:
    for attachment in task.get("attachments", []):
        details = {d["name"]: d["value"] for d in attachment.get("details", [])}
        # A task without awsvpc has no subnet, and on AWS no interface of its own.
        if attachment["status"] != "ATTACHED" or not details.get("subnetId"):
            continue
        yield Interface(
            id=details["networkInterfaceId"],
            attachment=attachment["id"],
            task=task["taskArn"],
            region=arn.region,
            subnet=details["subnetId"],
            address=details["privateIPv4Address"],
            mac=details["macAddress"],
            private_name=details["privateDnsName"],
            groups=tuple(task.get("teal", {}).get("securityGroups", ())),
            public=task.get("teal", {}).get("publicAddress", False),
            attached=task.get("createdAt", 0.0),
            account=arn.account,
        )


Filter = tuple[str, Sequence[str]]
"""The name of a filter, and values of which one must match; ``*`` and ``?`` are wildcards."""


def passes(one: Interface, subnet: Subnet, filters: Iterable[Filter]) -> bool:
    """Whether an interface passes all filters. One that nobody here knows of lets none pass.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
    """
    values = _filtered(one, subnet)
    return all(
        any(fnmatchcase(value, wanted) for value in values.get(name, ()) for wanted in allowed)
        for name, allowed in filters
    )


def _filtered(one: Interface, subnet: Subnet) -> Mapping[str, Sequence[str]]:
    """The values of an interface by the names of filters."""
    groups = one.groups or (subnet.default_group,)
    public = (one.address,) if one.public else ()
    return {
        "addresses.primary": ("true",),
        "addresses.private-ip-address": (one.address,),
        "addresses.association.public-ip": public,
        "association.public-ip": public,
        "attachment.attachment-id": (one.attachment,),
        "attachment.device-index": ("1",),
        "attachment.status": ("attached",),
        "availability-zone": (subnet.zone,),
        "description": (one.description,),
        "group-id": groups,
        "interface-type": ("interface",),
        "mac-address": (one.mac,),
        "network-interface-id": (one.id,),
        "owner-id": (one.account,),
        "private-dns-name": (one.private_name,),
        "private-ip-address": (one.address,),
        "requester-managed": ("true",),
        "source-dest-check": ("true",),
        "status": ("in-use",),
        "subnet-id": (one.subnet,),
        "vpc-id": (subnet.vpc,),
    }
