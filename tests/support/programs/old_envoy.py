"""An Envoy as old as that of App Mesh's last image, as far as its version and its bootstrap go: it
is the new one behind a script.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.programs.envoy import ENVOY

IMAGE = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod"

_SCRIPT = """#!/bin/sh
if [ "$1" = --version ]; then
    echo 'envoy  version: 0a1b2c/1.29.12/Clean/RELEASE/BoringSSL'
    exit 0
fi
IFS= read -r bootstrap < "$2"
case "$bootstrap" in
*credential_injector*|*stats_eviction_interval*)
    echo 'could not find a registered implementation' >&2
    exit 1
esac
exec REAL "$@"
"""


def old_envoy(directory: Path, real: str = ENVOY) -> Path:
    """Write the script into ``directory``; ``real`` is where it finds the new Envoy."""
    path = directory / "old-envoy"
    path.write_text(_SCRIPT.replace("REAL", real))
    path.chmod(0o755)
    return path
