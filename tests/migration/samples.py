"""What each program writes about a mesh, in `samples/`: small, with much of each form.

`cli.json` and `kubernetes.json` are lists of the documents that one would find in several files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_HERE = Path(__file__).with_name("samples")


def _sample(name: str) -> Any:
    return json.loads((_HERE / name).read_text(encoding="utf-8"))


STATE = _sample("state.tfstate")
PLAN = _sample("plan.json")
PARENT, NESTED, OTHER = (_sample(f"{one}.template") for one in ("parent", "nested", "other"))
GATEWAY_DUMP = _sample("gateway_dump.json")
CONFIG = _sample("config.json")
CLI: list[Any] = _sample("cli.json")
KUBERNETES: list[Any] = _sample("kubernetes.json")

SAMPLES: dict[str, list[Any]] = {
    "state": [STATE],
    "plan": [PLAN],
    "templates": [PARENT, NESTED, OTHER],
    "dump": [GATEWAY_DUMP],
    "config": [CONFIG],
    "cli": CLI,
    "kubernetes": KUBERNETES,
}
"""Documents by the program that writes them."""
