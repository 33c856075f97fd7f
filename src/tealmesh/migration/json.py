"""The types of what other programs write: JSON of any shape, which each reader knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
"""An object of another program's, or of App Mesh's API, as it is read."""

Made = dict[str, Any]
"""One that is being made."""
