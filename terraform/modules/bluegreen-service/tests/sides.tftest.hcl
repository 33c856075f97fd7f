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

run "the_first_side" {
  assert {
    condition     = keys(aws_appmesh_virtual_node.side) == ["blue"] && keys(aws_ecs_service.side) == ["blue"]
    error_message = "A side that is not active does not exist."
  }

  assert {
    condition     = output.hostname == "web.shop.local"
    error_message = "Callers use NAME.NAMESPACE."
  }

  assert {
    condition     = [for c in jsondecode(aws_ecs_task_definition.side["blue"].container_definitions) : c.name] == ["app", "envoy"]
    error_message = "Envoy is beside the application."
  }

  assert {
    condition     = [for c in jsondecode(aws_ecs_task_definition.side["blue"].container_definitions) : c.cpu] == [384, 128]
    error_message = "Neither starves while the other is busy."
  }
}

run "an_application_that_names_its_cpu" {
  variables {
    container = jsonencode({ cpu = 448 })
  }

  assert {
    condition     = [for c in jsondecode(aws_ecs_task_definition.side["blue"].container_definitions) : c.cpu] == [448, 64]
    error_message = "Envoy gets what is left."
  }
}

run "green_starts_without_weight" {
  variables {
    green = { is_active = true, weight = 0, image = "web:2" }
  }

  assert {
    condition     = length(aws_appmesh_route.this.spec[0].http_route[0].action[0].weighted_target) == 2
    error_message = "The one route has both sides."
  }

  assert {
    condition     = length(jsondecode(aws_iam_role_policy.envoy.policy).Statement[0].Resource) == 2
    error_message = "The role may have the configuration of both."
  }
}

run "blue_is_removed" {
  variables {
    blue       = { is_active = false, weight = 0, image = "web:1" }
    green      = { is_active = true, weight = 1, image = "web:2" }
    side_names = { blue = "b", green = "g" }
  }

  assert {
    condition     = output.virtual_nodes == { green = "web-g" }
    error_message = "The sides may have other names."
  }
}

run "grpc" {
  variables {
    protocol = "grpc"
  }

  assert {
    condition     = length(aws_appmesh_route.this.spec[0].grpc_route) == 1 && length(aws_appmesh_route.this.spec[0].http_route) == 0
    error_message = "The route is of the service's protocol."
  }
}

run "a_request_may_take_as_long_as_its_timeout_though_it_may_be_sent_again" {
  assert {
    condition     = aws_appmesh_route.this.spec[0].http_route[0].retry_policy[0].per_retry_timeout[0].value == 15
    error_message = "By default App Mesh's 15 seconds."
  }
}

run "a_timeout_of_its_own" {
  variables {
    timeout_seconds = 60
  }

  assert {
    condition = (
      aws_appmesh_route.this.spec[0].http_route[0].retry_policy[0].per_retry_timeout[0].value == 60
      && aws_appmesh_route.this.spec[0].http_route[0].timeout[0].per_request[0].value == 60
    )
    error_message = "A try may last as long as the request."
  }
}

run "no_side" {
  command         = plan
  expect_failures = [aws_appmesh_route.this]

  variables {
    blue = { is_active = false, weight = 0, image = "web:1" }
  }
}

run "weight_for_a_side_that_is_off" {
  command         = plan
  expect_failures = [aws_appmesh_route.this]

  variables {
    green = { is_active = false, weight = 1, image = "web:2" }
  }
}

run "no_weight" {
  command         = plan
  expect_failures = [aws_appmesh_route.this]

  variables {
    blue = { is_active = true, weight = 0, image = "web:1" }
  }
}

run "names_that_were_there_before" {
  variables {
    names = {
      route             = "web-both"
      cloud_map_service = "web-tasks"
      task_role         = "web-role"
      virtual_nodes     = { blue = "web-v1" }
      ecs_services      = { blue = "shop-web-v1" }
      families          = { blue = "web-family" }
    }
  }

  assert {
    condition     = aws_appmesh_route.this.name == "web-both" && aws_service_discovery_service.this.name == "web-tasks" && aws_iam_role.task.name == "web-role"
    error_message = "They are kept."
  }

  assert {
    condition     = aws_appmesh_virtual_node.side["blue"].spec[0].service_discovery[0].aws_cloud_map[0].attributes == tomap({ ECS_SERVICE_NAME = "shop-web-v1" })
    error_message = "Tasks are found by the ECS service that they are of."
  }

  assert {
    condition     = "${aws_appmesh_virtual_node.side["blue"].name} ${aws_ecs_service.side["blue"].name} ${aws_ecs_task_definition.side["blue"].family}" == "web-v1 shop-web-v1 web-family"
    error_message = "Each has its own."
  }
}

run "a_name_for_a_side_that_there_is_not" {
  command         = plan
  expect_failures = [var.names]

  variables {
    names = { virtual_nodes = { red = "web-red" } }
  }
}
