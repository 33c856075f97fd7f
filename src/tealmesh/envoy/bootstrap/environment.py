"""How the variables of an Envoy's environment are read: by the rules of the App Mesh image.

https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from tealmesh.model.errors import TealError

Environment = Mapping[str, str]
Read = Callable[[str], str]
"""path -> text of a file that a variable names. Raises OSError."""


def flag(environment: Environment, variable: str) -> bool:
    """Whether a variable is switched on; unset is off. Raises TealError for other than a switch."""
    text = environment.get(variable, "").strip().lower()
    if text not in ("", "0", "1", "false", "true"):
        raise TealError(f"{variable} = {text!r}: must be 0, 1, false or true")
    return text in ("1", "true")


def number(
    environment: Environment, variable: str, default: float, allowed: tuple[float, float]
) -> float:
    """A variable's number, ``default`` when unset. Raises TealError when it is not within."""
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
    return int(number(environment, variable, default, (1, 65535)))


def interval(environment: Environment, variable: str, default: float) -> float:
    """Seconds from a variable such as ``5000ms`` or ``5s``."""
    text = environment.get(variable, "").strip()
    if not text:
        return default
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", text)
    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1) if found else 0.0
    if not 0.001 <= seconds <= 300:
        raise TealError(f"{variable} = {text!r}: must be a time like 5000ms or 5s, at most 300s")
    return seconds


def fragment(environment: Environment, variable: str, read: Read) -> dict[str, Any]:
    """The part of a bootstrap (YAML or JSON) in the file that a variable names; empty when unset.
    Raises TealError when there is no such part.
    """
    path = environment.get(variable, "")
    if not path:
        return {}
    import yaml  # late: few sidecars need it

    try:
        found = yaml.safe_load(read(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TealError(f"{variable} = {path!r}: cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise TealError(f"{variable} = {path!r}: must hold a part of an Envoy bootstrap")
    return found


def seconds(value: float) -> str:
    """A duration as Envoy's JSON writes it."""
    return f"{value:.3f}s"


def socket(address: str, number: int, protocol: Literal["TCP", "UDP"] = "TCP") -> dict[str, Any]:
    return {"socket_address": {"protocol": protocol, "address": address, "port_value": number}}


def static_cluster(
    name: str, address: Mapping[str, Any], kind: str = "STATIC", *, http2: bool = False
) -> dict[str, Any]:
    """A cluster of one endpoint for the bootstrap."""
    endpoint = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    made: dict[str, Any] = {
        "name": name,
        "type": kind,
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [endpoint]},
    }
    if http2:
        made["typed_extension_protocol_options"] = http2_options({})
    return made


def http2_options(options: Mapping[str, Any]) -> dict[str, Any]:
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {
        kind: {
            "@type": f"type.googleapis.com/{kind}",
            "explicit_http_config": {"http2_protocol_options": options},
        }
    }
