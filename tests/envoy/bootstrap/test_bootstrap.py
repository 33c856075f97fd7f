"""The bootstrap of an Envoy, from the variables of the App Mesh image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from envoy.config.core.v3 import base_pb2
from google.protobuf import json_format

from tealmesh.envoy.bootstrap import version as version_module
from tealmesh.envoy.bootstrap.bootstrap import bootstrap, proxy_of
from tealmesh.envoy.bootstrap.version import Version, told
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind, Proxy
from tests.support.planes.admitting import secret_file
from tests.support.programs.envoy import validate

NODE = {"APPMESH_RESOURCE_ARN": "mesh/m/virtualNode/n"}
ARN = "arn:aws:appmesh:us-east-1:123456789012:mesh/m@123456789012/virtualGateway/g"


def bootstrap_of(environment: dict[str, str], **more: Any) -> dict[str, Any]:
    return bootstrap(environment, xds_address=("127.0.0.1", 18000), **more)


def parsed(node: dict[str, Any]) -> Any:
    return json_format.ParseDict(node, base_pb2.Node())


@pytest.mark.parametrize("delta", [True, False])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"ENABLE_ENVOY_STATS_TAGS": "1", "ENVOY_INITIAL_FETCH_TIMEOUT": "5"},
        {"ENABLE_ENVOY_XRAY_TRACING": "1", "XRAY_SAMPLING_RATE": "0.5"},
        {"ENABLE_ENVOY_XRAY_TRACING": "1", "AWS_XRAY_DAEMON_ADDRESS": "127.9.9.9"},
        {"ENABLE_ENVOY_DATADOG_TRACING": "1", "DATADOG_TRACER_PORT": "8127"},
        {"ENABLE_ENVOY_JAEGER_TRACING": "true", "JAEGER_TRACER_VERSION": "JSON"},
        {"ENABLE_ENVOY_DOG_STATSD": "1", "STATSD_PORT": "9125"},
        {"ENABLE_ENVOY_DOG_STATSD": "1", "STATSD_SOCKET_PATH": "/nowhere/statsd.sock"},
        {"APPMESH_SDS_SOCKET_PATH": "/nowhere/sds.sock", "ENVOY_STATS_FLUSH_INTERVAL": "5000ms"},
        {"APPMESH_RESOURCE_CLUSTER": "own", "MAX_REQUESTS_PER_IO_CYCLE": "1"},
    ],
)
def test_envoy_accepts_it(more: dict[str, str], delta: bool, tmp_path: Path) -> None:
    config = bootstrap_of({**NODE, **more}, token_file=secret_file(tmp_path, "secret"), delta=delta)
    assert validate(config, tmp_path) == ""


def test_envoy_accepts_the_control_plane_as_its_tracer(tmp_path: Path) -> None:
    config = bootstrap_of(NODE, token_file=secret_file(tmp_path, "secret"), traced=0.25)
    assert validate(config, tmp_path) == ""
    tracer = config["tracing"]["http"]["typed_config"]
    assert tracer["service_name"] == NODE["APPMESH_RESOURCE_ARN"]
    static = config["layered_runtime"]["layers"][0]["static_layer"]
    share = {"numerator": 2_500, "denominator": "TEN_THOUSAND"}
    assert static["tracing.random_sampling"] == share
    own = {**NODE, "ENABLE_ENVOY_XRAY_TRACING": "1"}
    assert bootstrap_of(own, traced=0.25) == bootstrap_of(own)


def test_what_goes_in_as_addresses_comes_back_as_the_proxy() -> None:
    addresses = {
        "address": "127.1.2.3",
        "app_address": "127.1.2.4",
        "publish_address": "127.0.0.1",
    }
    config = bootstrap_of(NODE, task="arn:task", **addresses)
    assert proxy_of(parsed(config["node"])) == Proxy(
        "m", Kind.VIRTUAL_NODE, "n", **addresses, reports_at="127.0.0.1:9901"
    )
    assert config["node"]["metadata"]["tealmesh"]["task"] == "arn:task"


@pytest.mark.parametrize("variable", ["APPMESH_RESOURCE_ARN", "APPMESH_VIRTUAL_NODE_NAME"])
def test_a_resource_is_named_by_arn_or_in_short(variable: str) -> None:
    config = bootstrap_of({variable: ARN})
    assert config["node"]["id"] == "mesh/m/virtualGateway/g"
    proxy = proxy_of(parsed(config["node"]))
    assert proxy == Proxy("m", Kind.VIRTUAL_GATEWAY, "g", reports_at="127.0.0.1:9901")
    assert proxy.redirected


def test_an_envoy_of_someone_elses_bootstrap_is_known_by_its_node_id() -> None:
    assert proxy_of(base_pb2.Node(id=ARN)) == Proxy("m", Kind.VIRTUAL_GATEWAY, "g")


@pytest.mark.parametrize("text", ["", "n", "mesh/m/virtualRouter/r", "mesh//virtualNode/n"])
def test_a_node_id_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(TealError, match=r"must be mesh/MESH/virtualNode/NAME"):
        proxy_of(base_pb2.Node(id=text))


def test_metadata_that_is_no_address_is_refused() -> None:
    node = {"id": "mesh/m/virtualNode/n", "metadata": {"tealmesh": {"address": "here"}}}
    with pytest.raises(TealError, match=r"tealmesh\.address = 'here': must be an IP address"):
        proxy_of(parsed(node))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ENVOY_ADMIN_ACCESS_PORT", "http"),
        ("ENVOY_ADMIN_ACCESS_PORT", "70000"),
        ("ENVOY_INITIAL_FETCH_TIMEOUT", "-1"),
        ("MAX_REQUESTS_PER_IO_CYCLE", "0"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(variable: str, value: str) -> None:
    with pytest.raises(TealError, match=rf"{variable} = '{value}': must be a number"):
        bootstrap_of({**NODE, variable: value})


def test_the_environment_must_name_a_resource() -> None:
    with pytest.raises(TealError, match="APPMESH_RESOURCE_ARN is not set"):
        bootstrap_of({})


def test_the_token_goes_to_the_control_plane_alone() -> None:
    config = bootstrap_of({**NODE, "ENABLE_ENVOY_JAEGER_TRACING": "1"}, token_file="/token.json")
    sending = [c["name"] for c in config["static_resources"]["clusters"] if "/token.json" in str(c)]
    assert sending == ["tealmesh"]
    assert str(config).count("/token.json") == 1
    assert "credential_injector" not in str(bootstrap_of(NODE))


def test_an_older_envoy_sends_the_token_of_its_bootstrap(tmp_path: Path) -> None:
    config = bootstrap_of({**NODE, "ENABLE_ENVOY_JAEGER_TRACING": "1"}, token="teal1.a.b")
    header = [{"key": "authorization", "value": "Bearer teal1.a.b"}]
    ads = config["dynamic_resources"]["ads_config"]["grpc_services"][0]
    metrics = config["stats_sinks"][0]["typed_config"]["grpc_service"]
    assert ads["initial_metadata"] == metrics["initial_metadata"] == header
    assert str(config).count("teal1.a.b") == 2
    assert "credential_injector" not in str(config)
    assert validate(config, tmp_path) == ""


@pytest.mark.parametrize(
    ("text", "version"),
    [("1.29", (1, 29)), ("v1.29.12.1", (1, 29)), ("1", None), ("1.29-prod", None), ("", None)],
)
def test_a_version_as_people_write_it(text: str, version: Version | None) -> None:
    assert version_module.given(text) == version


@pytest.mark.parametrize(
    ("answer", "version", "injects", "forgets"),
    [
        ("envoy  version: 6b9db09/1.40.0/Clean/RELEASE/BoringSSL", (1, 40), True, True),
        ("envoy  version: a1b2/1.36.2/Clean/RELEASE/BoringSSL", (1, 36), True, False),
        ("/usr/bin/envoy  version: a/1.29.12.1-prod/Distribution/RELEASE", (1, 29), False, False),
        ("1.40.0", None, False, False),
        ("", None, False, False),
    ],
)
def test_what_a_binary_says_decides(
    answer: str, version: Version | None, injects: bool, forgets: bool
) -> None:
    assert told(answer) == version
    assert (version_module.injects(version), version_module.forgets(version)) == (injects, forgets)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"ENABLE_ENVOY_STATS_TAGS": "yes"}, "ENABLE_ENVOY_STATS_TAGS = 'yes': must be 0, 1"),
        ({"ENVOY_STATS_FLUSH_INTERVAL": "soon"}, "ENVOY_STATS_FLUSH_INTERVAL = 'soon': must be"),
        (
            {"ENABLE_ENVOY_XRAY_TRACING": "1", "ENABLE_ENVOY_JAEGER_TRACING": "1"},
            "ENABLE_ENVOY_XRAY_TRACING and ENABLE_ENVOY_JAEGER_TRACING: must be one at most",
        ),
        (
            {"ENABLE_ENVOY_JAEGER_TRACING": "1", "JAEGER_TRACER_ADDRESS": "jaeger"},
            "JAEGER_TRACER_ADDRESS = 'jaeger': must be an IP address",
        ),
        ({"ENVOY_TRACING_CFG_FILE": "/nowhere"}, "ENVOY_TRACING_CFG_FILE = '/nowhere': cannot be"),
        (
            {"ENABLE_ENVOY_XRAY_TRACING": "1", "XRAY_DAEMON_PORT": "0"},
            "XRAY_DAEMON_PORT = '0': must be a number from 1 to 65535",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_line(more: dict[str, str], message: str) -> None:
    with pytest.raises(TealError) as refused:
        bootstrap_of({**NODE, **more})
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("10.1.2.3", ("10.1.2.3", 2000)),
        ("10.1.2.3:2001", ("10.1.2.3", 2001)),
        ("tcp:10.1.2.3:2001 udp:10.1.2.4:2002", ("10.1.2.4", 2002)),
        ("[::1]:2003", ("::1", 2003)),
        ("::1", ("::1", 2000)),
    ],
)
def test_the_address_of_the_x_ray_daemon(given: str, expected: tuple[str, int]) -> None:
    switched = {"ENABLE_ENVOY_XRAY_TRACING": "1", "AWS_XRAY_DAEMON_ADDRESS": given}
    endpoint = bootstrap_of({**NODE, **switched})["tracing"]["http"]["typed_config"][
        "daemon_endpoint"
    ]
    assert (endpoint["address"], endpoint["port_value"]) == expected


def test_parts_of_the_users_own_come_from_files(tmp_path: Path) -> None:
    traced = tmp_path / "tracing.yaml"
    traced.write_text("""
