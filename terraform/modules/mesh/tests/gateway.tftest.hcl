mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/gateway" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/gateway:1" }
  }

  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shop/1" }
  }

  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/shop/1" }
  }
}

mock_provider "aws" {
  alias = "mesh"
}

variables {
  name               = "shop"
  vpc_id             = "vpc-1"
  cluster            = "shop"
  subnets            = ["subnet-1"]
  security_groups    = ["sg-1"]
  execution_role_arn = "arn:aws:iam::123456789012:role/execution"
  envoy_image        = "envoy:1"
  gateway_routes     = { "/" = "web.shop.local", "/stock/v1/" = "stock.shop.local" }
}

run "without_a_load_balancer" {
  assert {
    condition     = length(aws_lb.gateway) == 0 && length(aws_ecs_service.gateway.load_balancer) == 0 && output.dns_name == ""
    error_message = "None unless it is asked for."
  }

  assert {
    condition     = { for path, route in aws_appmesh_gateway_route.this : path => route.name } == { "/" = "root", "/stock/v1/" = "stock-v1" }
    error_message = "A route for each prefix."
  }
}

run "with_one" {
  variables {
    load_balancer = { subnets = ["subnet-2"], internal = false, port = 80 }
  }

  assert {
    condition     = length(aws_lb_listener.gateway) == 1 && length(aws_ecs_service.gateway.load_balancer) == 1
    error_message = "The gateway's tasks are its targets."
  }
}

run "with_one_that_knows_requests" {
  variables {
    load_balancer = {
      subnets         = ["subnet-2", "subnet-3"]
      internal        = false
      port            = 443
      type            = "application"
      security_groups = ["sg-2"]
      certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    }
  }

  assert {
    condition     = aws_lb_listener.gateway[0].protocol == "HTTPS" && aws_lb_target_group.gateway[0].protocol == "HTTP" && aws_lb.gateway[0].load_balancer_type == "application"
    error_message = "TLS ends there."
  }
}

run "an_unknown_load_balancer" {
  command         = plan
  expect_failures = [var.load_balancer]

  variables {
    load_balancer = { subnets = ["subnet-2"], internal = false, port = 80, type = "classic" }
  }
}

run "an_unknown_egress" {
  command         = plan
  expect_failures = [var.egress]

  variables {
    egress = "SOME"
  }
}
