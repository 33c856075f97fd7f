"""Deployments, their journal and the applied teal.toml, as the store keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.model.config.nouns import Image, TealConfig
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment, JournalEntry
from tealmesh.rollout import system
from tealmesh.rollout.system import GatewaySystem, ServiceSystem
from tealmesh.store import Transaction, View, tables

if TYPE_CHECKING:
    from tealmesh.model.images import ImageBody


def deployments(view: View, service: str) -> list[Deployment]:
    """The deployments of a service, newest first."""
    stored = [Deployment.from_json(d.body) for d in view.list(tables.DEPLOYMENTS, service)]
    return sorted(stored, key=lambda d: d.created_at, reverse=True)


def unfinished(view: View) -> list[Deployment]:
    """The deployments of all services that have not finished."""
    stored = (Deployment.from_json(d.body) for d in view.list(tables.DEPLOYMENTS))
    return [d for d in stored if not d.finished]


def deployment(view: View, deployment_id: str) -> Deployment:
    """The deployment with this id, which must exist."""
    return next(
        Deployment.from_json(d.body)
        for d in view.list(tables.DEPLOYMENTS)
        if d.body["id"] == deployment_id
    )


def put_first(t: Transaction, d: Deployment, entry: JournalEntry) -> None:
    """Store a new deployment. Raises ConflictException while another one of its service runs."""
    for document in t.list(tables.DEPLOYMENTS, d.service):
        refuse_another(Deployment.from_json(document.body))
    put(t, d, entry)


def put(t: Transaction, d: Deployment, entry: JournalEntry) -> None:
    """Store a deployment and the entry of the transition that it has just made."""
    t.put(tables.DEPLOYMENTS, d.service, d.id, body=d.to_json())
    t.put(tables.JOURNAL, d.id, f"{entry.sequence:06}", body=entry.to_json())


def refuse_another(running: Deployment | None) -> None:
    """Raise ConflictException if this deployment has not finished."""
    if running is not None and not running.finished:
        raise AwsError(
            "ConflictException",
            f"a deployment of {running.service} to {running.new_image} is running: wait until it "
            f"has finished, or abort it (`teal rollback {running.service}`)",
        )


def service_system(view: View, name: str) -> ServiceSystem:
    """The service as applied. Raises NotFoundException, which names the services there are."""
    document = view.get(tables.SYSTEMS, name)
    if document is None:
        known = ", ".join(service.name for service in services(view))
        hint = f" (known: {known})" if known else ": describe it in teal.toml and run `teal apply`"
        raise AwsError("NotFoundException", f"there is no service {name}{hint}")
    return ServiceSystem.from_json(document.body)


def services(view: View) -> list[ServiceSystem]:
    """All services as applied."""
    return [ServiceSystem.from_json(d.body) for d in view.list(tables.SYSTEMS)]


def gateways(view: View) -> list[GatewaySystem]:
    """All gateways as applied."""
    return [GatewaySystem.from_json(d.body) for d in view.list(tables.GATEWAYS)]


def put_config(t: Transaction, config: TealConfig, base_directory: str) -> None:
    """Store what a teal.toml describes; the commands of its images run in ``base_directory``.

    Raises BadRequestException when it changes a name by which running resources are found.
    """
    for service in system.services(config):
        document = t.get(tables.SYSTEMS, service.name)
        if document is not None:
            _refuse_other_names(ServiceSystem.from_json(document.body), service)
        t.put(tables.SYSTEMS, service.name, body=service.to_json())
    for gateway in system.gateways(config):
        t.put(tables.GATEWAYS, gateway.name, body=gateway.to_json())
    for image in config.images:
        t.put(tables.IMAGES, image.pattern, body=image_body(image, base_directory))


def image_body(image: Image, base_directory: str) -> ImageBody:
    """An entry of the image map."""
    return {
        "pattern": image.pattern,
        "command": list(image.command),
        "cwd": base_directory,
        "environment": dict(image.environment),
    }


def _refuse_other_names(present: ServiceSystem, wanted: ServiceSystem) -> None:
    for member, before, after in (
        ("mesh", present.mesh, wanted.mesh),
        ("cluster", present.cluster, wanted.cluster),
        ("namespace", present.namespace, wanted.namespace),
        ("sides", present.config.sides, wanted.config.sides),
        ("hostname", present.config.hostname, wanted.config.hostname),
    ):
        if before != after:
            raise AwsError(
                "BadRequestException",
                f"{wanted.name}: {member} = {after!r}: must stay {before!r} as long as the "
                "service exists",
            )