tracing:
  http:
    name: envoy.tracers.zipkin
    typed_config:
      "@type": type.googleapis.com/envoy.config.trace.v3.ZipkinConfig
      collector_cluster: own
      collector_endpoint: /api/v2/spans
      collector_endpoint_version: HTTP_JSON
static_resources:
  clusters:
    - name: own
      connect_timeout: 1s
      load_assignment: {cluster_name: own}
""")
    counted = tmp_path / "stats.yaml"
    counted.write_text("""
stats_config:
  stats_tags: [{tag_name: team, fixed_value: shop}]
  stats_matcher: {inclusion_list: {patterns: [{prefix: "runtime."}]}}
""")
    files = {"ENVOY_TRACING_CFG_FILE": str(traced), "ENVOY_STATS_CONFIG_FILE": str(counted)}
    config = bootstrap_of(
        {**NODE, **files, "ENABLE_ENVOY_STATS_TAGS": "1"}, read=lambda p: Path(p).read_text()
    )
    assert [tag["tag_name"] for tag in config["stats_config"]["stats_tags"]] == [
        "appmesh.mesh",
        "appmesh.virtual_node",
        "team",
    ]
    assert validate(config, tmp_path) == ""


def test_a_filter_that_hides_what_deployments_need_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "stats.yaml"
    file.write_text("stats_config: {stats_matcher: {reject_all: true}}")
    with pytest.raises(TealError, match="must be an inclusion_list"):
        bootstrap_of(
            {**NODE, "ENVOY_STATS_CONFIG_FILE": str(file)}, read=lambda p: Path(p).read_text()
        )
