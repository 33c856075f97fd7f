"""What roles may be by the owner's file, in place of their policies."""

from __future__ import annotations

from collections.abc import Callable

from tealmesh.app.envoys.permission import ACTION, Decider, FindRole
from tealmesh.model.identity.bindings import FILE, Bindings, covers


class ByBindings:
    """A `Decider` by ``roles`` in ``envoys.json``; by another one where that file has none. A role
    without a line may be nothing.
    """

    def __init__(
        self, bindings: Callable[[], Bindings], find: FindRole, otherwise: Decider
    ) -> None:
        """``find`` is asked for roles that are bound by their id."""
        self._bindings = bindings
        self._find = find
        self._otherwise = otherwise

    @property
    def again_seconds(self) -> float:
        return self._otherwise.again_seconds

    @property
    def unknown(self) -> set[str]:
        return set() if self._bindings().roles is not None else self._otherwise.unknown

    def version(self) -> object:
        return (self._bindings().roles, self._otherwise.version())

    async def why_not(self, role: str, resource: str) -> str:
        roles = self._bindings().roles
        if roles is None:
            return await self._otherwise.why_not(role, resource)
        begin = f"{role} may not {ACTION} on {resource}: "
        line = roles.get(role)
        if line is None:
            return f"{begin}{FILE} has no line for the role"
        if line.unique_id:
            found = await self._find(role)
            if found is None:
                return f"{begin}IAM does not know the role"
            if found.unique_id != line.unique_id:
                return (
                    f"{begin}{FILE} binds the role with the id {line.unique_id}, and it was "
                    f"deleted and created again: it is {found.unique_id}"
                )
        if any(covers(allowed, resource) for allowed in line.resources):
            return ""
        return f"{begin}{FILE} binds it to {', '.join(line.resources) or 'nothing'}"
