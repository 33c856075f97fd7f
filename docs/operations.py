"""Writes docs/operations.md from the code: ``python docs/operations.py``.

A test compares the page with the output, so that it cannot go stale.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
from botocore import xform_name

from tealmesh.apis.applicationautoscaling.api import ApplicationAutoScaling
from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.ecs.api import Ecs
from tealmesh.apis.ecs.members import MEMBERS as ECS_MEMBERS
from tealmesh.apis.ecs.refused import CONTAINER_MEMBERS, reason
from tealmesh.apis.elasticloadbalancing.api import ElasticLoadBalancing
from tealmesh.apis.elasticloadbalancing.refused import MEMBERS
from tealmesh.apis.servicediscovery.api import ServiceDiscovery
from tealmesh.apis.xray.api import XRay
from tealmesh.model.arn import DEFAULT_ACCOUNT
from tealmesh.model.clock import random_id, system_clock
from tealmesh.store import Store

PAGE = Path(__file__).with_name("operations.md")

_HEAD = """# Operations

Generated from the code and botocore's models by `python docs/operations.py`; do not edit. Every
operation of these services works as in AWS, or is refused by name (`UnknownOperationException`,
which no SDK retries) for the reason given here. Of Elastic Load Balancing some operations are ours;
moto answers the others, and all other AWS services, at the same port.
"""


def page() -> str:
    """The page in Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        store = Store.open(Path(directory) / "state.db")
        try:
            common = (store, DEFAULT_ACCOUNT, system_clock, random_id)
            services = {
                "appmesh": ("App Mesh", AppMesh(*common)),
                "ecs": ("Amazon ECS", Ecs(*common)),
                "servicediscovery": ("AWS Cloud Map", ServiceDiscovery(*common)),
            }
            parts = [_HEAD]
            for name, (title, service) in services.items():
                parts += _service(name, title, service)
        finally:
            store.close()
    parts += _scaling()
    parts += _traces()
    parts += _load_balancers()
    parts += _members()
    parts += _containers()
    return "\n".join(parts) + "\n"


def _service(name: str, title: str, service: Any) -> Iterator[str]:
    operations = botocore.session.Session().get_service_model(name).operation_names
    works = [o for o in operations if hasattr(service, xform_name(o))]
    yield f"## {title}: {len(works)} of {len(operations)} operations work\n"
    yield "| operation | |\n|---|---|"
    for operation in sorted(operations):
        verdict = "works" if operation in works else f"refused: {reason(name, operation)}"
        yield f"| {operation} | {verdict} |"
    yield ""


def _scaling() -> Iterator[str]:
    yield from _service(
        "application-autoscaling", "Application Auto Scaling", ApplicationAutoScaling
    )
    yield (
        "Of services of ECS; requests about other AWS services are moto's. Refused by name in"
        " PutScalingPolicy: PredictiveScaling, and metric math (CustomizedMetricSpecification"
        ".Metrics).\n"
    )


def _traces() -> Iterator[str]:
    yield from _service("xray", "AWS X-Ray", XRay)
    yield (
        "Traces are kept in memory: [traces.md](traces.md). FilterExpression has ok, error, fault,"
        " throttle, partial, duration, responsetime, http.status, http.url, http.method and"
        " service(), with AND, OR and !; what it does not know is refused.\n"
    )


def _load_balancers() -> Iterator[str]:
    operations = botocore.session.Session().get_service_model("elbv2").operation_names
    ours = [o for o in operations if hasattr(ElasticLoadBalancing, xform_name(o))]
    yield "## Elastic Load Balancing (2015-12-01)\n"
    yield (
        f"{', '.join(sorted(ours))} are ours, so targets are known by address and port, and their"
        " health is what the load balancers see. moto answers all other operations; what no load"
        " balancer here could do is refused before moto stores it"
        " (`InvalidConfigurationRequest`).\n"
    )
    yield "| of a | member | refused |\n|---|---|---|"
    for noun, member, values in MEMBERS:
        yield f"| {noun} | {member} | {values} |"
    yield ""


def _members() -> Iterator[str]:
    """What becomes of the members of ECS requests."""
    yield "## Members of ECS requests\n"
    yield (
        "Honoured: as in ECS. Shown: kept and returned, and there is nothing more to do here. No"
        " effect: kept and returned; `teal doctor` names each that is used. Refused: with this"
        " reason, and nothing is changed. UpdateCluster and UpdateService treat their members as"
        " CreateCluster and CreateService do.\n"
    )
    for structure, members in ECS_MEMBERS.items():
        yield f"### {structure}\n"
        yield "| member | | |\n|---|---|---|"
        for member in sorted(members):
            verdict, remark = members[member]
            yield f"| {member} | {verdict} | {remark} |"
        yield ""


def _containers() -> Iterator[str]:
    model = botocore.session.Session().get_service_model("ecs")
    yield "## Container definitions\n"
    yield (
        "What each member does when tasks are plain processes. All members are stored and returned"
        " unchanged, except those marked refused.\n"
    )
    yield "| member | | |\n|---|---|---|"
    for member in model.shape_for("ContainerDefinition").members:
        verdict, remark = CONTAINER_MEMBERS[member]
        yield f"| {member} | {verdict} | {remark} |"


if __name__ == "__main__":
    PAGE.write_text(page())
