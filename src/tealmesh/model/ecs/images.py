"""The image map as the store keeps it: what the process runtime runs in place of an image."""

from __future__ import annotations

from typing import TypedDict


class ImageBody(TypedDict):
    """One entry of ``[images]`` in teal.toml."""

    pattern: str
    """Shell-style pattern of image names, such as ``example/web:*``."""
    command: list[str]
    """Program and arguments."""
    cwd: str
    """Directory of teal.toml: relative paths in ``command`` start here."""
    environment: dict[str, str]
    """Variables added to the container's own."""
