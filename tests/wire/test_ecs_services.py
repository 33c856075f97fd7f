"""ECS services and tasks with boto3's waiters, Cloud Map by API and DNS, and X-Ray: by boto3, the
AWS CLI and a real resolver against one `teal up`.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import dns.resolver
import pytest

from tests.support.machine import free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.ecs import NETWORK
from tests.support.programs.aws_cli import aws, needs_aws_cli
from tests.wire.services import app, create, deployments, describe, stable, tasks_of
from tests.wire.tasks import CLUSTER, FAST, Tasks, images

TAGS = [{"key": "team", "value": "shop"}]


@pytest.fixture(scope="module")
def dns_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, dns_port: int) -> Iterator[ControlPlane]:
    directory = tmp_path_factory.mktemp("plane")
    options = ["--dns-port", str(dns_port)]
    with control_plane(directory, images(directory), options) as started:
        yield started


@pytest.fixture(scope="module")
def tasks(plane: ControlPlane) -> Tasks:
    return Tasks(plane)


def test_the_life_of_a_service(plane: ControlPlane, tasks: Tasks, dns_port: int) -> None:
    discovery = plane.client("servicediscovery")
    made = discovery.create_private_dns_namespace(Name="shop.local", Vpc="vpc-1")
    owner = discovery.get_operation(OperationId=made["OperationId"])["Operation"]["Targets"]
    registry = discovery.create_service(
        Name="web",
        NamespaceId=owner["NAMESPACE"],
        DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 5}]},
        HealthCheckCustomConfig={"FailureThreshold": 1},
    )["Service"]["Arn"]
    create(
        tasks,
        "web",
        tasks.define(app(), family="web"),
        desiredCount=2,
        tags=TAGS,
        propagateTags="SERVICE",
        enableECSManagedTags=True,
        serviceRegistries=[{"registryArn": registry}],
    )
    body = stable(tasks, "web")
    of_web = ["--cluster", CLUSTER, "--service", "web"]
    assert plane.aws("ecs", "wait", "services-stable", *of_web[:2], "--services", "web") is None
    (deployment,) = body["deployments"]
    assert (deployment["rolloutState"], deployment["runningCount"]) == ("COMPLETED", 2)
    assert "has reached a steady state" in body["events"][0]["message"]
    (done,) = plane.aws("ecs", "list-service-deployments", *of_web)["serviceDeployments"]
    assert (done["status"], done["finishedAt"] >= done["startedAt"]) == ("SUCCESSFUL", True)
    assert done["targetServiceRevisionArn"].endswith(deployment["id"].partition("/")[2])
    running = tasks_of(tasks, "web")
    addresses = {tasks.address(task["taskArn"]) for task in running}
    assert len(addresses) == 2
    look(running[0], body)
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], dns_port
    for tcp in (False, True):
        answer = resolver.resolve("web.shop.local", "A", tcp=tcp)
        assert {str(record) for record in answer} == addresses
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve("other.shop.local", "A")
    discover = ["servicediscovery", "discover-instances", "--namespace-name", "shop.local"]
    registered = plane.aws(
        *discover, "--service-name", "web", "--query-parameters", "ECS_SERVICE_NAME=web"
    )
    assert {i["Attributes"]["AWS_INSTANCE_IPV4"] for i in registered["Instances"]} == addresses
    tasks.ecs.delete_service(cluster=CLUSTER, service="web", force=True)
    tasks.ecs.get_waiter("services_inactive").wait(
        cluster=CLUSTER, services=["web"], WaiterConfig=FAST
    )
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve("web.shop.local", "A")


def look(task: dict[str, Any], body: dict[str, Any]) -> None:
    """A task of a service, as DescribeTasks shows it on Fargate."""
    identity = task["taskArn"].rpartition("/")[2]
    assert {
        "group": "service:web",
        "startedBy": body["deployments"][0]["id"],
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "cpu": "256",
        "memory": "512",
        "connectivity": "CONNECTED",
        "availabilityZone": "us-east-1a",
        "healthStatus": "HEALTHY",
        "lastStatus": "RUNNING",
        "ephemeralStorage": {"sizeInGiB": 20},
    }.items() <= task.items()
    assert task["tags"] == [
        *TAGS,
        {"key": "aws:ecs:clusterName", "value": CLUSTER},
        {"key": "aws:ecs:serviceName", "value": "web"},
    ]
    (attachment,) = task["attachments"]
    details = {d["name"]: d["value"] for d in attachment["details"]}
    assert attachment["status"] == "ATTACHED"
    assert details["subnetId"] == "subnet-1"
    assert details["networkInterfaceId"].startswith("eni-")
    assert details["macAddress"].startswith("02:")
    (container,) = task["containers"]
    assert container["runtimeId"] == f"{identity}-0"
    assert container["networkInterfaces"] == [
        {"attachmentId": attachment["id"], "privateIpv4Address": details["privateIPv4Address"]}
    ]


def test_a_version_that_fails_is_rolled_back(tasks: Tasks) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    good = tasks.define(app(), family="safe")
    create(tasks, "safe", good, deploymentConfiguration=breaker)
    first = stable(tasks, "safe")["deployments"][0]["id"]
    bad = tasks.define(app("team/crash:1"), family="safe")
    tasks.ecs.update_service(cluster=CLUSTER, service="safe", taskDefinition=bad)
    states: dict[str, str] = {}
    observed: set[str] = set()
    deadline = time.monotonic() + 60
    while states.get(first) != "COMPLETED" or len(states) > 1:
        assert time.monotonic() < deadline, states
        body = describe(tasks, "safe")
        states = {d["id"]: d["rolloutState"] for d in body["deployments"]}
        observed |= {d["rolloutState"] for d in body["deployments"] if d["id"] != first}
        time.sleep(0.05)
    # FAILED shows only for a moment; the events below prove it.
    assert observed <= {"IN_PROGRESS", "FAILED"}
    assert body["taskDefinition"] == good
    assert (body["runningCount"], body["desiredCount"]) == (1, 1)
    messages = " ".join(event["message"] for event in body["events"])
    assert "deployment failed: tasks failed to start" in messages
    assert f"rolling back to deployment {first}" in messages
    assert "no database" in messages  # the last line of the container
    given_up, made = deployments(tasks, "safe")
    assert (given_up["status"], made["status"]) == ("ROLLBACK_SUCCESSFUL", "SUCCESSFUL")
    assert given_up["rollback"]["serviceRevisionArn"] == made["targetServiceRevision"]["arn"]
    assert "tasks failed to start" in given_up["statusReason"]


def test_stopping_a_deployment_rolls_it_back(tasks: Tasks) -> None:
    create(tasks, "undone", tasks.define(app(), family="undone"))
    first = stable(tasks, "undone")
    never = app(healthCheck={"command": ["CMD-SHELL", "false"], "interval": 300})
    tasks.ecs.update_service(
        cluster=CLUSTER, service="undone", taskDefinition=tasks.define(never, family="undone")
    )
    going, source = deployments(tasks, "undone")
    assert going["status"] == "IN_PROGRESS"
    assert going["targetServiceRevision"]["requestedTaskCount"] == 1
    assert going["sourceServiceRevisions"][0]["arn"] == source["targetServiceRevision"]["arn"]
    tasks.ecs.stop_service_deployment(serviceDeploymentArn=going["serviceDeploymentArn"])
    body = stable(tasks, "undone")
    assert body["taskDefinition"] == first["taskDefinition"]
    assert [t["taskDefinitionArn"] for t in tasks_of(tasks, "undone")] == [body["taskDefinition"]]
    stopped, _ = deployments(tasks, "undone")
    assert stopped["status"] == "ROLLBACK_SUCCESSFUL"
    with pytest.raises(tasks.ecs.exceptions.ConflictException):
        tasks.ecs.stop_service_deployment(serviceDeploymentArn=going["serviceDeploymentArn"])


def test_a_forced_deployment_replaces_every_task(tasks: Tasks) -> None:
    create(tasks, "again", tasks.define(app()))
    stable(tasks, "again")
    before = [task["taskArn"] for task in tasks_of(tasks, "again")]
    tasks.ecs.update_service(cluster=CLUSTER, service="again", forceNewDeployment=True)
    body = stable(tasks, "again")
    after = [task["taskArn"] for task in tasks_of(tasks, "again")]
    assert len(body["deployments"]) == len(after) == 1
    assert not set(before) & set(after)
    old = tasks.stopped(before[0])
    assert (old["stopCode"], old["desiredStatus"]) == ("ServiceSchedulerInitiated", "STOPPED")
    assert old["attachments"][0]["status"] == "DELETED"


def test_health_counts_only_after_the_grace_period(tasks: Tasks) -> None:
    sick = app(
        healthCheck={
            # Healthy once, to be accepted; unhealthy from then on.
            "command": ["CMD-SHELL", "mkdir $MARK"],
            "interval": 5,
            "retries": 1,
        },
        environment=[{"name": "MARK", "value": f"/tmp/teal-grace-{time.monotonic_ns()}"}],
    )
    create(tasks, "grace", tasks.define(sick), healthCheckGracePeriodSeconds=60)
    stable(tasks, "grace")
    (task,) = tasks_of(tasks, "grace")
    deadline = time.monotonic() + 30
    while tasks.describe(task["taskArn"])["healthStatus"] != "UNHEALTHY":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [t["taskArn"] for t in tasks_of(tasks, "grace")] == [task["taskArn"]]
    tasks.ecs.update_service(cluster=CLUSTER, service="grace", healthCheckGracePeriodSeconds=0)
    assert tasks.stopped(task["taskArn"])["stoppedReason"] == "Task failed container health checks"
    tasks.ecs.delete_service(cluster=CLUSTER, service="grace", force=True)


def test_tasks_are_spread_over_capacity_providers(tasks: Tasks) -> None:
    providers = ["FARGATE", "FARGATE_SPOT"]
    strategy = [
        {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 3},
    ]
    tasks.ecs.put_cluster_capacity_providers(
        cluster=CLUSTER, capacityProviders=providers, defaultCapacityProviderStrategy=[]
    )
    definition = tasks.define(app())
    create(tasks, "spot", definition, desiredCount=3, capacityProviderStrategy=strategy)
    stable(tasks, "spot")
    used = sorted(task["capacityProviderName"] for task in tasks_of(tasks, "spot"))
    assert used == ["FARGATE", "FARGATE_SPOT", "FARGATE_SPOT"]
    tasks.ecs.delete_service(cluster=CLUSTER, service="spot", force=True)


def test_run_and_stop_with_overrides(plane: ControlPlane, tasks: Tasks) -> None:
    definition = tasks.define(app(environment=[{"name": "LEVEL", "value": "info"}]))
    override = {"name": "app", "environment": [{"name": "LEVEL", "value": "debug"}]}
    task = tasks.run(
        definition, overrides={"containerOverrides": [override], "cpu": "512", "memory": "1024"}
    )
    assert plane.aws("ecs", "wait", "tasks-running", "--cluster", CLUSTER, "--tasks", task) is None
    assert tasks.environment(task)["LEVEL"] == "debug"
    assert (tasks.describe(task)["cpu"], tasks.describe(task)["memory"]) == ("512", "1024")
    tasks.ecs.stop_task(cluster=CLUSTER, task=task, reason="enough")
    stopped = tasks.stopped(task)
    assert plane.aws("ecs", "wait", "tasks-stopped", "--cluster", CLUSTER, "--tasks", task) is None
    assert (stopped["stoppedReason"], stopped["stopCode"]) == ("enough", "UserInitiated")
    assert stopped["containers"][0]["lastStatus"] == "STOPPED"
    assert isinstance(stopped["containers"][0]["exitCode"], int)


def test_lists_come_in_pages(tasks: Tasks) -> None:
    quiet = {**app("team/sh:1"), "command": ["-c", "sleep 60"]}
    definition = tasks.define({k: v for k, v in quiet.items() if k != "healthCheck"})
    tasks.ecs.run_task(
        cluster=CLUSTER,
        taskDefinition=definition,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        count=5,
        startedBy="pages",
    )
    pages = tasks.ecs.get_paginator("list_tasks").paginate(
        cluster=CLUSTER, startedBy="pages", PaginationConfig={"PageSize": 2}
    )
    listed = [page["taskArns"] for page in pages]
    assert [len(page) for page in listed] == [2, 2, 1]
    assert len({arn for page in listed for arn in page}) == 5
    for arn in (arn for page in listed for arn in page):
        tasks.ecs.stop_task(cluster=CLUSTER, task=arn)


DAEMON = {
    "name": "xray",
    "image": "amazon/aws-xray-daemon",
    "portMappings": [{"containerPort": 2000, "protocol": "udp"}],
    "healthCheck": {"command": ["CMD", "/xray", "--version"]},
}


def traces(plane: ControlPlane, since: float, wanted: int) -> list[str]:
    """The ids of at least this many traces, by the AWS CLI, once they have arrived."""
    times = ["--start-time", str(int(since) - 60), "--end-time", str(int(since) + 600)]
    deadline = time.monotonic() + 60
    while (
        len(summaries := plane.aws("xray", "get-trace-summaries", *times)["TraceSummaries"])
        < wanted
    ):
        assert time.monotonic() < deadline, plane.log()
    return [summary["Id"] for summary in summaries]


def node(plane: ControlPlane, mesh: str) -> None:
    """A mesh with one virtual node, ``web``, whose Envoy writes an access log."""
    appmesh = plane.client("appmesh")
    appmesh.create_mesh(meshName=mesh)
    appmesh.create_virtual_node(
        meshName=mesh,
        virtualNodeName="web",
        spec={
            "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": "web.shop.local"}},
            "logging": {"accessLog": {"file": {"path": "/dev/stdout"}}},
        },
    )


def envoy(mesh: str, **variables: str) -> dict[str, Any]:
    """The sidecar of that node, with the health check of App Mesh's guide."""
    named = {"APPMESH_RESOURCE_ARN": f"mesh/{mesh}/virtualNode/web", **variables}
    look = "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"
    return {
        "name": "envoy",
        "image": "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod",
        "environment": [{"name": k, "value": v} for k, v in named.items()],
        "healthCheck": {"command": ["CMD-SHELL", look]},
    }


