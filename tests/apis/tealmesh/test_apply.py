"""Apply creates the system of a `teal.toml`, and updates what has changed in it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tealmesh.store import tables
from tests.apis.tealmesh.plane import TOML, Plane, refused


def test_apply_creates_the_system_once(plane: Plane) -> None:
    first = plane.apply()
    by_name = {one["name"]: one["changes"] for one in (*first["services"], *first["gateways"])}
    assert "created ECS service web-blue" in by_name["web"]
    assert (
        by_name["web"].index("created virtual node web-blue")
        < by_name["web"].index("created ECS service web-blue")
        < by_name["web"].index("created route route")
    )
    assert "created ECS service edge" in by_name["edge"]
    again = plane.apply()
    assert all(not one["changes"] for one in (*again["services"], *again["gateways"]))
    assert again["summary"] == ["web: as described", "front: as described", "edge: as described"]

    mesh = plane.aws("appmesh")
    nodes = mesh.list_virtual_nodes(meshName="demo")["virtualNodes"]
    assert {node["virtualNodeName"] for node in nodes} == {"web-blue", "front-blue"}
    front = mesh.describe_virtual_node(meshName="demo", virtualNodeName="front-blue")
    assert front["virtualNode"]["spec"]["backends"] == [
        {"virtualService": {"virtualServiceName": "web.demo.local"}}
    ]
    image = plane.store.view.get(tables.IMAGES, "*/web:*")
    assert image is not None
    assert image.body["cwd"] == "/srv"


def test_apply_changes_what_differs_and_keeps_the_running_image(plane: Plane) -> None:
    plane.apply()
    text = TOML.replace("desired_count = 2", 'desired_count = 3\nhealth_path = "/health"')
    answer = plane.apply(text.replace('port = 8080\nimage = "example/web:1"',
                                      'port = 8080\nimage = "example/web:2"'))  # fmt: skip
    changes = {one["name"]: one["changes"] for one in answer["services"]}
    assert changes == {
        "web": ["changed virtual node web-blue", "changed ECS service web-blue"],
        "front": [],
    }
    assert "`teal deploy web --image example/web:2`" in answer["summary"][-1]
    ecs = plane.aws("ecs")
    service = ecs.describe_services(cluster="demo", services=["web-blue"])["services"][0]
    assert service["desiredCount"] == 3


def test_apply_retries_a_service_that_ecs_gave_up_on(plane: Plane) -> None:
    plane.apply()
    before = plane.ecs_service("web-blue")
    plane.gives_up("web-blue")
    web = next(one for one in plane.get_status()["services"] if one["name"] == "web")
    assert (web["sides"][0]["gaveUp"], "gaveUp" in web["sides"][1]) == (True, False)
    first, second = "example/web:1", "example/web:2"
    changes = {one["name"]: one["changes"] for one in plane.apply()["services"]}
    assert changes == {"web": ["changed ECS service web-blue"], "front": []}
    service = plane.ecs_service("web-blue")
    assert service["taskDefinition"] == before["taskDefinition"]
    assert service["deployments"][0]["id"] != before["deployments"][0]["id"]
    # It never ran, so its image is not a release to keep.
    plane.gives_up("web-blue")
    plane.apply(TOML.replace(first, second, 1))
    assert plane.get_status()["services"][-1]["sides"][0]["image"] == second


def test_a_gateway_route_is_updated_and_deleted_with_its_prefix(plane: Plane) -> None:
    plane.apply()
    routes = 'routes = { "/" = "web", "/front" = "front" }'
    answer = plane.apply(TOML.replace(routes, 'routes = { "/" = "front" }'))
    assert answer["gateways"][0]["changes"] == [
        "changed gateway route prefix-",
        "deleted gateway route prefix-front",
    ]
    mesh = plane.aws("appmesh")
    routes = mesh.list_gateway_routes(meshName="demo", virtualGatewayName="edge")["gatewayRoutes"]
    assert [route["gatewayRouteName"] for route in routes] == ["prefix-"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TOML.replace("port = 8080", "port = 0"), "services.web.port = 0"),
        ("not toml", "teal.toml"),
    ],
)
def test_apply_names_what_is_wrong(plane: Plane, text: str, message: str) -> None:
    with pytest.raises(ClientError) as error:
        plane.apply(text)
    assert refused(error)[0] == "BadRequestException"
    assert message in refused(error)[1]
    assert plane.store.revision == 0


def test_apply_does_not_rename_sides_under_a_running_service(plane: Plane) -> None:
    plane.apply()
    with pytest.raises(ClientError, match=r"sides = .* must stay"):
        plane.apply(TOML.replace("desired_count = 2", 'sides = ["red", "black"]'))


def test_a_count_that_somebody_scaled_to_stays_and_is_told(plane: Plane) -> None:
    plane.apply()
    ecs = plane.aws("ecs")
    for name in ("web-blue", "edge"):
        ecs.update_service(cluster="demo", service=name, desiredCount=4)
    for text in (TOML, TOML.replace("desired_count = 2", "desired_count = 3")):
        answer = plane.apply(text)
        assert plane.ecs_service("web-blue")["desiredCount"] == 4
        assert plane.ecs_service("edge")["desiredCount"] == 4
        notes = [line for line in answer["summary"] if "desired count of 4, which stays" in line]
        assert [note.split()[0] for note in notes] == ["web-blue", "edge"]
    told = {s["name"]: s.get("toldCount") for s in plane.get_status()["services"]}
    assert told["web"] == 3
    assert told["front"] is None


def test_a_file_for_what_terraform_made_is_settings_alone(plane: Plane) -> None:
    plane.apply()
    text = """
[images]
"*/sample:*" = "./sample"
[adopted.sample]
container = "app"
[adopted.sample.gates]
success_rate = 0.9
freeze = [{ days = ["fri"], from = "16:00", to = "24:00", zone = "Europe/Berlin" }]
"""
    planned = plane.aws("tealmesh").apply(
        text=text, file="teal.toml", baseDirectory="/srv", plan=True
    )
    assert plane.store.view.get(tables.ADOPTIONS, "sample") is None
    first = plane.apply(text)
    assert first["changes"] == planned["changes"]
    assert [(one["action"], one["what"]) for one in first["changes"]] == [
        ("create", "image */sample:*"),
        ("create", "adopted sample"),
    ]
    assert (first["services"], first["gateways"], first["leftOver"]) == ([], [], [])
    assert "describes no mesh, services or gateways" in first["notes"][0]
    assert "no such service of others yet" in first["notes"][1]
    stored = plane.store.view.get(tables.FREEZES, "sample")
    assert stored is not None
    assert len(stored.body["freeze"]) == 1

    assert plane.apply(text)["changes"] == []
    again = plane.apply(text.replace("0.9", "0.95"))["changes"]
    assert [(one["what"], one["details"]) for one in again] == [
        ("adopted sample", ["gates.success_rate: 0.9 → 0.95"])
    ]
    with pytest.raises(ClientError, match=r"mesh\.name"):
        plane.apply("# nothing")
