"""What is one Envoy's own on its stream: names and bodies that bear its task's addresses.

The sessions of all tasks of a node know one configuration, with placeholders (`envoy.placing`).
Where a response leaves, the task's own resources take the place of those that bear a placeholder;
where a request comes in, their names are taken back. Versions are the same on both sides. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from tealmesh.envoy.placing import ADDRESS, Addresses, bears, named, placed
from tealmesh.envoy.resources import Resource, ResourceSet, ResourceType
from tealmesh.xds.protocol.exchange import Change, Request

Place: TypeAlias = Callable[[Resource, Addresses], Resource]


class Own:
    """Translates between an Envoy and the sessions that it shares. Without ``addresses`` both say
    the same.
    """

    __slots__ = ("_address", "_place", "addresses")

    def __init__(self, addresses: Addresses, place: Place = placed) -> None:
        self.addresses = addresses
        self._address = dict(addresses).get(ADDRESS, "")
        self._place = place

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and other.addresses == self.addresses

    def __hash__(self) -> int:
        return hash(self.addresses)

    def at(self, addresses: Addresses) -> Own:
        """The same at other addresses."""
        return Own(addresses, self._place)

    def text(self, text: str) -> str:
        """A name or message of a session, as it concerns this Envoy."""
        return named(text, self.addresses)

    def request(self, type_url: str, request: Request) -> Request:
        """A request of this Envoy, as the session understands it."""
        if not self._address or is_common(type_url, request):
            return request
        if request.error is not None:
            request = replace(request, error=self._common(request.error))
        if type_url != ResourceType.LISTENER:
            return request
        return replace(
            request,
            names=self._all_common(request.names),
            subscribe=self._all_common(request.subscribe),
            unsubscribe=self._all_common(request.unsubscribe),
            initial_versions={self._common(n): v for n, v in request.initial_versions.items()},
        )

    def change(self, change: Change) -> Change:
        """What is sent, as this Envoy gets it."""
        if not self.addresses:
            return change
        made = (self.resource(one) for one in change.resources.values())
        removed = frozenset(self.text(name) for name in change.removed)
        return Change({one.name: one for one in made}, removed, change.version)

    def resource(self, resource: Resource) -> Resource:
        """A resource of the session's, as this Envoy has it."""
        return self._place(resource, self.addresses) if bears(resource) else resource

    def resources(self, common: ResourceSet) -> ResourceSet:
        """All resources as this Envoy has them, made when they are looked at."""
        if not self.addresses:
            return common
        clusters, listeners = _Placed(common.clusters, self), _Placed(common.listeners, self)
        return replace(common, clusters=clusters, listeners=listeners)

    def _common(self, text: str) -> str:
        return text.replace(self._address, ADDRESS)

    def _all_common(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self._common(name) for name in names)


def is_common(type_url: str, request: Request) -> bool:
    """Whether nothing in a request can bear an address, so that it means the same of all Envoys."""
    if request.error is not None:
        return False
    if type_url != ResourceType.LISTENER:
        return True
    named = request.names or request.subscribe or request.unsubscribe or request.initial_versions
    return not named


class _Placed(Mapping[str, Resource]):
    """Resources as one Envoy has them."""

    def __init__(self, common: Mapping[str, Resource], own: Own) -> None:
        self._common = {own.text(name): resource for name, resource in common.items()}
        self._own = own

    def __getitem__(self, name: str) -> Resource:
        return self._own.resource(self._common[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._common)

    def __len__(self) -> int:
        return len(self._common)


NOTHING_OWN = Own(())
"""Of an Envoy whose traffic is redirected to it."""
