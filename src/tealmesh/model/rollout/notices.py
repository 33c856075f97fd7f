"""Who is told of deployments, and what is still to be told, as the store keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from tealmesh.model.config.notices import Kind, Shape


class NoticeTargetBody(TypedDict):
    """A `model.config.notices.NoticeConfig`, and the directory of its teal.toml."""

    name: str
    shape: Shape
    url: str
    url_file: str
    secret_file: str
    bus: str
    services: Sequence[str]
    on: Sequence[Kind]
    links: str
    directory: str


class NoticeBody(TypedDict):
    """What one target is to be told of one transition of a deployment."""

    id: str
    """The same for each try, and for each target."""
    target: str
    kind: Kind
    at: float
    """Epoch seconds."""
    service: str
    group: NotRequired[str]
    """The group that it is deployed with; absent if it is deployed alone."""
    mesh: str
    deployment: str
    sequence: int
    status: str
    state: str
    old_side: str
    new_side: str
    old_image: str
    new_image: str
    weights: Mapping[str, int]
    actor: str
    """Who started the deployment."""
    ended_by: NotRequired[str]
    """Who has aborted it or given it up; absent if nobody has."""
    message: str
    """What happened and why, for people."""
    revision: int
    """The store's revision that has the transition: notices are sent in this order."""
