"""Writes what an Envoy starts with: its bootstrap, its arguments, and the files that these name.

Runs in a process of its own, which ends at once: it needs protobuf.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tealmesh.agent import settings
from tealmesh.agent.settings import Settings
from tealmesh.engine.runtimes.sidecar import (
    XDS_ENDPOINT,
    arguments,
    control_plane_elsewhere,
    envoy_version,
    find_envoy,
)
from tealmesh.envoy.bootstrap.announcing import ANNOUNCING
from tealmesh.envoy.bootstrap.bootstrap import CONTROL_PLANE, bootstrap
from tealmesh.envoy.bootstrap.transport import Transport, transport
from tealmesh.envoy.bootstrap.version import forgets, injects
from tealmesh.model.errors import TealError
from tealmesh.model.private import write_private

AS_APP_MESH = {"ENVOY_CONCURRENCY": "-1", "LISTENER_DRAIN_WAIT_TIME_S": "20"}
"""Defaults of App Mesh's image where `teal up`, with many Envoys on one machine, has others."""

_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
"""Where systems have those that they trust."""
_PEM = "-----BEGIN "
LOOPBACK = "127.0.0.1"


def prepare(environment: Mapping[str, str]) -> None:
    """Write all files. Raises TealError for what cannot be used."""
    chosen = Settings.of(environment)
    directory = chosen.directory
    envoy = find_envoy()
    version = envoy_version(envoy)
    if not injects(version):
        shown = ".".join(map(str, version)) if version else "of unknown version"
        raise TealError(f"{envoy} is {shown}: the agent needs Envoy 1.36 or newer")
    if chosen.config_file:
        path, proves = Path(chosen.config_file), False
        made = _read(path)
    else:
        path, proves = directory / settings.BOOTSTRAP, not certified(environment)
        secured = secured_by(environment, directory)
        made = bootstrap(
            environment,
            xds_address=xds_address(environment),
            token_file=str(directory / settings.IDENTITY) if proves else "",
            address=environment.get("TEAL_ENVOY_ADDRESS", ""),
            admin_address=environment.get("TEAL_ADMIN_ADDRESS") or LOOPBACK,
            admin_socket=str(directory / settings.ADMIN_SOCKET),
            agent_socket=str(directory / settings.PLANE_SOCKET),
            forgetting=forgets(version),
            transport=secured,
            read=lambda named: Path(named).read_text(encoding="utf-8"),
        )
        for named, secret in (secured.files() if secured else {}).items():
            write_private(Path(named), json.dumps(secret))
        write_private(path, json.dumps(made))
    launch = {
        "argv": arguments(envoy, path, {**AS_APP_MESH, **environment}),
        **places(path, made),
        "proves": proves,
    }
    write_private(directory / settings.LAUNCH, json.dumps(launch))


def places(path: Path, made: Mapping[str, Any]) -> dict[str, Any]:
    """Where an Envoy with this bootstrap is asked, what it is, and where it passes calls on to its
    control plane. Raises TealError without an admin interface. Both are JSON, hence Any.
    """
    address = made.get("admin", {}).get("address", {})
    at = address.get("socket_address", {})
    admin = {"socket": address.get("pipe", {}).get("path", "")}
    if not admin["socket"]:
        if not at.get("port_value"):
            raise TealError(f"{path}: has no admin interface, by which the agent asks Envoy")
        admin = {"host": _reachable(at.get("address", "")), "port": at["port_value"]}
    listeners = made.get("static_resources", {}).get("listeners", [])
    own = (one for one in listeners if one.get("name") == ANNOUNCING)
    node = made.get("node", {})
    return {
        "admin": admin,
        "node": node.get("id", ""),
        "task": node.get("metadata", {}).get(CONTROL_PLANE, {}).get("task", ""),
        "plane": next((one["address"]["pipe"]["path"] for one in own), ""),
    }


def _reachable(address: str) -> str:
    return {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}.get(address, address)


def _read(path: Path) -> dict[str, Any]:
    """A bootstrap in a file, which is whatever the user wrote. Raises TealError."""
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else _yaml(text)
    except (OSError, ValueError) as error:
        raise TealError(f"ENVOY_CONFIG_FILE = {str(path)!r}: cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise TealError(f"ENVOY_CONFIG_FILE = {str(path)!r}: must hold an Envoy bootstrap")
    return found


def _yaml(text: str) -> object:
    import yaml  # here, because few need it

    try:
        found: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return found


def xds_address(environment: Mapping[str, str]) -> tuple[str, int]:
    """Host and port of the control plane. Raises TealError."""
    found = control_plane_elsewhere(environment)
    if found is None:
        given = environment.get(XDS_ENDPOINT, "")
        what = f"{XDS_ENDPOINT} = {given!r}" if given else f"{XDS_ENDPOINT} is not set"
        raise TealError(f"{what}: must be HOST:PORT of your control plane; App Mesh's is gone")
    return found


def certified(environment: Mapping[str, str]) -> bool:
    """Whether a certificate proves the node, so that no role has to."""
    return bool(environment.get("TEAL_XDS_CERTIFICATE"))


def authority(environment: Mapping[str, str], directory: Path) -> str:
    """The path of a file with who signs the control plane's certificate; empty for no TLS."""
    given = environment.get("TEAL_XDS_CA", "").strip()
    if given.startswith(_PEM):
        path = directory / "authority.pem"
        write_private(path, given)
        return str(path)
    if given == "system":
        found = next((one for one in _AUTHORITIES if Path(one).is_file()), "")
        if not found:
            raise TealError("TEAL_XDS_CA = 'system': this image has no file of authorities")
        return found
    if given and not Path(given).is_file():
        raise TealError(f"TEAL_XDS_CA = {given!r}: must be system, a PEM file, or PEM text")
    return given


def secured_by(environment: Mapping[str, str], directory: Path) -> Transport | None:
    """How Envoy reaches the control plane; None without TLS."""
    trusted = authority(environment, directory)
    own = [environment.get(name, "") for name in ("TEAL_XDS_CERTIFICATE", "TEAL_XDS_KEY")]
    if bool(own[0]) != bool(own[1]):
        raise TealError("TEAL_XDS_CERTIFICATE and TEAL_XDS_KEY: one needs the other")
    if not trusted:
        if own[0]:
            raise TealError("TEAL_XDS_CERTIFICATE needs TEAL_XDS_CA: it is for TLS")
        return None
    name = environment.get("TEAL_XDS_SERVER_NAME") or xds_address(environment)[0]
    return transport(str(directory / "xds"), trusted, name, *own)
