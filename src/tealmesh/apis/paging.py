"""Pages of a list behind an opaque ``nextToken``. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tealmesh.model.errors import AwsError
from tealmesh.model.identity.base64url import decoded, encoded

T = TypeVar("T")


@dataclass(frozen=True)
class Pager:
    """The pages of one list operation."""

    code: str
    """The service's error code for a bad token or limit."""

    scope: tuple[str, ...]
    """Operation, parent and filters. A token is good only for the list that issued it."""

    largest: int = 100
    """The size of a page without a limit, and the largest limit allowed."""

    member: str = "nextToken"
    limit_member: str = "maxResults"

    def items(
        self,
        listed: Mapping[str, T],
        limit: int | None,
        token: str | None,
        *,
        descending: bool = False,
    ) -> tuple[list[T], str | None]:
        """The values of ``listed`` whose keys follow ``token``, in the order of their keys, and
        the token of the next page (None on the last). Raises as `page`.
        """
        keys, following = self.page(list(listed), limit, token, descending=descending)
        return [listed[key] for key in keys], following

    def page(
        self, keys: Sequence[str], limit: int | None, token: str | None, *, descending: bool = False
    ) -> tuple[list[str], str | None]:
        """The keys that follow ``token``, and the token of the next page (None on the last).

        ``keys`` must be unique; they are sorted here. A token holds the last key returned, so no
        page repeats or skips an entry that stays while others come and go. Raises AwsError for a
        token that this list did not issue, and for a limit outside 1 to ``largest``.
        """
        size = self.largest if limit is None else limit
        if not 1 <= size <= self.largest:
            raise AwsError(self.code, f"{self.limit_member} = {size}: must be 1 to {self.largest}")
        ordered = sorted(keys, reverse=descending)
        if token is not None:
            last = self._last(token)
            ordered = [k for k in ordered if (k < last if descending else k > last)]
        chosen = ordered[:size]
        return chosen, self._token(chosen[-1]) if len(ordered) > size else None

    def _token(self, last: str) -> str:
        text = json.dumps([*self.scope, last], separators=(",", ":"))
        return encoded(text.encode())

    def _last(self, token: str) -> str:
        refused = AwsError(
            self.code,
            f"Invalid token {self.member} = {token[:200]!r}: must be the"
            f" {self.member} of an earlier answer to the same list with the same filters",
        )
        try:
            parts = json.loads(decoded(token))
        except (ValueError, RecursionError) as error:
            raise refused from error
        if not isinstance(parts, list) or parts[:-1] != [*self.scope]:
            raise refused
        if not isinstance(parts[-1], str):
            raise refused
        return parts[-1]
