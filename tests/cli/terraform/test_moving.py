"""What `teal terraform moved` says of a service; real Terraform does it in
tests/terraform/test_moved.py.
"""

from __future__ import annotations

from copy import deepcopy

from tealmesh.cli.terraform.moving import blocks, state
from tealmesh.cli.terraform.moving.facts import gathered
from tealmesh.cli.terraform.moving.mapping import mapped
from tests.cli.terraform.plain import ROUTE, SERVICE, TASK, document, limited, mapping, mesh, route


def test_what_the_state_has_is_moved_and_what_it_lacks_imported() -> None:
    made = mapping()
    assert dict(made.moved)["aws_appmesh_route.only_blue[0]"] == (
        "module.web.aws_appmesh_route.this"
    )
    assert dict(made.moved)['aws_ecs_service.side["blue"]'] == (
        'module.web.aws_ecs_service.side["blue"]'
    )
    assert made.imported == (
        ("module.web.aws_appmesh_virtual_service.this", "shop/web.shop.local"),
    )
    assert not [to for _, to in made.moved if "green" in to], "it does not exist"
    assert made.removed == ()


def test_the_arguments_say_what_is_there() -> None:
    given = mapping().arguments
    assert given["blue"] == {"is_active": True, "weight": 7, "image": "web:1"}
    assert given["green"] == {"is_active": False, "weight": 0, "image": "web:1"}
    assert given["names"] == {"route": "only-blue", "task_role": "web-tasks"}
    assert given["desired_count"] == 3
    assert given["subnets"] == ["subnet-1", "subnet-2"]
    assert given["xds_endpoint"] == "ads:18000"
    assert given["envoy_environment"] == {"ENVOY_LOG_LEVEL": "debug"}
    assert "hostname" not in given, "it is what the module gives it"


def test_a_template_in_a_value_is_none_in_the_text() -> None:
    assert 'value = "$${b}"' in blocks.text(mapping(), (1, 7), "aws").replace("  ", " ")


def test_a_role_of_the_service_alone_is_moved_with_its_policies() -> None:
    made = mapping()
    moved = dict(made.moved)
    assert moved["aws_iam_role.web"] == "module.web.aws_iam_role.task"
    assert moved["aws_iam_role_policy.mesh"] == "module.web.aws_iam_role_policy.envoy"
    assert moved["aws_iam_role_policy_attachment.logs"] == (
        'module.web.aws_iam_role_policy_attachment.task["arn:aws:iam::aws:policy/Logs"]'
    )
    assert any(note.startswith("aws_iam_role_policy.more stays") for note in made.notes)


def test_a_role_that_others_have_too_stays() -> None:
    whole = document()
    other = deepcopy(whole["resources"][4])
    other["name"] = "gateway"
    other["instances"][0]["attributes"] |= {"arn": f"{TASK}9", "family": "gateway"}
    whole["resources"].append(other)
    facts = gathered(SERVICE, mesh(), state.read(whole, "state"))
    made = mapped(facts, "web", "./modules/bluegreen-service", owned=True)
    assert not [one for one, _ in made.moved if "aws_iam" in one]
    assert any('aws_ecs_task_definition.gateway["blue"] has that role' in n for n in made.notes)


def test_a_second_route_of_the_same_match_is_left_and_forgotten() -> None:
    both = {"httpRoute": {**ROUTE["httpRoute"]}}
    found = mesh(None, route("both", both), route("only-blue"))
    whole = document()
    second = deepcopy(whole["resources"][1])
    second["name"] = "both"
    second["instances"][0]["attributes"]["name"] = "both"
    whole["resources"].append(second)
    facts = gathered(SERVICE, found, state.read(whole, "state"))
    made = mapped(facts, "web", "./modules/bluegreen-service", owned=True)
    assert made.arguments["names"]["route"] == "both"
    assert made.removed == ("aws_appmesh_route.only_blue",)
    assert "removed {\n  from = aws_appmesh_route.only_blue\n" in blocks.text(made, (1, 7), "aws")
    older = blocks.text(made, (1, 6), "aws.mesh")
    assert "removed {" not in older
    assert "{ aws = aws, aws.mesh = aws.mesh }" in older
    assert "terraform state rm aws_appmesh_route.only_blue" in older


def test_a_limit_of_whole_seconds_is_the_modules() -> None:
    found = mesh(None, limited(perRequest={"unit": "ms", "value": 30_000}))
    assert mapping(found).arguments["timeout_seconds"] == 30


def test_addresses_are_the_same_from_a_state_file_and_from_show() -> None:
    kept = {
        "version": 4,
        "lineage": "l",
        "resources": [
            {
                "module": 'module.a["x"]',
                "mode": "managed",
                "type": "t",
                "name": "n",
                "instances": [
                    {"index_key": "a]b", "attributes": {"v": 1}},
                    {"index_key": 0, "deposed": "1", "attributes": {}},
                ],
            },
            {"mode": "data", "type": "t", "name": "d", "instances": [{"attributes": {}}]},
        ],
    }
    one = {"address": 'module.a["x"].t.n["a]b"]', "mode": "managed", "type": "t", "name": "n"}
    module = {"address": 'module.a["x"]', "resources": [{**one, "values": {"v": 1}}]}
    shown = {"format_version": "1.0", "values": {"root_module": {"child_modules": [module]}}}
    assert state.read(kept, "a") == state.read(shown, "b")
    (found,) = state.read(kept, "a")
    assert found.resource == 'module.a["x"].t.n'
