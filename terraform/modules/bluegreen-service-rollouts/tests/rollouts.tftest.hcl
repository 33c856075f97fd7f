mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/web" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1" }
  }

  mock_resource "aws_service_discovery_service" {
    defaults = { arn = "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1" }
  }
}

mock_provider "aws" {
  alias = "mesh"

  mock_resource "aws_appmesh_virtual_node" {
    defaults = { arn = "arn:aws:appmesh:us-east-1:123456789012:mesh/shop/virtualNode/it" }
  }
}

variables {
  name               = "web"
  mesh_name          = "shop"
  cluster            = "shop"
  namespace          = { id = "ns-1", name = "shop.local" }
  subnets            = ["subnet-1"]
  security_groups    = ["sg-1"]
  execution_role_arn = "arn:aws:iam::123456789012:role/execution"
  envoy_image        = "envoy:1"
  port               = 8080
  blue               = { is_active = true, weight = 1, image = "web:1" }
  green              = { is_active = false, weight = 0, image = "web:2" }
}

run "both_sides_exist" {
  assert {
    condition     = keys(aws_appmesh_virtual_node.side) == ["blue", "green"] && [for side in ["blue", "green"] : aws_ecs_service.side[side].desired_count] == [2, 0]
    error_message = "The idle side has no tasks."
  }

  assert {
    condition     = { for target in aws_appmesh_route.this.spec[0].http_route[0].action[0].weighted_target : target.virtual_node => target.weight } == { web-blue = 1, web-green = 0 }
    error_message = "It begins with the weights that are said."
  }

  assert {
    condition     = length(jsondecode(aws_iam_role_policy.envoy.policy).Statement[0].Resource) == 2
    error_message = "The role may have the configuration of both."
  }
}

run "what_deployments_own_is_not_changed" {
  variables {
    blue          = { is_active = false, weight = 0, image = "web:3" }
    green         = { is_active = true, weight = 1, image = "web:4" }
    desired_count = 5
  }

  assert {
    condition     = { for target in aws_appmesh_route.this.spec[0].http_route[0].action[0].weighted_target : target.virtual_node => target.weight } == { web-blue = 1, web-green = 0 }
    error_message = "Weights are the deployments'."
  }

  assert {
    condition     = [for side in ["blue", "green"] : aws_ecs_service.side[side].desired_count] == [2, 0]
    error_message = "So are counts."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.side["blue"].container_definitions)[0].image == "web:1"
    error_message = "And images."
  }
}

run "what_terraform_owns_is" {
  variables {
    timeout_seconds  = 30
    platform_version = "1.3.0"
  }

  assert {
    condition     = aws_appmesh_route.this.spec[0].http_route[0].timeout[0].per_request[0].value == 30 && aws_ecs_service.side["blue"].platform_version == "1.3.0"
    error_message = "All else is Terraform's."
  }
}

run "no_side" {
  command         = plan
  expect_failures = [aws_appmesh_route.this]

  variables {
    blue = { is_active = false, weight = 0, image = "web:1" }
  }
}
