"""How a deployment begins: what is pinned of its service, and its first state. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Comparison, Deployment, SideTasks
from tealmesh.model.spans import span
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.effects import LiveRoute
from tealmesh.rollout.hooks.freezing import frozen, upcoming
from tealmesh.rollout.machine import shares
from tealmesh.rollout.machine.wording import shown
from tealmesh.rollout.system import Service, other_side

_SOON_SECONDS = 4 * 3600.0
"""A freeze that begins within so long is told before a deployment starts."""


def refuse_problem(service: Service) -> None:
    """Raise BadRequestException if the service cannot be deployed as it is or as was told."""
    if isinstance(service, MeshService) and service.problem:
        raise AwsError(
            "BadRequestException", f"{service.name} cannot be deployed: {service.problem}"
        )
    if service.gates.watch and all(protocol == "tcp" for _, protocol in service.listeners):
        names = ", ".join(part.name for part in service.gates.watch)
        raise AwsError(
            "BadRequestException",
            f"{service.name} cannot be deployed: gates.watch = {names}: must be left out, as its "
            "protocol is tcp and connections have no such parts",
        )


def freeze(service: Service, now: float, *, force: bool) -> str:
    """The freeze in which a deployment begins, in words; empty outside of any. ``now``: wall time.
    Raises ConflictException in one, unless ``force``.
    """
    found = frozen(service.gates.freeze, now)
    if found is None:
        return ""
    if not force:
        raise AwsError(
            "ConflictException",
            f"{service.name} is not deployed in {found.words()}: wait for its end, or deploy "
            "it nevertheless with `--force`, which is recorded",
        )
    return found.words()


def freeze_ahead(service: Service, now: float) -> str:
    """That a freeze begins soon, for people; empty if none does. ``now``: wall time."""
    ahead = upcoming(service.gates.freeze, now, _SOON_SECONDS)
    if ahead is None:
        return ""
    seconds, found = ahead
    return (
        f"{found.words()} begins in {span(seconds)}: from then on the new side gets no more weight"
    )


def created(
    service: Service,
    old: str,
    tasks: Mapping[str, SideTasks],
    route: LiveRoute,
    image: str,
    deployment_id: str,
    now: float,
    history: Iterable[Deployment] = (),
) -> Deployment:
    """A deployment of ``image`` to the side that is not ``old``; ``tasks`` by side. The new side
    gets as many tasks as the old one has. What teal.toml says is for an old side without any.
    ``history``: the deployments before, newest first.
    """
    new = other_side(service, old)
    return Deployment(
        id=deployment_id,
        service=service.name,
        mesh=service.mesh,
        old_side=old,
        new_side=new,
        old_image=tasks[old].image,
        new_image=image,
        desired_count=tasks[old].desired or tasks[new].desired or service.desired_count or 1,
        strategy=service.strategy,
        gates=service.gates,
        created_at=now,
        updated_at=now,
        entered_at=now,
        live=route.weights,
        left_apart=route.apart,
        seen=route.weights,
        old_desired=tasks[old].desired,
        new_desired=tasks[new].desired,
        phase_at=now,
        comparison=Comparison(old_since=serves_since(history, old)),
    )


def serves_since(history: Iterable[Deployment], side: str) -> float:
    """Since when a side serves its image, by the machine's clock: what callers saw of it before was
    another version. 0 if no deployment changed it. ``history``: newest first.
    """
    d = next((d for d in history if d.new_side == side), None)
    if d is None:
        return 0.0
    weighted = d.comparison.warm_until
    return weighted - d.strategy.warm_up if weighted else d.entered_at


def active_side(service: Service, route: LiveRoute, tasks: Mapping[str, SideTasks]) -> str:
    """The side with weight. Raises ConflictException unless there is exactly one, or if it cannot
    serve while the other one, which would be replaced, can.
    """
    refuse_other_targets(service, route)
    refuse_apart(service, route)
    active = list(shares(route.weights))
    if len(active) != 1:
        weights = shown(route.weights) or "none"
        raise AwsError(
            "ConflictException",
            f"{service.name} has weights {weights}: a deployment starts from exactly one side "
            f"with weight (`teal weights {service.name}`)",
        )
    old = active[0]
    new = other_side(service, old)
    if not tasks[old].healthy and tasks[new].healthy:
        raise AwsError(
            "ConflictException",
            f"{service.name}: side {old} has all the weight and no healthy task, while {new} has "
            f"{tasks[new].healthy} with {tasks[new].image}, which this deployment would stop: give "
            f"it the weight first (`teal weights {service.name} {new}=100 {old}=0`)",
        )
    return old


def refuse_other_targets(service: Service, route: LiveRoute) -> None:
    """Raise ConflictException if the route sends requests to what is no side of the service."""
    others = {node: weight for node, weight in route.others.items() if weight}
    if others:
        raise AwsError(
            "ConflictException",
            f"{service.name}: its route also leads to {shown(others)}, which is none of its sides: "
            "give the weight to the sides first",
        )


def refuse_apart(service: Service, route: LiveRoute) -> None:
    """Raise ConflictException if the service's routes do not all give the same shares: which of
    them are to be shifted is somebody's decision.
    """
    if why := apart(service, route.apart):
        raise AwsError("ConflictException", f"{service.name}: {why}")


def apart(service: Service, by_route: Mapping[str, Mapping[str, int]]) -> str:
    """That the routes stand apart, with what to do; empty without ``by_route``, their weights."""
    if not by_route:
        return ""
    name, sides = service.name, " ".join(f"{side}=WEIGHT" for side in service.sides)
    stand = "; ".join(f"{route}: {shown(weights)}" for route, weights in by_route.items())
    return (
        f"its routes stand at different weights ({stand}): `teal weights {name} {sides}` gives all "
        f"of them the same, `teal adopt {name} --route ROUTE` says which ones are to be shifted"
    )


def pinned(service: Service) -> Service:
    """The service as its deployment will see it, however the state changes: a side that does not
    exist now is deleted again when it has no weight, and one that exists is kept without tasks.
    """
    if not isinstance(service, MeshService) or service.clean_up:
        return service
    missing = any(not side.exists for side in service.found)
    return replace(service, clean_up="delete" if missing else "stop")


def of_image(tasks: SideTasks, image: str) -> SideTasks:
    """The tasks; failed if they run another image, as after a rollback by ECS's circuit breaker."""
    if tasks.failure or not tasks.image or tasks.image == image:
        return tasks
    return replace(tasks, failure=f"they run {tasks.image}")
