"""Deployments, their journal and the applied teal.toml, as the store keeps them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tealmesh.model.absent import absent
from tealmesh.model.clock import Wall
from tealmesh.model.config.nouns import Image, TealConfig
from tealmesh.model.errors import AwsError, Fenced, NotKnownYet
from tealmesh.model.rollout import Deployment, JournalEntry
from tealmesh.model.traffic.windows import Window
from tealmesh.rollout import discovery, extending, failed, system, watched
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.applying.additions import put_additions, put_told
from tealmesh.rollout.notices import outbox
from tealmesh.rollout.running.stored import keep, refuse_locked, take_kept
from tealmesh.rollout.system import GatewaySystem, Service, ServiceSystem
from tealmesh.store import Document, Reader, Transaction, View, tables

if TYPE_CHECKING:
    from tealmesh.model.ecs.images import ImageBody
    from tealmesh.model.teal import AdoptionBody, DeploymentBody


def deployments(view: Reader, service: str) -> list[Deployment]:
    """The deployments of a service, newest first. There may be hundreds, so whoever needs one takes
    it by `read`.
    """
    return [read(view, document) for document in newest_first(view, service)]


def newest_first(view: Reader, service: str) -> list[Document[DeploymentBody]]:
    """The documents of a service's deployments."""
    # A finished one is not written any more, and one that runs is the newest: dates could have been
    # set back meanwhile.
    return sorted(view.list(tables.DEPLOYMENTS, service), key=lambda d: d.revision, reverse=True)


def read(view: Reader, document: Document[DeploymentBody]) -> Deployment:
    """What a document says."""
    found = Deployment.from_json(document.body)
    return found if found.number else replace(found, number=_number(view, document))


def _number(view: Reader, document: Document[DeploymentBody]) -> int:
    """A deployment's own, from 1 on; of version 0.1, which gave none, its place."""
    if number := document.body.get("number"):
        return number
    stored = view.list(tables.DEPLOYMENTS, document.body["service"])
    return sum(one.revision <= document.revision for one in stored)


def unfinished(view: Reader) -> list[Deployment]:
    """The deployments of all services that have not finished."""
    stored = view.list(tables.DEPLOYMENTS)
    return [Deployment.from_json(d.body) for d in stored if d.body["finished_at"] is None]


def deployment(view: View, deployment_id: str) -> Deployment:
    """The deployment with this id, which must exist."""
    return next(
        Deployment.from_json(d.body)
        for d in view.list(tables.DEPLOYMENTS)
        if d.body["id"] == deployment_id
    )


def put_first(
    t: Transaction, d: Deployment, entry: JournalEntry, service: Service | None = None
) -> Deployment:
    """Store a new deployment, with ``service`` as it is now if others made it, and return it with
    its number. A side of the service that was kept is the deployment's from now on.

    Raises ConflictException while another one of its service runs, or if that is locked; a way back
    is never locked.
    """
    if t.get(tables.REMOVALS, d.service) is not None:
        raise AwsError(
            "ConflictException",
            f"{d.service} is being removed: `teal delete {d.service}` finishes that, and `teal "
            "apply` creates it again",
        )
    if d.kind == "DEPLOY":
        refuse_locked(t, d.service, t.moment)
    before = t.list(tables.DEPLOYMENTS, d.service)
    for other in before:
        if other.body["finished_at"] is None:
            refuse_another(Deployment.from_json(other.body))
    if isinstance(service, MeshService):
        t.put(tables.ADOPTED, service.name, body=service.to_json())
    take_kept(t, d.service)
    watched.begin(t, d, deployed_service(t, d.service))
    d = replace(d, number=1 + max((_number(t, other) for other in before), default=0))
    _put(t, d, entry)
    return d


def put(t: Transaction, d: Deployment, entry: JournalEntry, before: int, wall: Wall) -> None:
    """Store a deployment and the entry of the transition that it has just made. ``before``: the
    number of the transition before, by which a control plane knows the deployment.

    Raises Fenced if the deployment has made another one since: somebody else works on it.
    """
    _refuse_fenced(t, d, before)
    _put(t, d, entry)
    if d.kept_for:
        keep(t, d, wall)


def _refuse_fenced(t: Transaction, d: Deployment, before: int) -> None:
    stored = t.get(tables.DEPLOYMENTS, d.service, d.id)
    present = stored.body["sequence"] if stored else 0
    if present != before:
        raise Fenced(
            f"deployment {d.number} of {d.service} is at transition {present}, not {before}: "
            "another control plane works on it"
        )


def _put(t: Transaction, d: Deployment, entry: JournalEntry) -> None:
    t.put(tables.DEPLOYMENTS, d.service, d.id, body=d.to_json())
    t.put(tables.JOURNAL, d.id, f"{entry.sequence:06}", body=entry.to_json())
    outbox.put(t, d, entry)
    service = _present_service(t, d.service)
    if d.finished:
        watched.end(t, d, service)
    if service is not None:
        failed.keep(t, d, service)
    extending.keep(t, d, service)


