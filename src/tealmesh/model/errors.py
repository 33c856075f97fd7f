"""The one exception tree.

    TealError                   whatever Tealmesh refuses or cannot do; its text is for the user
    ├── AwsError                an API answer: an AWS error code, a message, further members
    ├── ConfigError             a key in teal.toml: file, key, value and what is allowed
    └── EngineError             a task cannot be started or looked after

Errors of third parties are wrapped at the edge where they arise, with ``from``.
"""

from __future__ import annotations

from typing import Any


class TealError(Exception):
    """Base of every error that Tealmesh raises on purpose; ``str()`` is one plain line."""


class AwsError(TealError):
    """An error of an AWS API, as the service's model names it.

    ``code`` is the error shape's name (``NotFoundException``), ``members`` further members of
    that shape. The codec takes the HTTP status from the model; ``status`` serves codes that the
    model does not list (``UnknownOperationException``).
    """

    def __init__(self, code: str, message: str, *, status: int = 400, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members


class ConfigError(TealError):
    """A value of teal.toml that cannot be used.

    ``key`` is the dotted path (``services.web.port``), ``allowed`` says what would be right.
    """

    def __init__(self, file: str, key: str, value: object, allowed: str) -> None:
        super().__init__(f"{file}: {key} = {value!r}: must be {allowed}")
        self.file = file
        self.key = key
        self.value = value
        self.allowed = allowed


class EngineError(TealError):
    """A task cannot be started or looked after; the text says what the user can do."""
