"""The demo's deployment with containers, while control plane, Docker or containers are killed."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tealmesh.engine.runtimes.docker.network.hosts import VIRTUAL_ADDRESS
from tests.e2e.boxes import IMAGE, Boxes, fetch
from tests.support.machine import BIN
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.sample import api, finished
from tests.support.programs.load import Load
from tests.support.programs.old_envoy import IMAGE as OLD_ENVOY
from tests.support.programs.podman import Podman, needs_engine, podman
from tests.support.waiting import until

# The first test also makes the images and starts the whole system.
pytestmark = [needs_engine, pytest.mark.timeout(300)]

REQUESTS = 20_000


class World(NamedTuple):
    engine: Podman
    plane: ControlPlane
    boxes: Boxes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("boxes")
    (directory / "podman").mkdir()
    boxes = Boxes(directory)
    with podman(directory / "podman") as engine:
        boxes.make_images(engine)
        plane = ControlPlane(directory)
        try:
            plane.start(DOCKER_HOST=engine.url)
            made = run_teal(engine, "image", "envoy")
            assert "made localhost/tealmesh/envoy:local in Podman Engine" in made
            boxes.apply(plane)
            yield World(engine, plane, boxes)
        finally:
            if plane.process is not None and plane.process.poll() is None:
                plane.down()


def run_teal(engine: Podman, *arguments: str) -> str:
    """Run ``teal`` with this Podman in its environment; return its output."""
    return subprocess.run(
        [str(BIN / "teal"), *arguments],
        env={**os.environ, "DOCKER_HOST": engine.url},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def loads(boxes: Boxes) -> list[Load]:
    """Load on both services, through the gateway."""
    return [
        Load("127.0.0.1", boxes.port, host="boxes", path=path, concurrency=concurrency)
        for path, concurrency in (("/", 6), ("/front", 4))
    ]


def test_a_deployment_of_containers_loses_nothing(world: World) -> None:
    both = loads(world.boxes)

    async def work() -> None:
        async with AsyncExitStack() as stack:
            for load in both:
                await stack.enter_async_context(load)
            await asyncio.gather(*(load.answered(500) for load in both))
            deploy = ("deploy", "web", "--image", f"{IMAGE}:2")
            await asyncio.to_thread(world.plane.teal, *deploy)
            missing = REQUESTS - sum(load.report.total for load in both)
            await asyncio.gather(*(load.answered(max(500, missing // 2)) for load in both))

    asyncio.run(work())
    assert finished(world.plane)["status"] == "SUCCESSFUL"
    for load in both:
        assert load.report.failures == []
        assert load.report.statuses.keys() == {200}
        # Both versions answered, through the gateway and through the client in the mesh.
        assert load.report.bodies.keys() == {b"VERSION 1", b"VERSION 2"}
    assert sum(load.report.total for load in both) >= REQUESTS


def test_an_image_that_cannot_be_pulled_is_refused_before_anything_starts(world: World) -> None:
    before = len(api(world.plane).list_deployments("web"))
    done = world.plane.teal("deploy", "web", "--image", "registry.invalid/web:1", check=False)
    assert done.returncode == 1
    assert "image 'registry.invalid/web:1' is not in Docker and cannot be pulled" in done.stderr
    assert len(api(world.plane).list_deployments("web")) == before


def test_names_inside_a_task(world: World) -> None:
    """By getaddrinfo and by DNS: virtual services, Cloud Map names, and names that only Podman's
    own server knows. All are answered even while the control plane is dead.
    """
    tasks = world.plane.client("ecs")
    registry = world.plane.client("servicediscovery")
    namespace = registry.list_namespaces()["Namespaces"][0]["Id"]
    other = registry.create_service(
        Name="other",
        NamespaceId=namespace,
        DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 10}]},
    )["Service"]["Id"]
    registry.register_instance(
        ServiceId=other, InstanceId="i", Attributes={"AWS_INSTANCE_IPV4": "10.7.7.7"}
    )
    arns = tasks.list_tasks(cluster="boxes", serviceName="front-blue")["taskArns"]
    task = tasks.describe_tasks(cluster="boxes", tasks=arns)["tasks"][0]
    pause = f"-{arns[0].rpartition('/')[2]}-task.network"
    known = next(i for i, name in containers(world.engine).items() if name.endswith(pause))

    def answers() -> dict[str, str]:
        names = ["web.boxes.local", "other.boxes.local", "none.boxes.local", known]
        paths = [f"{how}/{name}" for how in ("dns", "dns-tcp") for name in names]
        paths += [f"resolve/{name}" for name in (names[0], names[1], known)]
        return {path: world.boxes.ask(f"/front/{path}") for path in paths}

    address = address_of(task)
    said = [f"0 {VIRTUAL_ADDRESS}", "0 10.7.7.7", "3", f"0 {address}"]
    assert list(answers().values()) == [*said, *said, VIRTUAL_ADDRESS, "10.7.7.7", address]
    world.plane.kill9()
    assert world.boxes.ask("/front/dns/web.boxes.local").startswith("ConnectionRefusedError")
    assert world.boxes.ask("/front/resolve/web.boxes.local") == VIRTUAL_ADDRESS
    assert world.boxes.ask(f"/front/resolve/{known}") == address
    world.plane.start(DOCKER_HOST=world.engine.url)
    deadline = time.monotonic() + 20
    while (said := world.boxes.ask("/front/dns/other.boxes.local")) != "0 10.7.7.7":
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def test_a_task_asks_about_itself_and_is_reached_at_its_gateway(world: World) -> None:
    """A gateway in a container of App Mesh's last image, whose Envoy is older, with the X-Ray
    daemon beside it and an application with a secret and a shipped log, which asks 169.254.170.2
    for its task's metadata and its role's credentials.
    """
    world.engine.make_old_envoy(OLD_ENVOY)
    resource = {"name": "APPMESH_RESOURCE_ARN", "value": "mesh/boxes/virtualGateway/edge"}
    ecs = world.plane.client("ecs")
    world.plane.client("ssm").put_parameter(Name="/boxes/key", Value="sesame", Type="SecureString")
    logs = {"awslogs-group": "own", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "s"}
    application = {
        "name": "app",
        "image": f"{IMAGE}:1",
        "secrets": [{"name": "KEY", "valueFrom": "/boxes/key"}],
        "logConfiguration": {"logDriver": "awslogs", "options": logs},
        "dependsOn": [{"containerName": "xray", "condition": "HEALTHY"}],
    }
    daemon = {
        "name": "xray",
        "image": "public.ecr.aws/xray/aws-xray-daemon:3.x",
        "healthCheck": {"command": ["CMD", "/xray", "--version"]},
    }
    gateway = {"name": "gate", "image": OLD_ENVOY, "user": "envoy", "environment": [resource]}
    ecs.register_task_definition(
        family="own",
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        taskRoleArn="arn:aws:iam::123456789012:role/boxes",
        containerDefinitions=[gateway, application, daemon],
    )
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    run = ecs.run_task(cluster="boxes", taskDefinition="own", networkConfiguration=network)
    arn = run["tasks"][0]["taskArn"]
    waiter = ecs.get_waiter("tasks_running")
    waiter.wait(cluster="boxes", tasks=[arn], WaiterConfig={"Delay": 1, "MaxAttempts": 40})
    task = ecs.describe_tasks(cluster="boxes", tasks=[arn])["tasks"][0]
    address = address_of(task)
    assert fetch(f"http://{address}:{world.boxes.port}/").startswith("VERSION ")
    app = f"http://{address}:8080"
    uri = fetch(f"{app}/env/ECS_CONTAINER_METADATA_URI_V4")
    assert uri.startswith("http://169.254.170.2/")
    assert json.loads(fetch(f"{app}/fetch?{uri}/task"))["TaskARN"] == arn
    path = fetch(f"{app}/env/AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    found = json.loads(fetch(f"{app}/fetch?http://169.254.170.2{path}"))
    assert (found["RoleArn"], len(found["SecretAccessKey"])) == (
        "arn:aws:iam::123456789012:role/boxes",
        40,
    )
    assert "401" in fetch(f"{app}/fetch?http://169.254.170.2{path[:-1]}")
    # APIs only with those credentials, signed: our own process passes on what is not.
    refused = fetch(f"{app}/fetch?http://169.254.170.2/v20190125/meshes")
    assert "MissingAuthenticationToken" in refused or "403" in refused
    assert fetch(f"{app}/env/KEY") == "sesame"
    stream = {"logGroupName": "own", "logStreamName": f"s/app/{arn.rpartition('/')[2]}"}
    deadline = time.monotonic() + 20
    while not (events := read_log(world, stream)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert events == ["listening on [8080]"]
    gate = ("--filter", "label=tealmesh.container=gate", "--format", "{{.Image}}")
    assert world.engine.run("ps", *gate).strip() == OLD_ENVOY
    ecs.stop_task(cluster="boxes", task=arn)
    waiter = ecs.get_waiter("tasks_stopped")
    waiter.wait(cluster="boxes", tasks=[arn], WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def read_log(world: World, stream: dict[str, str]) -> list[str]:
    logs = world.plane.client("logs")
    try:
        return [event["message"] for event in logs.get_log_events(**stream)["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


def address_of(task: Mapping[str, Any]) -> str:
    details = task["attachments"][0]["details"]
    return next(str(d["value"]) for d in details if d["name"] == "privateIPv4Address")


def test_killed_control_plane_and_restarted_engine_lose_nothing(world: World) -> None:
    both = loads(world.boxes)
    before = containers(world.engine)

    async def work() -> None:
        async with AsyncExitStack() as stack:
            for load in both:
                await stack.enter_async_context(load)
            await asyncio.gather(*(load.answered(300) for load in both))
            world.plane.kill9()
            await asyncio.gather(*(load.answered(300) for load in both))
            await asyncio.to_thread(world.engine.stop)
            await asyncio.gather(*(load.answered(300) for load in both))
            await asyncio.to_thread(world.engine.start)
            await asyncio.to_thread(world.plane.start, DOCKER_HOST=world.engine.url)
            await asyncio.to_thread(world.engine.stop)
            await asyncio.gather(*(load.answered(300) for load in both))
            await asyncio.to_thread(world.engine.start)
            await asyncio.gather(*(load.answered(300) for load in both))

    asyncio.run(work())
    for load in both:
        assert load.report.failures == []
    # All were adopted, none started anew.
    assert containers(world.engine) == before
    assert world.boxes.answering(world.plane) == 2


def test_containers_killed_from_outside_are_replaced_and_lose_nothing(world: World) -> None:
    """Kill parts of one of two tasks: its application, all containers, its network container."""
    at = ("127.0.0.1", world.boxes.port)
    # A request is lost if it has no answer within the mesh's own timeout of 15 s.
    load = Load(*at, host="boxes", concurrency=6, rate=150, timeout=20)
    ecs = world.plane.client("ecs")
    sides = {"cluster": "boxes", "services": ["web-blue", "web-green"]}
    found = ecs.describe_services(**sides)["services"]
    side = next(s["serviceName"] for s in found if s["desiredCount"])

    def running() -> list[str]:
        arns: list[str] = ecs.list_tasks(cluster="boxes", serviceName=side)["taskArns"]
        return arns

    def end(part: str, *command: str) -> None:
        """Kill something of a task, and wait until another task has replaced it."""
        ended = running()[0]
        identity = ended.rpartition("/")[2]
        name = next(
            n for n in containers(world.engine).values() if n.endswith(f"{identity}-{part}")
        )
        world.engine.run(*command, name)
        deadline = time.monotonic() + 40
        while ended in (now := running()) or min(len(now), world.boxes.answering(world.plane)) < 2:
            assert time.monotonic() < deadline, now
            time.sleep(0.2)

    async def work() -> None:
        async with load:
            await load.answered(300)
            await asyncio.to_thread(end, "app", "kill", "--signal", "KILL")
            await load.answered(300)
            await asyncio.to_thread(end, "app", "rm", "--force", "--time", "0", "--depend")
            await load.answered(300)
            await asyncio.to_thread(end, "task.network", "kill", "--signal", "KILL")
            await load.answered(300)

    asyncio.run(work())
    assert load.report.failures == []
    found = ecs.describe_services(**sides)["services"]
    told = [event["message"] for service in found for event in service["events"]]
    assert sum("failed: Essential container in task exited: " in m for m in told) == 3


def test_nothing_is_left_behind(world: World) -> None:
    """Runs last: the next start removes what has ended of unknown tasks, and refuses to begin while
    one runs; `teal down --force` ends that with all others, which then start anew, and `teal down`
    removes everything.
    """
    network = next(n for n in world.engine.run("network", "ls", "-q").split() if "tealmesh" in n)
    instance = network.removeprefix("tealmesh-")
    world.plane.kill9()
    pause = "localhost/tealmesh/pause:1"
    for how, name in (("create", "ended"), ("run -d", "lost")):
        labels = [f"tealmesh.instance={instance}", f"tealmesh.task={name}", "tealmesh.container=a"]
        options = [argument for label in labels for argument in ("--label", label)]
        world.engine.run(*how.split(), "--name", name, *options, "--network", network, pause)
    world.engine.run("run", "-d", "--name", "somebodys", pause)
    with pytest.raises(AssertionError, match=r"containers of tasks lost run that .* does not know"):
        world.plane.start(DOCKER_HOST=world.engine.url)
    assert "ended" not in containers(world.engine).values()
    assert "lost" in containers(world.engine).values(), "not ended unasked"
    data = str(world.plane.directory / "data")
    ended = run_teal(world.engine, "down", "--force", "--data-dir", data)
    assert "; removed " in ended
    assert set(containers(world.engine).values()) == {"somebodys"}, "others' are not ours to end"
    world.plane.start(DOCKER_HOST=world.engine.url)
    until(lambda: len(_pauses(world.engine)) == 3, world.plane.log, seconds=90)
    world.plane.teal("apply", "--config", str(world.boxes.config), "--wait", "90")
    world.engine.stop()
    done = world.plane.teal("down", check=False)
    assert done.returncode == 1
    assert "the container engine at " in done.stderr
    world.engine.start()
    format_ = "{{.NetworkSettings.SandboxKey}}"
    namespaces = world.engine.run("inspect", "--format", format_, *_pauses(world.engine)).split()
    assert all(Path(namespace).exists() for namespace in namespaces)
    world.plane.down()
    assert not any(Path(namespace).exists() for namespace in namespaces)
    assert set(containers(world.engine).values()) == {"somebodys"}
    assert "tealmesh" not in world.engine.run("network", "ls", "-q")


def _pauses(engine: Podman) -> list[str]:
    """The containers that hold the networks of tasks."""
    return [name for name in containers(engine).values() if name.endswith("task.network")]


def containers(engine: Podman) -> dict[str, str]:
    """The names of all containers, by id."""
    lines = engine.run("ps", "--all", "--format", "{{.ID}} {{.Names}}").splitlines()
    return {identity: name for identity, _, name in (line.partition(" ") for line in lines)}
