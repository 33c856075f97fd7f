"""The doors: each takes bytes and raises only what its callers expect: nobody sees a traceback.

A door is pure, so that hypothesis (`make test`) and atheris (`make fuzz`) go through the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import cbor2
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.message import DecodeError

from tealmesh.aws import guard
from tealmesh.aws.callers import actions, signatures
from tealmesh.aws.callers.signatures import Key
from tealmesh.aws.moto import journal
from tealmesh.aws.signing import identify
from tealmesh.aws.wire import codec
from tealmesh.aws.wire.apimodel import Model, load_model
from tealmesh.aws.wire.codec import Request
from tealmesh.aws.wire.validation import validate
from tealmesh.envoy.bootstrap.bootstrap import bootstrap, proxy_of
from tealmesh.model.config.parse import parse_any
from tealmesh.model.errors import AwsError, TealError
from tealmesh.model.identity.envoys import proven
from tealmesh.xds.protocol.session import Session
from tealmesh.xds.protocol.variants import _delta_request, _sotw_request
from tests.security.fuzz.source import Source

NAMES = ("appmesh", "ecs", "servicediscovery", "tealmesh")
MODELS: Mapping[str, Model] = {name: load_model(name) for name in NAMES}
Door = Callable[[bytes], None]

_PIECES = (
    "AWS4-HMAC-SHA256 ", "Credential=", "SignedHeaders=host;x-amz-date", "Signature=", ", ", "/",
    "test/20261127/us-east-1/ecs/aws4_request", "known/20261127/us-east-1/s3/aws4_request", "?",
    "X-Amz-Credential=", "X-Amz-Signature=", "X-Amz-Expires=", "X-Amz-Algorithm=AWS4-HMAC-SHA256",
    "X-Amz-Date=20261127T000000Z", "&", "20261127T000000Z", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "UNSIGNED-PAYLOAD", "Action=", "CreateUser", "http://", "localhost", "[::1]", ":", "[", "]",
    "AmazonEC2ContainerServiceV20141113.", "ListClusters", "v20190125", "meshes", "%2F", "%00",
    "service/", "operation/", "Route53AutoNaming_v20170314", "application/json", "rpc-v2-cbor",
    "application/x-www-form-urlencoded", "_teal", "data-", ".localhost", "..", "@", "#", ";",
    "s3", "AWS ", "AWSAccessKeyId=", "AWSAccessKeyId=x&Signature=", "arn:aws:s3:::", "null",
)  # fmt: skip
_HEADERS = (
    "host", "origin", "authorization", "x-amz-date", "x-amz-target", "x-amz-content-sha256",
    "x-amz-security-token", "content-type", "content-length", "sec-fetch-site", "sec-fetch-mode",
    "smithy-protocol", "x-amz-copy-source", "if-match", "x-amz-bucket", "accept",
)  # fmt: skip

_STAMP = "20261127T000000Z"
_NOW = 1795737600.0
"""The same moment."""


def _pieces(source: Source) -> str:
    parts = [source.of(_PIECES) for _ in range(source.byte() % 6)]
    if source.chance(40):
        parts.append(source.text())
    # What uvicorn hands over is Latin-1.
    return "".join(parts).encode("utf-8", "replace").decode("latin-1")


def _request(source: Source, body: bytes = b"") -> Request:
    headers = {source.of(_HEADERS): _pieces(source) for _ in range(source.byte() % 7)}
    if source.chance(40):
        headers["x-amz-date"] = _STAMP
        names = ";".join(sorted({"host", *(one for one in headers if one.startswith("x-amz-"))}))
        scope = f"known/{_STAMP[:8]}/us-east-1/{source.of(('s3', 'ecs', 'sqs'))}/aws4_request"
        signed = f"Credential={scope}, SignedHeaders={names}, Signature=é0"
        headers["authorization"] = f"AWS4-HMAC-SHA256 {signed}"
    return Request(
        source.of(("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "x")),
        ("" if source.chance(10) else "/") + _pieces(source),
        _pieces(source),
        headers,
        body,
    )


def front(data: bytes) -> None:
    """What the HTTP port does with a request before anybody is known, and whom it refuses."""
    source = Source(data)
    request = _request(source, bytes(source.byte() for _ in range(source.byte() % 40)))
    headers = request.headers
    guard.refusal(request.method, request.path, headers, ("allowed.test",), request.query)
    with suppress(AwsError):
        guard.refuse_unsigned_change(request, signed=False)
    _answer(request)
    journal.operation(request)
    for service in ("s3", "sqs", "iam", "logs", source.text()):
        list(actions.of_others(service, request))


def _answer(request: Request) -> None:
    try:
        identify(request, MODELS.values(), "id")
        signed = signatures.read(request)
        if signed is not None:
            key = Key(signed.key_id, "secret")
            if signatures.says_its_hash(request):
                with suppress(AwsError):
                    signatures.verify(request, signed, key, _NOW, None)
            with suppress(AwsError):
                signatures.verify_body(request, signed, key, request.body)
            signatures.verify(request, signed, key, _NOW, request.body)
    except AwsError as error:
        _show(None, error)
    for model in MODELS.values():
        try:
            name, labels = codec.find_operation(model, request)
            codec.read_params(model, name, labels, request)
        except AwsError as error:
            _show(model, error)


def _show(model: Model | None, error: AwsError) -> None:
    for name, value in codec.serialize_error(model, error, "id").headers.items():
        f"{name}: {value}".encode("latin-1")


_TAGS = (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 43000, 100, 256, 258, 260, 261, 55799, 1004)


def body(data: bytes) -> None:
    """An operation of ours with parameters that look like its own."""
    source = Source(data)
    model = MODELS[source.of(NAMES)]
    name = source.of(model.operation_names)
    shape = model.operation(name).input_shape
    value = source.shaped(shape) if shape is not None else source.json()
    cbor = model.has_cbor and source.chance(40)
    if cbor and isinstance(value, dict) and value and source.chance(50):
        value[source.of(list(value))] = cbor2.CBORTag(source.of(_TAGS), source.json())
    with suppress(UnicodeEncodeError, OverflowError):
        raw = cbor2.dumps(value) if cbor else json.dumps(value).encode()
        if source.chance(20):
            raw = raw[: source.byte()] + source.rest()
        headers = {"smithy-protocol": "rpc-v2-cbor"} if cbor else {}
        labels = {
            one: _pieces(source)
            for one in ("meshName", "virtualNodeName", "routeName", "limit", "tags")
        }
        try:
            request = Request("POST", "/", _pieces(source), headers, raw)
            params = codec.read_params(model, name, labels, request)
            actions.of_ours(model.service, name, params, "us-east-1")
            validate(model, name, params)
        except AwsError as error:
            _show(model, error)
        except KeyError as error:
            # Labels that this operation has and we did not draw.
            if str(error).strip("'") in labels or not str(error).strip("'").endswith("Name"):
                raise


def raw_body(data: bytes) -> None:
    """The bytes as they are, in both encodings."""
    for headers in ({}, {"smithy-protocol": "rpc-v2-cbor"}):
        model = MODELS["servicediscovery"]
        try:
            request = Request("POST", "/", "", headers, data)
            validate(model, "CreateService", codec.read_params(model, "CreateService", {}, request))
        except AwsError as error:
            _show(model, error)


_ENVOY = ("mesh/m/virtualNode/web", "loadbalancer/x", "arn:aws:appmesh:r:1:mesh/m/virtualNode/web")
_TYPES = (
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
)


def stream(data: bytes) -> None:
    """A stream of ADS before it is known whose it is, and what it may ask then."""
    source = Source(data)
    with suppress(TealError):
        given = source.text().encode("utf-8", "replace").decode()  # as gRPC hands it over
        proven(given if source.chance(50) else f"teal1.{given}", [b"key"], [b"owned"])
    delta = source.chance(50)
    kind = discovery_pb2.DeltaDiscoveryRequest if delta else discovery_pb2.DiscoveryRequest
    if source.chance(30):
        try:
            message = kind.FromString(source.rest())
        except DecodeError:
            return
    else:
        message = _discovery(source, kind)
    with suppress(TealError, ValueError):
        proxy_of(message.node)
    session = Session(delta=delta)
    for _ in range(3):
        parsed = _delta_request(message) if delta else _sotw_request(message)
        session.request(message.type_url or _TYPES[0], parsed)
        session.next(0.0)


def _discovery(source: Source, kind: Any) -> Any:
    def text() -> str:
        return source.text().encode("utf-8", "replace").decode()

    message = kind(type_url=source.of(_TYPES), response_nonce=source.of(("", "1", text())))
    message.node.id = source.of(_ENVOY) if source.chance(60) else text()
    message.node.user_agent_name = source.of(("envoy", "gRPC Go", text()))
    values: Any = {
        source.of(("task", "token", "address", "app_address", "request_timeout", "idle_timeout")): (
            source.of((text(), True, None, 1e308, [text()], {text(): text()}))
        )
        for _ in range(source.byte() % 4)
    }
    metadata: Any = source.of(
        ({"tealmesh": values}, {"tealmesh": text()}, {"tealmesh": [values]}, {})
    )
    message.node.metadata.update(metadata)
    names = [text() for _ in range(source.byte() % 4)]
    if kind is discovery_pb2.DeltaDiscoveryRequest:
        message.resource_names_subscribe.extend(names)
        message.resource_names_unsubscribe.extend([text()])
        message.initial_resource_versions[text()] = text()
    else:
        message.resource_names.extend(names)
        message.version_info = text()
    if source.chance(30):
        message.error_detail.message = text()
    return message


_VARIABLES = (
    "APPMESH_RESOURCE_ARN", "APPMESH_VIRTUAL_NODE_NAME", "APPMESH_RESOURCE_CLUSTER",
    "ENVOY_ADMIN_ACCESS_PORT", "ENVOY_ADMIN_ACCESS_LOG_FILE", "ENVOY_STATS_FLUSH_INTERVAL",
    "ENABLE_ENVOY_STATS_TAGS", "ENABLE_ENVOY_DOG_STATSD", "STATSD_ADDRESS", "STATSD_PORT",
    "ENABLE_ENVOY_XRAY_TRACING", "XRAY_DAEMON_PORT", "AWS_XRAY_DAEMON_ADDRESS",
    "XRAY_SAMPLING_RATE",
    "ENABLE_ENVOY_JAEGER_TRACING", "JAEGER_TRACER_PORT", "JAEGER_TRACER_ADDRESS",
    "ENABLE_ENVOY_DATADOG_TRACING", "DATADOG_TRACER_PORT", "DATADOG_TRACER_ADDRESS",
    "ENVOY_TRACING_CFG_FILE", "ENVOY_STATS_CONFIG_FILE", "ENVOY_STATS_SINKS_CFG_FILE",
    "APPMESH_SDS_SOCKET_PATH", "ENVOY_NO_EXTENSION_LOOKUP_BY_NAME", "MAX_REQUESTS_PER_IO_CYCLE",
    "APPMESH_PLATFORM_K8S_POD_UID", "ENVOY_INITIAL_FETCH_TIMEOUT", "LISTENER_REQUEST_TIMEOUT",
    "LISTENER_IDLE_TIMEOUT", "ENVOY_CONCURRENCY", "ENVOY_LOG_LEVEL",
)  # fmt: skip


def envoy_bootstrap(data: bytes) -> None:
    """The variables of a sidecar, and the files that they name."""
    source = Source(data)
    environment = {
        source.of(_VARIABLES): source.of(("1", "true", source.text()))
        for _ in range(source.byte() % 8)
    }
    if source.chance(80):
        environment["APPMESH_RESOURCE_ARN"] = "mesh/m/virtualNode/web"
    file = source.of(("", "stats_config: {}", "tracing: {http: {name: x}}", "a: [", source.text()))
    with suppress(TealError):
        made = bootstrap(environment, xds_address=("127.0.0.1", 1), read=lambda _: file)
        json.dumps(made, allow_nan=False)


def teal_toml(data: bytes) -> None:
    """A file that somebody wrote."""
    with suppress(TealError):
        parse_any(data.decode("utf-8", "replace"))


DOORS: Mapping[str, Door] = {
    door.__name__: door for door in (front, body, raw_body, stream, envoy_bootstrap, teal_toml)
}
