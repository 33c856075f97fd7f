"""What a deployment adds to the routes of a virtual router, beside App Mesh's specifications.

App Mesh's routes know weights and nothing else, and stay as they are; this is a document of our
own, which only deployments write (design note 028). It concerns the routes that lead to ``node``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypedDict, cast

from tealmesh.model.config.beside import (
    Cohort,
    CohortBody,
    Mirror,
    MirrorBody,
    Preview,
    PreviewBody,
    Sticky,
    StickyBody,
    stored_cohort,
    stored_mirror,
    stored_preview,
    stored_sticky,
)
from tealmesh.model.teal import known_members


class RouterExtensionBody(TypedDict):
    """A `RouterExtension`."""

    mesh: str
    router: str
    deployment: str
    service: str
    side: str
    node: str
    preview: PreviewBody | None
    mirror: MirrorBody | None
    cohort: CohortBody | None
    sticky: StickyBody | None
    called: Sequence[str]


@dataclass(frozen=True)
class RouterExtension:
    """How requests reach a new side beside its weight."""

    mesh: str
    router: str
    deployment: str
    """Id of the deployment that it belongs to."""
    service: str
    """The name by which `teal` knows the service."""
    side: str
    """The new side."""
    node: str
    """Its virtual node."""
    preview: Preview | None = None
    mirror: Mirror | None = None
    cohort: Cohort | None = None
    sticky: Sticky | None = None
    called: tuple[str, ...] = ()
    """What the header of a preview may say instead of the side's name: in a group deployment, its
    name and the new sides of the others."""

    def sentences(self) -> list[str]:
        """How requests reach the new side, for people."""
        return [
            *self._preview_words(),
            *([self._mirror_words(self.mirror)] if self.mirror else ()),
            *([f"requests with {self.cohort} go to {self.side}"] if self.cohort else ()),
            *([f"users stay on their side by {self.sticky}"] if self.sticky else ()),
        ]

    def _preview_words(self) -> list[str]:
        if self.preview is None:
            return []
        through = ", ".join(self.preview.allow)
        gateways = f"; gateways let it pass: {through}" if through else ", not through gateways"
        values = " or ".join((self.side, *self.called))
        return [f"header {self.preview.header}: {values} reaches {self.side}{gateways}"]

    def _mirror_words(self, mirror: Mirror) -> str:
        methods = " and ".join(mirror.methods)
        return f"copies of {mirror.percent:g} % of {methods} requests go to {self.side}"

    def to_json(self) -> RouterExtensionBody:
        """The body that the store keeps."""
        return cast("RouterExtensionBody", asdict(self))

    @classmethod
    def from_json(cls, body: RouterExtensionBody) -> RouterExtension:
        """The extension that `to_json` wrote. Members of later versions are ignored."""
        known = known_members(cls, body)
        known["preview"] = stored_preview(body.get("preview"))
        known["mirror"] = stored_mirror(body.get("mirror"))
        known["cohort"] = stored_cohort(body.get("cohort"))
        known["sticky"] = stored_sticky(body.get("sticky"))
        known["called"] = tuple(body.get("called", ()))
        return cls(**known)
