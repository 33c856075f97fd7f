"""Writes the file by which an Envoy proves its role to its control plane (note 038).

Runs in a process of its own, which ends at once: it needs botocore, and perhaps gRPC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tealmesh.agent import settings
from tealmesh.agent.preparing import authority, xds_address
from tealmesh.agent.settings import Settings
from tealmesh.envoy.bootstrap.identity import token_secret
from tealmesh.model.errors import TealError
from tealmesh.model.identity.presigning import aws_credentials, aws_region, presigned_token
from tealmesh.model.leaving import HELLO, SERVICE
from tealmesh.model.private import write_private

_HELLO_SECONDS = 10.0


def prove(environment: Mapping[str, str]) -> None:
    """Write the present proof. Raises TealError."""
    directory = Settings.of(environment).directory
    server = environment.get("TEAL_SERVER_ID") or asked(environment, directory)
    sts = environment.get("TEAL_STS_ENDPOINT", "")
    proof = presigned_token(aws_credentials(), aws_region(), server, sts)
    write_private(directory / settings.IDENTITY, json.dumps(token_secret(proof)))


def asked(environment: Mapping[str, str], directory: Path) -> str:
    """For whom the control plane wants proofs to be made, as it says. Raises TealError."""
    import grpc

    host, port = xds_address(environment)
    target = f"unix:{host}" if host.startswith("/") else f"{_bracketed(host)}:{port}"
    trusted = authority(environment, directory)
    if trusted:
        name = environment.get("TEAL_XDS_SERVER_NAME", "")
        options = (("grpc.ssl_target_name_override", name),) if name else ()
        secure = grpc.ssl_channel_credentials(Path(trusted).read_bytes())
        channel = grpc.secure_channel(target, secure, options)
    else:
        channel = grpc.insecure_channel(target)
    try:
        with channel:
            answer = channel.unary_unary(f"/{SERVICE}/{HELLO}")(b"{}", timeout=_HELLO_SECONDS)
        return str(json.loads(answer)["serverId"])
    except (grpc.RpcError, ValueError, KeyError) as error:
        why = error.details() if isinstance(error, grpc.RpcError) else error
        raise TealError(
            f"the control plane at {host}:{port} does not say for whom a role is proved: {why}"
        ) from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