def _present_service(t: Transaction, name: str) -> Service | None:
    """The service of a deployment; None if it is gone."""
    gone = t.get(tables.SYSTEMS, name) is None and t.get(tables.ADOPTED, name) is None
    return None if gone else deployed_service(t, name)


def put_measured(t: Transaction, d: Deployment, before: int) -> None:
    """Store what a deployment has measured, without a transition. Raises Fenced as `put` does."""
    _refuse_fenced(t, d, before)
    t.put(tables.DEPLOYMENTS, d.service, d.id, body=d.to_json())


def put_window(t: Transaction, d: Deployment) -> None:
    """Store the window of measurement that a deployment has just closed."""
    window = d.comparison.last
    if window is not None:
        service = _present_service(t, d.service)
        if service is not None:
            window = watched.with_task_names(t, d, service, window)
        t.put(tables.WINDOWS, d.id, f"{window.index:06}", body=window.to_json())


def windows(view: Reader, deployment_id: str) -> list[Window]:
    """The windows of measurement of a deployment, in order."""
    return [Window.from_json(d.body) for d in view.list(tables.WINDOWS, deployment_id)]


def refuse_shared_router(view: View, service: Service, but: str = "") -> None:
    """Raise ConflictException if a deployment shifts weights on the router of a service that others
    made: two of their virtual services may have the same one. ``but``: the id of one that may.
    """
    if not isinstance(service, MeshService):
        return
    for running in (d for d in unfinished(view) if d.id != but):
        other = deployed_service(view, running.service)
        if isinstance(other, MeshService) and (other.mesh, other.router) == (
            service.mesh,
            service.router,
        ):
            refuse_another(running)


def by_token(view: View, service: str, token: str) -> Deployment | None:
    """The deployment of a service that was started with this client token; None without a token."""
    for document in newest_first(view, service) if token else ():
        if document.body.get("client_token") == token:
            return read(view, document)
    return None


def refuse_another(running: Deployment | None) -> None:
    """Raise ConflictException if this deployment has not finished."""
    if running is not None and not running.finished and running.member:
        raise AwsError(
            "ConflictException",
            f"{running.service} is being deployed to {running.new_image} with group "
            f"{running.member.group}: wait until that has finished, or abort it (`teal abort "
            f"--group {running.member.group}`)",
        )
    if running is not None and not running.finished:
        raise AwsError(
            "ConflictException",
            f"a deployment of {running.service} to {running.new_image} is running: wait until it "
            f"has finished, abort it (`teal abort {running.service}`), or deploy in place of it "
            f"(`teal deploy {running.service} --image IMAGE --replace`)",
        )


def service_system(view: Reader, name: str) -> ServiceSystem:
    """The service of teal.toml as applied. Raises NotFoundException, which names all services, or
    BadRequestException for a virtual service without weighted targets.
    """
    document = view.get(tables.SYSTEMS, name)
    if document is None:
        why = discovery.without_targets(view, name)
        if why:
            raise AwsError("BadRequestException", why)
        known = [service.name for service in every_service(view)]
        hint = "create services with Terraform or `teal apply`"
        raise AwsError("NotFoundException", absent("service", name, known, hint))
    return ServiceSystem.from_json(document.body)


def service(view: View, name: str) -> Service:
    """The service of this name: of teal.toml, or found among those that others made. Raises
    NotFoundException, which names the services there are.
    """
    if view.get(tables.SYSTEMS, name) is not None:
        return service_system(view, name)
    found = discovery.find(view, name)
    return found or service_system(view, name)


def deployed_service(view: Reader, name: str) -> Service:
    """The service of a deployment, as it was when that started."""
    document = view.get(tables.ADOPTED, name)
    if document is None or view.get(tables.SYSTEMS, name) is not None:
        return service_system(view, name)
    return MeshService.from_json(document.body)


def scaling_in_held(view: Reader, cluster: str, service: str) -> bool:
    """Whether the ECS service is a side of a deployment that has not finished: automatic scaling
    must not take tasks from it, as the traffic that it had leaves or is still to come. So is one
    that is kept for a way back.
    """
    held = [(d.service, side) for d in unfinished(view) for side in (d.old_side, d.new_side)]
    held += [(kept.body["service"], kept.body["side"]) for kept in view.list(tables.KEPT)]
    return any(
        deployed_service(view, name).ecs_service(side) == (cluster, service) for name, side in held
    )


def every_service(view: Reader) -> list[Service]:
    """The services of teal.toml, then those that others made."""
    return [*services(view), *discovery.discover(view)]


def services(view: Reader) -> list[ServiceSystem]:
    """All services of teal.toml as applied."""
    return [ServiceSystem.from_json(d.body) for d in view.list(tables.SYSTEMS)]


def desired_counts(view: Reader) -> dict[str, int]:
    """What the applied teal.toml says of the tasks of each service and gateway, by name."""
    counts = {service.name: service.config.desired_count for service in services(view)}
    return counts | {gateway.name: gateway.config.desired_count for gateway in gateways(view)}


