"""``[notices.NAME]`` of a teal.toml: who is told of deployments, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

from tealmesh.model.config.table import Table

Shape = Literal["webhook", "slack", "eventbridge"]
Kind = Literal[
    "STARTED",
    "APPROVAL_WANTED",
    "HELD",
    "ROLLING_BACK",
    "SUCCEEDED",
    "ROLLED_BACK",
    "ROLLBACK_FAILED",
    "STOPPED",
]
"""What is told of a deployment."""

KINDS: tuple[Kind, ...] = get_args(Kind)
SHAPES: tuple[Shape, ...] = get_args(Shape)
NOTICE_KEYS = ("shape", "url", "url_file", "secret_file", "bus", "services", "on", "links")
_URL_ALLOWED = "an http or https URL without a name or password"


@dataclass(frozen=True)
class NoticeConfig:
    """Somebody who is told of deployments."""

    name: str
    shape: Shape = "webhook"
    url: str = ""
    url_file: str = ""
    """The file with the URL, where that is a secret, as Slack's is; relative to teal.toml."""
    secret_file: str = ""
    """The file with the secret that signs a webhook; relative to teal.toml."""
    bus: str = "default"
    """The event bus of EventBridge."""
    services: tuple[str, ...] = ()
    """The services whose deployments are told; all if empty."""
    on: tuple[Kind, ...] = KINDS
    """What is told."""
    links: str = ""
    """Where people reach this control plane, for the links to approve and roll back; empty for its
    own endpoint."""


def read_notices(table: Table) -> dict[str, NoticeConfig]:
    """``[notices.NAME]``, by name."""
    return {name: read_notice(table.table(name, NOTICE_KEYS), name) for name in table.data}


def read_notice(table: Table, name: str) -> NoticeConfig:
    """``[notices.NAME]``, from its table."""
    shape = next((s for s in SHAPES if s == table.data.get("shape", "webhook")), None)
    if shape is None:
        table.fail("shape", " or ".join(f'"{one}"' for one in SHAPES))
    one = NoticeConfig(
        name=name,
        shape=shape,
        url=_url(table, "url"),
        url_file=_optional(table, "url_file", "the name of a file"),
        secret_file=_optional(table, "secret_file", "the name of a file"),
        bus=table.text("bus", "default", "the name or ARN of an event bus"),
        services=table.texts("services"),
        on=_kinds(table),
        links=_url(table, "links"),
    )
    if shape == "eventbridge":
        for key in ("url", "url_file", "secret_file"):
            if key in table.data:
                table.fail(key, "left out: EventBridge is reached through the endpoint in use")
    elif bool(one.url) == bool(one.url_file):
        table.fail("url", f"{_URL_ALLOWED}, or url_file the name of a file with one: one of both")
    if one.secret_file and shape != "webhook":
        table.fail("secret_file", f'left out: only shape = "webhook" is signed, not "{shape}"')
    if "bus" in table.data and shape != "eventbridge":
        table.fail("bus", 'left out without shape = "eventbridge"')
    return one


def is_url(text: str) -> bool:
    """Whether notices can be sent to this URL."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        return False


def _url(table: Table, key: str) -> str:
    return table.text(key, None, _URL_ALLOWED, is_url) if key in table.data else ""


def _optional(table: Table, key: str, allowed: str) -> str:
    return table.text(key, None, allowed) if key in table.data else ""


def _kinds(table: Table) -> tuple[Kind, ...]:
    if "on" not in table.data:
        return KINDS
    named = table.texts("on")
    kinds = tuple(kind for kind in KINDS if kind in named)
    if not named or len(kinds) < len(set(named)):
        table.fail("on", f"a list of {', '.join(KINDS)}")
    return kinds