def test_segments_and_envoy_s_traces_reach_x_ray(plane: ControlPlane, tasks: Tasks) -> None:
    """One trace comes from the application by UDP, one from the task's Envoy."""
    node(plane, "traced")
    sidecar = envoy("traced", ENABLE_ENVOY_XRAY_TRACING="1", XRAY_SAMPLING_RATE="1")
    waits = [{"containerName": name, "condition": "HEALTHY"} for name in ("xray", "envoy")]
    task = tasks.start(app(dependsOn=waits), sidecar, DAEMON)
    environment = tasks.environment(task)  # through Envoy, which makes a trace of it
    now = time.time()
    own = f"1-{int(now):08x}-a006649127e371903a2de979"
    segment = {"name": "own", "id": "70de5b6f19ff9a0a", "trace_id": own}
    text = json.dumps({**segment, "start_time": now - 0.2, "end_time": now})
    host, _, port = environment["AWS_XRAY_DAEMON_ADDRESS"].rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b'{"format": "json", "version": 1}\n' + text.encode(), (host, int(port)))
    ids = traces(plane, now, 2)
    assert own in ids
    shown = plane.aws("xray", "batch-get-traces", "--trace-ids", *ids)["Traces"]
    names = {json.loads(part["Document"])["name"] for trace in shown for part in trace["Segments"]}
    assert names == {"own", "traced/web"}


@needs_aws_cli
def test_the_access_log_of_a_task_s_envoy_is_tailed(plane: ControlPlane, tasks: Tasks) -> None:
    node(plane, "logged")
    options = {
        "awslogs-group": "/ecs/logged",
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "web",
        "awslogs-create-group": "true",
    }
    logged = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    waits = [{"containerName": "envoy", "condition": "HEALTHY"}]
    task = tasks.start(app(dependsOn=waits), {**envoy("logged"), **logged})
    tasks.get(task, "/find-me")
    deadline = time.monotonic() + 30
    while "GET /find-me" not in (output := tail(plane, "/ecs/logged")):
        assert time.monotonic() < deadline, output + plane.log()
    (line,) = [line for line in output.splitlines() if "/find-me" in line]
    assert f" web/envoy/{task.rpartition('/')[2]} " in line
    assert '"GET /find-me HTTP/1.1" 200' in line


def tail(plane: ControlPlane, group: str) -> str:
    """The output of ``aws logs tail``; empty until the log group exists."""
    groups = plane.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return aws(plane, "logs", "tail", group, "--since", "5m") if groups else ""
