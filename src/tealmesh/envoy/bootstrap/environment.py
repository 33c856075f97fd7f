"""Reads the variables of an Envoy's environment by the rules of the App Mesh image.

https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from tealmesh.model.errors import TealError

Environment = Mapping[str, str]
Read = Callable[[str], str]
"""path -> text of a file that a variable names. Raises OSError."""

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"
"""A piece of a bootstrap, as ``json.dumps`` takes it."""


def flag(environment: Environment, variable: str) -> bool:
    """Whether a variable is switched on; unset is off. Raises TealError for any other value."""
    text = environment.get(variable, "").strip().lower()
    if text not in ("", "0", "1", "false", "true"):
        raise TealError(f"{variable} = {text!r}: must be 0, 1, false or true")
    return text in ("1", "true")


def number(
    environment: Environment, variable: str, default: float, allowed: tuple[float, float]
) -> float:
    """A variable's number, ``default`` when unset. Raises TealError unless it is ``allowed``, from
    a lowest to a highest number.
    """
    text = environment.get(variable, "").strip()
    try:
        value = float(text) if text else float(default)
    except ValueError:
        value = float("nan")
    low, high = allowed
    if not low <= value <= high:
        raise TealError(f"{variable} = {text!r}: must be a number from {low:g} to {high:g}")
    return value


def port(environment: Environment, variable: str, default: int) -> int:
    """A variable's port, ``default`` when unset. Raises TealError when it is not a port."""
    return int(number(environment, variable, default, (1, 65535)))


def interval(environment: Environment, variable: str, default: float) -> float:
    """Seconds from a variable such as ``5000ms`` or ``5s``. Raises TealError for other forms."""
    text = environment.get(variable, "").strip()
    if not text:
        return default
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", text)
    seconds = float(parts[1]) / (1000 if parts[2] == "ms" else 1) if parts else 0.0
    if not 0.001 <= seconds <= 300:
        raise TealError(f"{variable} = {text!r}: must be a time like 5000ms or 5s, at most 300s")
    return seconds


def fragment(environment: Environment, variable: str, read: Read) -> dict[str, Any]:
    """The part of a bootstrap (YAML or JSON) in the file that a variable names; empty when unset.
    It is whatever the user wrote. Raises TealError for a file that holds no such part.
    """
    path = environment.get(variable, "")
    if not path:
        return {}
    import yaml  # here, because few sidecars need it

    try:
        part = yaml.safe_load(read(path))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise TealError(f"{variable} = {path!r}: cannot be read: {error}") from error
    if not isinstance(part, dict):
        raise TealError(f"{variable} = {path!r}: must hold a part of an Envoy bootstrap")
    return part


def seconds(value: float) -> str:
    """A duration as Envoy's JSON writes it."""
    return f"{value:.3f}s"


def socket_address(
    host: str, number: int, protocol: Literal["TCP", "UDP"] = "TCP"
) -> dict[str, Json]:
    """Envoy's SocketAddress: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/address.proto"""
    return {"protocol": protocol, "address": host, "port_value": number}


def static_cluster(
    name: str,
    address: dict[str, Json],
    kind: str = "STATIC",
    http2: Json = None,
    filters: Sequence[Json] = (),
) -> dict[str, Json]:
    """A cluster of one endpoint, Envoy's Address. It speaks HTTP/2 if ``http2`` has Envoy's
    Http2ProtocolOptions; they may be empty. Requests then pass these HTTP ``filters``.
    """
    cluster: dict[str, Json] = {
        "name": name,
        "type": kind,
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    if http2 is not None:
        cluster["typed_extension_protocol_options"] = _http2_options(http2, filters)
    return cluster


def _http2_options(options: Json, filters: Sequence[Json]) -> dict[str, Json]:
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    made: dict[str, Json] = {
        "@type": f"type.googleapis.com/{kind}",
        "explicit_http_config": {"http2_protocol_options": options},
    }
    if filters:
        made["http_filters"] = [*filters]
    return {kind: made}
