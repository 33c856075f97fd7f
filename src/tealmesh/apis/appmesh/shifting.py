"""Several routes get other targets in one revision: an operation of our own API.

An Envoy takes up a revision as a whole, so no caller ever has one route with the weights of before
and another with those of after. App Mesh itself has only UpdateRoute.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from tealmesh.apis.appmesh.grace import drop_stale_routes
from tealmesh.apis.appmesh.nouns import ROUTE, MeshContent, Resource
from tealmesh.apis.appmesh.references import check_references
from tealmesh.apis.appmesh.route_rules import ROUTE_MEMBERS
from tealmesh.model.clock import Clock
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Store, Transaction, tables

if TYPE_CHECKING:
    from tealmesh.model.appmesh import ResourceBody, RouteSpec
    from tealmesh.model.wire import RouteShift, ShiftedRoute, ShiftedTarget, ShiftWeightsInput


class RouteShifts:
    """The operation ShiftWeights, for the account that the App Mesh API answers for."""

    def __init__(self, store: Store, account: str, clock: Clock) -> None:
        self._store = store
        self._account = account
        self._clock = clock

    async def shift(self, caller: Caller, request: ShiftWeightsInput) -> list[ShiftedRoute]:
        """Give every route its targets, or none: in one write, with all checks of UpdateRoute.

        Raises ConflictException if a route has another version, NotFoundException, and
        BadRequestException for targets that the route cannot have.
        """
        mesh, shifts, now = request["mesh"], request["routes"], self._clock()
        _refuse_twice(shifts)

        def change(tx: Transaction) -> list[ShiftedRoute]:
            shifted = [self._shifted(tx, mesh, shift, now) for shift in shifts]
            drop_stale_routes(tx, mesh)
            return shifted

        return await self._store.write(caller.actor, "ShiftWeights", change)

    def _shifted(self, tx: Transaction, mesh: str, shift: RouteShift, now: float) -> ShiftedRoute:
        names = (mesh, shift["virtualRouterName"], shift["routeName"])
        document = tx.get(tables.ROUTES, *names)
        if document is None:
            raise AwsError("NotFoundException", f"{self._named(*names)} is not present")
        body = document.body.copy()
        if body["version"] != shift["version"]:
            raise AwsError(
                "ConflictException",
                f"{self._named(*names)} has version {body['version']}, not {shift['version']}: it "
                "has changed in the meantime; read it again. No route was changed",
            )
        spec = _with_targets(body["spec"], shift["weightedTargets"])
        if spec != body["spec"]:
            body["version"] += 1
            body["lastUpdatedAt"] = now
            body["spec"] = spec
            _check(tx, mesh, names, body)
            tx.put(tables.ROUTES, *names, body=body)
        return {
            "virtualRouterName": names[1],
            "routeName": names[2],
            "version": body["version"],
        }

    def _named(self, mesh: str, router: str, route: str) -> str:
        return (
            f"Route with name {route} under VirtualRouter {router} under mesh {mesh} for account "
            f"{self._account}"
        )


def _check(
    tx: Transaction, mesh: str, names: tuple[str, ...], body: ResourceBody[RouteSpec]
) -> None:
    problems = [str(problem) for problem in ROUTE.problems(body["spec"])]
    if problems:
        where = f"route {names[2]} of router {names[1]}"
        raise AwsError("BadRequestException", f"{where}: {'; '.join(problems[:5])}")
    check_references(MeshContent(tx, mesh), Resource(ROUTE, names, body["spec"]))


def _with_targets(spec: RouteSpec, targets: list[ShiftedTarget]) -> RouteSpec:
    member = next(member for member in ROUTE_MEMBERS if member in spec)
    routed = spec[member]
    action = {**routed["action"], "weightedTargets": [{**target} for target in targets]}
    return cast("RouteSpec", {**spec, member: {**routed, "action": action}})


def _refuse_twice(shifts: Iterable[RouteShift]) -> None:
    """Raise BadRequestException for a route that is named twice."""
    seen: set[tuple[str, str]] = set()
    for shift in shifts:
        key = (shift["virtualRouterName"], shift["routeName"])
        if key in seen:
            raise AwsError(
                "BadRequestException", f"routes: route {key[1]} of router {key[0]} is named twice"
            )
        seen.add(key)
