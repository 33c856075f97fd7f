"""DescribeNetworkInterfaces of EC2: moto's interfaces, and those of our tasks.

An interface of a task is ECS's: other operations on it are refused, as on AWS
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html).
The protocol: https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

from tealmesh.aws.gateway import Fallback
from tealmesh.aws.signing import identify
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.aws.xml import extended, tag
from tealmesh.model.clients import Connect
from tealmesh.seams.interfaces import Filter, Interface, Subnet, interfaces, passes
from tealmesh.store import Store

_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_NAMED = re.compile(r"NetworkInterfaceId\.\d+")
_REQUESTER = "amazon-ecs"
_UNKNOWN = Subnet("", "", "")


class NetworkInterfaces:
    """Answers for EC2 what is about interfaces of tasks; everything else by ``rest``."""

    def __init__(self, store: Store, connect: Connect, rest: Fallback) -> None:
        self._store = store
        self._connect = connect
        self._rest = rest

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        """Answer ``request``; never raises for what the caller did wrong."""
        fields = _fields(request) if service == "ec2" else []
        describes = ("Action", "DescribeNetworkInterfaces") in fields
        named = dict(fields).get("NetworkInterfaceId", "")
        if not describes and not named:
            return await self._rest.answer(request, service, request_id)
        region = identify(request, (), request_id).caller.region
        ours = {one.id: one for one in interfaces(self._store.view, region)}
        if describes:
            return await self._describe(request, request_id, fields, ours, region)
        if named not in ours:
            return await self._rest.answer(request, service, request_id)
        text = f"The network interface '{named}' is managed by Amazon ECS: stop its task instead"
        return _refused("OperationNotPermitted", text, request_id)

    async def _describe(
        self,
        request: Request,
        request_id: str,
        fields: list[tuple[str, str]],
        ours: dict[str, Interface],
        region: str,
    ) -> Response:
        named = [value for name, value in fields if _NAMED.fullmatch(name)]
        found = [ours[one] for one in named if one in ours] if named else list(ours.values())
        if named and len(found) == len(named):
            response = _alone(request_id)
        else:
            kept = [(n, v) for n, v in fields if v not in ours or not _NAMED.fullmatch(n)]
            body = urlencode(kept).encode()
            headers = {**request.headers, "content-length": str(len(body))}
            headers["content-type"] = "application/x-www-form-urlencoded"
            asked = replace(request, body=body, query="", headers=headers, method="POST")
            response = await self._rest.answer(asked, "ec2", request_id)
            if response.status >= 400:
                return response
        if any(name == "NextToken" for name, _ in fields) or not found:
            return response  # ours stand on the first page
        subnets = await asyncio.to_thread(self._subnets, region, {one.subnet for one in found})
        filters = list(_filters(fields))
        items = [
            _item(one, subnets.get(one.subnet, _UNKNOWN))
            for one in found
            if passes(one, subnets.get(one.subnet, _UNKNOWN), filters)
        ]
        return extended(response, "networkInterfaceSet", items)

    def _subnets(self, region: str, wanted: set[str]) -> dict[str, Subnet]:
        """What EC2 knows of subnets; nothing of those that it does not know. Blocking."""
        client = self._connect("ec2", region)
        known = client.describe_subnets(Filters=[{"Name": "subnet-id", "Values": sorted(wanted)}])
        described = known["Subnets"]
        vpcs = sorted({one["VpcId"] for one in described})
        groups = client.describe_security_groups(
            Filters=[
                {"Name": "vpc-id", "Values": vpcs or ["none"]},
                {"Name": "group-name", "Values": ["default"]},
            ]
        )["SecurityGroups"]
        default = {group["VpcId"]: group["GroupId"] for group in groups}
        return {
            one["SubnetId"]: Subnet(
                one["VpcId"], one["AvailabilityZone"], default.get(one["VpcId"], "")
            )
            for one in described
        }


def _fields(request: Request) -> list[tuple[str, str]]:
    fields = parse_qsl(request.query, keep_blank_values=True)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return fields


def _filters(fields: list[tuple[str, str]]) -> Iterator[Filter]:
    known = dict(fields)
    for name, value in fields:
        if match := re.fullmatch(r"Filter\.(\d+)\.Name", name):
            prefix = f"Filter.{match[1]}.Value."
            yield value, [v for n, v in known.items() if n.startswith(prefix)]


def _item(one: Interface, subnet: Subnet) -> str:
    """The ``<item>`` of an interface. A public address is the private one, where it is reached."""
    groups: Sequence[str] = one.groups or tuple(filter(None, [subnet.default_group]))
    attached = datetime.fromtimestamp(one.attached, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    public = ""
    if one.public:
        public = tag(
            "association",
            tag("ipOwnerId", "amazon") + tag("publicDnsName", "") + tag("publicIp", one.address),
        )
    attachment = "".join(
        [
            tag("attachTime", attached),
            tag("attachmentId", f"eni-attach-{one.id.removeprefix('eni-')}"),
            tag("deleteOnTermination", "false"),
            tag("deviceIndex", "1"),
            tag("instanceOwnerId", _REQUESTER),
            tag("status", "attached"),
        ]
    )
    address = "".join(
        [
            public,
            tag("primary", "true"),
            tag("privateDnsName", one.private_name),
            tag("privateIpAddress", one.address),
        ]
    )
    return tag(
        "item",
        "".join(
            [
                public,
                tag("attachment", attachment),
                tag("availabilityZone", subnet.zone),
                tag("description", one.description),
                tag("groupSet", "".join(tag("item", tag("groupId", g)) for g in groups)),
                tag("interfaceType", "interface"),
                tag("ipv6AddressesSet", ""),
                tag("macAddress", one.mac),
                tag("networkInterfaceId", one.id),
                tag("ownerId", one.account),
                tag("privateDnsName", one.private_name),
                tag("privateIpAddress", one.address),
                tag("privateIpAddressesSet", tag("item", address)),
                tag("requesterId", _REQUESTER),
                tag("requesterManaged", "true"),
                tag("sourceDestCheck", "true"),
                tag("status", "in-use"),
                tag("subnetId", one.subnet),
                tag("tagSet", ""),
                tag("vpcId", subnet.vpc),
            ]
        ),
    )


def _alone(request_id: str) -> Response:
    """An answer without any interface."""
    name = "DescribeNetworkInterfacesResponse"
    inner = f"<requestId>{request_id}</requestId><networkInterfaceSet></networkInterfaceSet>"
    xml = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{_NAMESPACE}">{inner}</{name}>'
    return Response(200, {"content-type": "text/xml"}, xml.encode())


def _refused(code: str, text: str, request_id: str) -> Response:
    fields = f"<Code>{code}</Code><Message>{escape(text)}</Message>"
    inner = f"<Errors><Error>{fields}</Error></Errors><RequestID>{request_id}</RequestID>"
    xml = f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'
    return Response(400, {"content-type": "text/xml"}, xml.encode())