def gateways(view: Reader) -> list[GatewaySystem]:
    """All gateways as applied."""
    return [GatewaySystem.from_json(d.body) for d in view.list(tables.GATEWAYS)]


def url(view: View, service: str) -> str:
    """Where a gateway of teal.toml takes requests to a service; empty if none does."""
    for gateway in gateways(view):
        for prefix, name in gateway.config.routes.items():
            if name == service:
                return f"http://{gateway.config.address}:{gateway.config.port}{prefix}"
    return ""


def put_config(t: Transaction, config: TealConfig, base_directory: str) -> None:
    """Store what a teal.toml describes; the commands of its images run in ``base_directory``.

    Raises BadRequestException when it changes a name by which running resources are found.
    """
    refuse_other_names(t, config)
    refuse_shared_ports(t, config)
    for service in system.services(config):
        t.put(tables.SYSTEMS, service.name, body=service.to_json())
        watched.settled(t, service)
        t.delete(tables.REMOVALS, service.name)
    for gateway in system.gateways(config):
        t.put(tables.GATEWAYS, gateway.name, body=gateway.to_json())
        t.delete(tables.REMOVALS, gateway.name)
    put_additions(t, config.additions, base_directory)
    for image in config.images:
        t.put(tables.IMAGES, image.pattern, body=image_body(image, base_directory))


def refuse_shared_ports(reader: Reader, config: TealConfig) -> None:
    """Raise BadRequestException if two gateways are to listen at one port of this machine."""
    owners = {(g.config.address, g.config.port): g.name for g in gateways(reader)}
    ours = {gateway.name for gateway in system.gateways(config)}
    owners = {place: name for place, name in owners.items() if name not in ours}
    for gateway in system.gateways(config):
        place = (gateway.config.address, gateway.config.port)
        owner = owners.setdefault(place, gateway.name)
        if owner != gateway.name:
            by = f"`teal delete {owner}` (or with `teal apply --prune`)"
            gone = "" if owner in ours else f"remove that one first by {by}, or "
            raise AwsError(
                "BadRequestException",
                f"[gateways.{gateway.name}] port = {place[1]}: gateway {owner} listens there: "
                f"{gone}choose another port",
            )


def adopt(t: Transaction, name: str, told: AdoptionBody) -> None:
    """Store what is told of a service that others made. Raises NotFoundException for an unknown
    service, and BadRequestException if it has no such side, ECS service, container or route.
    """
    before = discovery.find(t, name)
    if before is None:
        known = [service.name for service in discovery.discover(t)]
        raise AwsError("NotFoundException", absent("service that others made", name, known))
    put_told(t, before.name, told)
    after = discovery.find(t, before.name)
    unknown = set(told.get("sides", {})) - set(after.sides if after else ())
    if after is None or unknown:
        sides = ", ".join(after.sides) if after else "none"
        raise AwsError(
            "BadRequestException",
            f"{name} has no side {', '.join(sorted(unknown))} (known: {sides}): other names "
            "need the virtual nodes of both sides, `--node SIDE=VIRTUAL_NODE`",
        )
    missing = after.problem and any(
        (
            told.get("container", after.container) != after.container,
            tuple(told.get("routes", after.routes)) != after.routes,
            any(
                "ecsService" in one and after.side(side).exists and not after.ecs_service(side)[1]
                for side, one in told.get("sides", {}).items()
            ),
        )
    )
    if missing:
        raise NotKnownYet("BadRequestException", f"{name}: {after.problem}")


def image_body(image: Image, base_directory: str) -> ImageBody:
    """An entry of the image map."""
    body: ImageBody = {
        "pattern": image.pattern,
        "command": list(image.command),
        "cwd": base_directory,
        "environment": dict(image.environment),
    }
    return {**body, "user": image.user} if image.user else body


def refuse_other_names(view: Reader, config: TealConfig) -> None:
    """Raise BadRequestException if a teal.toml changes a name by which what runs is found."""
    for service in system.services(config):
        document = view.get(tables.SYSTEMS, service.name)
        if document is not None:
            _refuse_other_names(ServiceSystem.from_json(document.body), service)


def left_over(view: Reader, config: TealConfig) -> tuple[str, ...]:
    """The services and gateways of the mesh that a teal.toml described once and does not now."""
    stored: list[ServiceSystem | GatewaySystem] = [*services(view), *gateways(view)]
    described = {*config.services, *config.gateways}
    return tuple(
        one.name for one in stored if one.mesh == config.mesh and one.name not in described
    )


def _refuse_other_names(present: ServiceSystem, wanted: ServiceSystem) -> None:
    for member, before, after in (
        ("mesh", present.mesh, wanted.mesh),
        ("cluster", present.cluster, wanted.cluster),
        ("namespace", present.namespace, wanted.namespace),
        ("sides", present.config.sides, wanted.config.sides),
        ("hostname", present.config.hostname, wanted.config.hostname),
        ("protocol", present.config.protocol, wanted.config.protocol),
    ):
        if before != after:
            raise AwsError(
                "BadRequestException",
                f"{wanted.name}: {member} = {after!r}: must stay {before!r} as long as the "
                "service exists",
            )
