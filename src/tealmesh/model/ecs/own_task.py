"""What a program in a task of ECS learns of its task, by the metadata endpoint.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping

from tealmesh.model.errors import TealError

VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"
_SECONDS = 5.0


def address(environment: Mapping[str, str]) -> str:
    """The task's own IPv4 address. Raises TealError where there is none."""
    uri = environment.get(VARIABLE, "")
    if not uri.startswith("http://"):
        raise TealError(f"{VARIABLE} is not set: this is not an ECS task; give an address")
    # By no proxy: the endpoint is of this task alone.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(uri, timeout=_SECONDS) as answer:
            told = json.load(answer)
        for network in told["Networks"]:
            for one in network.get("IPv4Addresses", ()):
                if one:
                    return str(one)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TealError(
            f"the metadata of this task ({VARIABLE}) cannot be read: {error}"
        ) from error
    raise TealError(f"the metadata of this task ({VARIABLE}) has no IPv4 address")
