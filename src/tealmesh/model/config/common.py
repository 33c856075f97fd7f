"""What is said of services and gateways alike: names, paths, ports and times."""

from __future__ import annotations

import re

from tealmesh.model.config.table import Table

DEFAULT_TIMES = {"request_timeout": 15.0, "idle_timeout": 300.0}
"""App Mesh's own, in seconds:
https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpTimeout.html"""

RESERVED_PORTS = {
    9901: "Envoy's admin interface",
    9902: "Envoy's agent",
    15000: "Envoy's ingress",
    15001: "Envoy's egress",
}

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
"""Names of services, sides and gateways."""
LABEL_ALLOWED = "lower-case letters, digits and hyphens, at most 50"
PATH = re.compile(r"/[^\s\x00-\x20?#]*")


def read_port(table: Table) -> int:
    """``port``, which nothing else in a task may use. Raises ConfigError."""
    port = table.integer("port", None, 1, 65535)
    if port in RESERVED_PORTS:
        table.fail("port", f"another port: {port} is used for {RESERVED_PORTS[port]}")
    return port
