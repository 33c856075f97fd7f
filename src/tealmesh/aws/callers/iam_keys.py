"""Keys that IAM and STS have issued, as moto has them: in memory until something in IAM changes."""

from __future__ import annotations

from collections.abc import Callable

from tealmesh.model.identity.iam_keys import IamKey, IamKeyOf, may_be_of_iam

_KEPT = 1024


class IamKeys:
    """Finds the keys by their ids. A key id that is not of their form costs nothing."""

    def __init__(self, ask: IamKeyOf, used: Callable[[], bool]) -> None:
        """``used``: whether anybody has used IAM or another service of moto's yet. Until then there
        are no keys, and moto is not needed to say so.
        """
        self._ask = ask
        self._used = used
        self._kept: dict[str, IamKey | None] = {}
        self._changes = 0

    async def find(self, key_id: str) -> IamKey | None:
        """The key with an id; None if there is none. Raises AwsError if moto does not answer."""
        if key_id in self._kept:
            return self._kept[key_id]
        if not may_be_of_iam(key_id) or not self._used():
            return None
        changes = self._changes
        found = await self._ask(key_id)
        if changes == self._changes:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key_id] = found
        return found

    def forget(self) -> None:
        """Something in IAM has changed."""
        self._changes += 1
        self._kept.clear()
