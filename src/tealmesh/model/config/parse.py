"""Makes a `TealConfig` from the text of a teal.toml, and checks every value."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from tealmesh.model.config.adopted import read_adopted, read_terraform
from tealmesh.model.config.common import LABEL, LABEL_ALLOWED, PATH, read_port
from tealmesh.model.config.deployments import read_gates, read_strategy
from tealmesh.model.config.gateways import read_gateways
from tealmesh.model.config.groups import read_groups
from tealmesh.model.config.notices import read_notices
from tealmesh.model.config.nouns import (
    Additions,
    Image,
    Protocol,
    ServiceConfig,
    TealConfig,
)
from tealmesh.model.config.table import Table
from tealmesh.model.errors import ConfigError

BUILT_IN_IMAGES = (
    "*aws-appmesh-envoy*",
    "*envoyproxy/envoy*",
    "*tealmesh-envoy*",
    "*aws-xray-daemon*",
)
"""Images that Tealmesh can run without an entry in ``[images]``."""

_MESH = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_CLUSTER = re.compile(r"[A-Za-z0-9_-]{1,255}")
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
_IMAGE = re.compile(r"[^\s\x00-\x1f*]{1,1000}")
_USER = re.compile(r"[^\s:\x00-\x1f]+(?::[^\s:\x00-\x1f]+)?")
_VARIABLE = re.compile(r"[^=\x00\s]+")
_SET_BY_ENGINE = ("HOST", "PORT")

TABLES = ("mesh", "images", "services", "gateways", "groups", "adopted", "terraform", "notices")
_SERVICE_KEYS = (
    "port", "image", "hostname", "protocol", "health_path", "desired_count", "cpu", "memory",
    "environment", "backends", "sides", "strategy", "gates",
    "request_timeout", "idle_timeout", "drain_time", "replace_after", "depends_on",
)  # fmt: skip
PROTOCOLS: tuple[Protocol, ...] = ("http", "http2", "grpc", "tcp")
_PROTOCOLS_ALLOWED = '"http", "http2", "grpc" or "tcp"'


def parse(text: str, file: str = "teal.toml") -> TealConfig:
    """Parse the text of a teal.toml. ``file`` is its name in errors.

    Raises ConfigError with the dotted key, its value and what is allowed. No other exception is
    raised, whatever ``text`` is.
    """
    return parse_mapping(_tables(text, file), file)


def parse_additions(text: str, file: str = "teal.toml") -> Additions:
    """``[images]``, ``[groups]``, ``[adopted]``, ``[terraform]`` and ``[notices]`` of a teal.toml.
    A file that describes no system (no ``[mesh]``, services or gateways), since Terraform does, may
    have these alone; any other is checked as a whole.

    Raises ConfigError as `parse` does.
    """
    config = parse_any(text, file)
    return config.additions if isinstance(config, TealConfig) else config


def parse_any(text: str, file: str = "teal.toml") -> TealConfig | Additions:
    """As `parse`, or as `parse_additions` for a file that describes no system."""
    data = _tables(text, file)
    if any(key in data for key in ("mesh", "services", "gateways")):
        return parse_mapping(data, file)
    return _additions(Table(file, "", data, TABLES))


def parse_applied(text: str, file: str = "teal.toml") -> TealConfig | Additions:
    """As `parse_any`, for a file that is to be applied: one that says nothing is refused."""
    config = parse_any(text, file)
    return parse(text, file) if config == Additions() else config


def _tables(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    # ValueError: wrong syntax, or a number that is too long; RecursionError: deep nesting.
    except (ValueError, RecursionError) as error:
        raise _not_toml(text, file, error) from error


def parse_mapping(data: Mapping[str, Any], file: str = "teal.toml") -> TealConfig:
    """As `parse`, from the tables of a TOML document."""
    root = Table(file, "", data, TABLES)
    name, cluster, namespace = read_mesh(root)
    services = root.table("services")
    gateways = root.table("gateways")
    config = TealConfig(
        mesh=name,
        cluster=cluster,
        namespace=namespace,
        services=_services(services, namespace),
        additions=_additions(root),
    )
    _check_images(services, config)
    return replace(config, gateways=read_gateways(gateways, config.services))


def read_mesh(root: Table) -> tuple[str, str, str]:
    """The names of the mesh, of the cluster and of the Cloud Map namespace."""
    mesh = root.table("mesh", ("name", "cluster", "namespace"))
    name = mesh.text("name", None, "letters, digits and hyphens, at most 63", _MESH.fullmatch)
    cluster = mesh.text(
        "cluster", name, "letters, digits, hyphens and underscores", _CLUSTER.fullmatch
    )
    namespace = mesh.text(
        "namespace", f"{name.lower()}.local", "a DNS name in lower case", _HOST.fullmatch
    )
    return name, cluster, namespace


def _additions(root: Table) -> Additions:
    return Additions(
        images=_images(root.table("images")),
        adopted=read_adopted(root.table("adopted")),
        terraform=read_terraform(root),
        notices=read_notices(root.table("notices")),
        groups=read_groups(root),
    )


def image_for(images: tuple[Image, ...], name: str) -> Image | None:
    """The entry whose pattern matches the image ``name``; the longest pattern wins."""
    matching = [image for image in images if fnmatchcase(name, image.pattern)]
    return max(matching, key=lambda image: len(image.pattern), default=None)


def _services(table: Table, namespace: str) -> dict[str, ServiceConfig]:
    services = {key: read_service(table, key, namespace) for key in table.data}
    owners: dict[str, str] = {}
    for key, service in services.items():
        if service.hostname in owners:
            other = owners[service.hostname]
            table.table(key).fail("hostname", f"different from that of services.{other}")
        owners[service.hostname] = key
    return {
        key: _with_backends(table.table(key), service, services)
        for key, service in services.items()
    }


def read_service(services: Table, name: str, namespace: str) -> ServiceConfig:
    """``[services.NAME]``; its backends are not looked up yet."""
    if not LABEL.fullmatch(name):
        services.fail(name, f"named in {LABEL_ALLOWED}")
    table = services.table(name, _SERVICE_KEYS)
    protocol = _protocol(table)
    return ServiceConfig(
        name=name,
        port=read_port(table),
        image=table.text("image", None, "an image name without spaces or *", _IMAGE.fullmatch),
        hostname=table.text(
            "hostname", f"{name}.{namespace}", "a DNS name in lower case", _HOST.fullmatch
        ),
        protocol=protocol,
        health_path=table.text("health_path", "/", "a path that begins with /", PATH.fullmatch),
        desired_count=table.integer("desired_count", 1, 1, 50),
        cpu=table.integer("cpu", 256, 1, 16384),
        memory=table.integer("memory", 512, 4, 122880),
        environment=_environment(table),
        backends=table.texts("backends"),
        sides=_sides(table),
        strategy=read_strategy(table),
        gates=read_gates(table),
        request_timeout=table.seconds_or_none("request_timeout"),
        idle_timeout=table.seconds_or_none("idle_timeout"),
        drain_time=table.seconds_or_none("drain_time"),
        replace_after=table.seconds_or_never("replace_after"),
    )


def _with_backends(
    table: Table, service: ServiceConfig, services: Mapping[str, ServiceConfig]
) -> ServiceConfig:
    """The service with its backends as hostnames, in order and without duplicates."""
    hostnames = {other.hostname for other in services.values()}
    backends: dict[str, None] = {}
    for backend in service.backends:
        hostname = services[backend].hostname if backend in services else backend
        if hostname not in hostnames or hostname == service.hostname:
            others = sorted(name for name in services if name != service.name)
            table.fail("backends", f"other services of this file ({', '.join(others) or 'none'})")
        backends[hostname] = None
    return ServiceConfig(**{**vars(service), "backends": tuple(backends)})


def _protocol(table: Table) -> Protocol:
    """What the service speaks; keys that mean nothing with it are refused."""
    named = table.text("protocol", "http", _PROTOCOLS_ALLOWED, PROTOCOLS.__contains__)
    protocol = next(one for one in PROTOCOLS if one == named)
    if protocol in ("grpc", "tcp") and "health_path" in table.data:
        checked = "gRPC's own health service" if protocol == "grpc" else "a connection"
        table.fail("health_path", f'left out with protocol = "{protocol}": {checked} is checked')
    if protocol == "tcp" and "request_timeout" in table.data:
        table.fail("request_timeout", 'left out with protocol = "tcp": it has no requests')
    return protocol


def _sides(table: Table) -> tuple[str, str]:
    if "sides" not in table.data:
        return ServiceConfig.sides
    sides = table.texts("sides")
    if len(sides) != 2 or sides[0] == sides[1] or not all(LABEL.fullmatch(s) for s in sides):
        table.fail("sides", f"two different names, each of {LABEL_ALLOWED}")
    return (sides[0], sides[1])


def _images(table: Table) -> tuple[Image, ...]:
    return tuple(_image(table, pattern) for pattern in table.data)


def _image(images: Table, pattern: str) -> Image:
    if not pattern or any(c.isspace() for c in pattern):
        images.fail(pattern, "under an image pattern without spaces")
    value = images.data[pattern]
    if not isinstance(value, Mapping):
        return Image(pattern, images.command(pattern))
    table = images.table(pattern, ("command", "environment", "user"))
    allowed = 'a user of this machine, such as "www-data", or its number'
    user = table.text("user", "", allowed, _USER.fullmatch) if "user" in table.data else ""
    return Image(pattern, table.command("command"), _environment(table), user)


def _environment(table: Table) -> dict[str, str]:
    values = table.table("environment")
    variables = {}
    for name, value in values.data.items():
        if not _VARIABLE.fullmatch(name):
            values.fail(name, "under a variable name without spaces or =")
        if name in _SET_BY_ENGINE:
            values.fail(name, "left out: each task gets its own HOST and PORT")
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
            value = str(value)
        if not isinstance(value, str) or "\0" in value:
            values.fail(name, "a string or a whole number")
        variables[name] = value
    return variables


def _check_images(services: Table, config: TealConfig) -> None:
    """If there are any ``[images]``, each service's image must be among them."""
    if not config.images:
        return
    for name, service in config.services.items():
        built_in = any(fnmatchcase(service.image, pattern) for pattern in BUILT_IN_IMAGES)
        if not built_in and image_for(config.images, service.image) is None:
            patterns = ", ".join(image.pattern for image in config.images)
            services.table(name).fail(
                "image", f"an image that [images] has a command for ({patterns})"
            )


def _not_toml(text: str, file: str, error: Exception) -> ConfigError:
    reason = str(error) or type(error).__name__
    match = re.search(r"at line (\d+)", reason)
    lines = text.splitlines()
    number = int(match[1]) if match else len(lines)
    shown = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    return ConfigError(file, f"line {number}", shown[:80], f"valid TOML: {reason}")
