"""grpcio's own xDS client, without Envoy, in a process of its own.

Each line of input is a call (JSON: ``host, path, metadata, fresh``), each line of output its
outcome. ``fresh`` closes all channels first. GRPC_XDS_BOOTSTRAP names the control
plane and the node.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import grpc

LIMIT_SECONDS = 15.0


def main() -> None:
    channels: dict[str, Any] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        host = asked["host"]
        if asked["fresh"]:
            for channel in channels.values():
                channel.close()
            channels.clear()
        if host not in channels:
            channels[host] = grpc.insecure_channel(f"xds:///{host}")
        method = channels[host].unary_unary(asked["path"])
        try:
            answer = method(b"", timeout=LIMIT_SECONDS, metadata=tuple(asked["metadata"].items()))
            outcome = {"code": "OK", **json.loads(answer)}
        except grpc.RpcError as error:
            outcome = {"code": error.code().name, "details": error.details()}
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
