"""The API call that is being answered, by which its log lines, its revision and what Envoys are
sent for it go together.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Answering:
    """One call."""

    request_id: str
    """``x-amzn-RequestId``."""
    parent: str = ""
    """``traceparent`` of the caller (https://www.w3.org/TR/trace-context/); empty without one."""
    service: str = ""
    operation: str = ""
    """As the model names it; empty where nobody knows it."""
    actor: str = ""
    revision: int = 0
    """That its last change was committed as; 0 if it has changed nothing."""


current: ContextVar[Answering | None] = ContextVar("answering", default=None)
"""None outside of any call."""
