"""How our parts reach AWS's services that are not ours: over HTTP, at our own port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Connect = Callable[[str, str], Any]
"""(service, region) -> a boto3 client of our own port. botocore has no types: hence Any."""
