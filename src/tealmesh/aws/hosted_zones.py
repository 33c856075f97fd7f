"""Route 53: moto's hosted zones, and those of Cloud Map's namespaces.

A namespace's zone can be read as any other; only Cloud Map changes it.
The protocol: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qs, unquote

from tealmesh.apis.servicediscovery.hosted_zones import (
    HostedZone,
    RecordSet,
    hosted_zones,
    name_order,
    record_sets,
)
from tealmesh.aws.gateway import Fallback
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.aws.xml import extended, tag, with_body
from tealmesh.store import Store

_NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
_PATH = re.compile(r"/2013-04-01/(hostedzone\w*|tags/hostedzone)(?:/([^/]+))?(/rrset)?/?(.*)")
_ZONE = re.compile(rb"<HostedZone>.*?</HostedZone>", re.DOTALL)
_SERVICE = "servicediscovery.amazonaws.com"
_MOST = 300


class HostedZones:
    """Answers for Route 53 what is about zones of namespaces; everything else by ``rest``."""

    def __init__(self, store: Store, rest: Fallback) -> None:
        self._store = store
        self._rest = rest

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        """Answer ``request``; never raises for what the caller did wrong."""
        path = unquote(request.path).replace("//hostedzone/", "/")
        match = _PATH.fullmatch(path) if service == "route53" else None
        if match is None:
            return await self._rest.answer(request, service, request_id)
        what, identity, records, more = match.groups()
        zones = {zone.id: zone for zone in hosted_zones(self._store.view)}
        if identity is None:
            return await self._listed(request, request_id, what, list(zones.values()))
        if identity not in zones:
            return await self._rest.answer(request, service, request_id)
        zone = zones[identity]
        if request.method != "GET" or more:
            return self._managed(zone, request_id)
        if what == "tags/hostedzone":
            tags = tag("ResourceType", "hostedzone") + tag("ResourceId", identity)
            return _answer("ListTagsForResource", tag("ResourceTagSet", tags + "<Tags/>"))
        if records:
            return self._records(zone, parse_qs(request.query))
        vpcs = tag("VPCs", _vpc(zone)) if zone.private else ""
        return _answer("GetHostedZone", _described(zone) + vpcs)

    async def _listed(
        self, request: Request, request_id: str, what: str, zones: Sequence[HostedZone]
    ) -> Response:
        """An answer of moto's with the zones of namespaces among its own."""
        response = await self._rest.answer(request, "route53", request_id)
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        if request.method != "GET" or response.status >= 400 or "marker" in query:
            return response
        body = response.body
        if what == "hostedzonecount":
            count = re.sub(
                rb"<HostedZoneCount>(\d+)<",
                lambda found: b"<HostedZoneCount>%d<" % (int(found[1]) + len(zones)),
                body,
            )
            return with_body(response, count)
        if what == "hostedzonesbyvpc":
            ours = [_summary(zone) for zone in zones if zone.vpc == query.get("vpcid")]
            return extended(response, "HostedZoneSummaries", ours)
        shown = [_described(zone) for zone in zones]
        if what == "hostedzonesbyname":
            wanted = name_order(query.get("dnsname", ""))
            shown += [chunk.decode() for chunk in _ZONE.findall(body)]
            shown = sorted(
                (one for one in shown if name_order(_name(one)) >= wanted or wanted == ("",)),
                key=lambda one: name_order(_name(one)),
            )
            response = with_body(response, _ZONE.sub(b"", body))
        return extended(response, "HostedZones", shown)

    def _records(self, zone: HostedZone, query: dict[str, list[str]]) -> Response:
        """ListResourceRecordSets, from the name, type and identifier that the page begins with."""
        begin = (
            name_order(query["name"][0]) if "name" in query else (),
            query.get("type", [""])[0],
            query.get("identifier", [""])[0],
        )
        sent = query.get("maxitems", [""])[0]
        most = min(_MOST, int(sent)) if sent.isdecimal() and int(sent) else _MOST
        found = [
            one
            for one in record_sets(self._store.view, zone.id)
            if (name_order(one.name), one.kind, one.instance) >= begin
        ]
        page, after = found[:most], found[most : most + 1]
        inner = tag("ResourceRecordSets", "".join(map(_record_set, page)))
        inner += tag("IsTruncated", "true" if after else "false") + tag("MaxItems", str(most))
        for one in after:
            inner += tag("NextRecordName", one.name) + tag("NextRecordType", one.kind)
            if one.instance:
                inner += tag("NextRecordIdentifier", one.instance)
        return _answer("ListResourceRecordSets", inner)

    def _managed(self, zone: HostedZone, request_id: str) -> Response:
        text = (
            f"The resource hostedzone/{zone.id} can only be managed through {_SERVICE}"
            f" ({zone.namespace})"
        )
        fields = tag("Type", "Sender") + tag("Code", "AccessDenied") + tag("Message", text)
        inner = tag("Error", fields) + tag("RequestId", request_id)
        xml = f'<?xml version="1.0"?><ErrorResponse xmlns="{_NAMESPACE}">{inner}</ErrorResponse>'
        return Response(403, {"content-type": "text/xml"}, xml.encode())


def _described(zone: HostedZone) -> str:
    config = tag("Comment", "Created by AWS Cloud Map namespace with ARN " + zone.namespace)
    config += tag("PrivateZone", "true" if zone.private else "false")
    linked = tag("ServicePrincipal", _SERVICE) + tag("Description", zone.namespace)
    return tag(
        "HostedZone",
        tag("Id", f"/hostedzone/{zone.id}")
        + tag("Name", zone.name)
        + tag("CallerReference", zone.created_by)
        + tag("Config", config)
        + tag("ResourceRecordSetCount", str(zone.records))
        + tag("LinkedService", linked),
    )


def _summary(zone: HostedZone) -> str:
    owner = tag("OwningService", _SERVICE)
    inner = tag("HostedZoneId", zone.id) + tag("Name", zone.name) + tag("Owner", owner)
    return tag("HostedZoneSummary", inner)


def _vpc(zone: HostedZone) -> str:
    return tag("VPC", tag("VPCRegion", zone.region) + tag("VPCId", zone.vpc))


def _record_set(one: RecordSet) -> str:
    policy = ""
    if one.instance:
        policy = tag("SetIdentifier", one.instance)
        policy += tag("Weight", "1") if one.weighted else tag("MultiValueAnswer", "true")
    values = "".join(tag("ResourceRecord", tag("Value", value)) for value in one.values)
    return tag(
        "ResourceRecordSet",
        tag("Name", one.name)
        + tag("Type", one.kind)
        + policy
        + tag("TTL", str(one.ttl))
        + tag("ResourceRecords", values),
    )


def _name(described: str) -> str:
    match = re.search(r"<Name>(.*?)</Name>", described)
    return match[1] if match else ""


def _answer(operation: str, inner: str) -> Response:
    name = f"{operation}Response"
    xml = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{_NAMESPACE}">{inner}</{name}>'
    return Response(200, {"content-type": "text/xml"}, xml.encode())
