"""What the operations of Application Auto Scaling share: errors, names and lookups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.model.errors import AwsError
from tealmesh.model.scaling.names import DIMENSION, NAMESPACE, cluster_and_service
from tealmesh.store import Document, Reader, tables

if TYPE_CHECKING:
    from tealmesh.apis.applicationautoscaling.requests import OnResource
    from tealmesh.model.scaling.bodies import ScalableTargetBody


def invalid(message: str) -> AwsError:
    """ValidationException, which most checks raise."""
    return AwsError("ValidationException", message)


def missing(what: str, request: OnResource, more: str = "") -> AwsError:
    """ObjectNotFoundException, in AWS's words
    (https://github.com/cloudposse/terraform-aws-ecs-cloudwatch-autoscaling/pull/36).
    """
    return AwsError(
        "ObjectNotFoundException",
        f"No {what} for service namespace: {request['ServiceNamespace']}, resource ID:"
        f" {request['ResourceId']}, scalable dimension: {request['ScalableDimension']}{more}",
    )


def named(request: OnResource) -> tuple[str, str]:
    """The cluster and the service that a request is about. Raises ValidationException."""
    parts = cluster_and_service(request["ResourceId"])
    if request["ScalableDimension"] != DIMENSION or parts is None:
        raise invalid(
            "Unsupported service namespace, resource type or scalable dimension:"
            f" ScalableDimension = {request['ScalableDimension']!r}, ResourceId ="
            f" {request['ResourceId'][:200]!r}: must be {DIMENSION!r} and"
            f" 'service/CLUSTER/SERVICE' in the namespace {NAMESPACE!r}"
        )
    return parts


def find_target(reader: Reader, request: OnResource) -> Document[ScalableTargetBody]:
    """The scalable target that a request is about. Raises ObjectNotFoundException if there is
    none, or its service has been deleted.
    """
    target = reader.get(tables.SCALABLE_TARGETS, *named(request))
    if target is None or not service_exists(reader, request):
        raise missing("scalable target registered", request)
    return target


def service_exists(reader: Reader, request: OnResource) -> bool:
    """Whether the service is there and active. A scalable target ends with its service
    (https://github.com/eagletmt/hako/pull/69).
    """
    service = reader.get(tables.ECS_SERVICES, *named(request))
    return service is not None and service.body["status"] == "ACTIVE"


def refuse_daemon(reader: Reader, request: OnResource) -> None:
    """Raise ValidationException for a service without a desired count.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
    """
    service = reader.get(tables.ECS_SERVICES, *named(request))
    if service is not None and service.body.get("schedulingStrategy") == "DAEMON":
        raise invalid(
            f"ResourceId = {request['ResourceId']!r}: a service with the scheduling strategy DAEMON"
            " has no desired count: must be a service with REPLICA"
        )
