"""The programs in docs/ that write pages, as modules."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.support.machine import REPOSITORY


def load(name: str) -> ModuleType:
    """``docs/NAME.py``."""
    spec = importlib.util.spec_from_file_location(
        f"docs_{name}", REPOSITORY / "docs" / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Dataclasses look for it there.
    spec.loader.exec_module(module)
    return module
