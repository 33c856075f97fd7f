# One of every resource and data source of the provider that has a meaning on one machine.
# `changed` changes each of them in place.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "3.39.0"
    }
  }
}

variable "endpoint" {
  type = string
}

variable "changed" {
  type    = bool
  default = false
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_get_ec2_platforms      = true
  max_retries                 = 2

  endpoints {
    appmesh          = var.endpoint
    ecs              = var.endpoint
    route53          = var.endpoint
    servicediscovery = var.endpoint
    sts              = var.endpoint
  }
}

locals {
  tags   = { changed = tostring(var.changed) }
  weight = var.changed ? 30 : 10
}

resource "aws_appmesh_mesh" "it" {
  name = "everything"

  spec {
    egress_filter {
      type = var.changed ? "DROP_ALL" : "ALLOW_ALL"
    }
  }
}

resource "aws_appmesh_virtual_node" "it" {
  name      = "node"
  mesh_name = aws_appmesh_mesh.it.name
  tags      = { Name = "node" }

  spec {
    backend {
      virtual_service {
        virtual_service_name = "backend.local"
      }
    }

    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }

      health_check {
        protocol            = "http"
        path                = "/health"
        healthy_threshold   = 2
        unhealthy_threshold = 3
        timeout_millis      = 2000
        interval_millis     = var.changed ? 6000 : 5000
      }

      timeout {
        http {
          per_request {
            unit  = "s"
            value = 20
          }

          idle {
            unit  = "s"
            value = 100
          }
        }
      }

      outlier_detection {
        max_server_errors    = 5
        max_ejection_percent = 50

        base_ejection_duration {
          unit  = "s"
          value = 30
        }

        interval {
          unit  = "s"
          value = 10
        }
      }

      connection_pool {
        http {
          max_connections      = 100
          max_pending_requests = 10
        }
      }
    }

    service_discovery {
      aws_cloud_map {
        namespace_name = aws_service_discovery_private_dns_namespace.it.name
        service_name   = aws_service_discovery_service.it.name
        attributes     = { side = "blue" }
      }
    }

    logging {
      access_log {
        file {
          path = "/dev/stdout"
        }
      }
    }
  }
}

resource "aws_appmesh_virtual_router" "it" {
  name      = "router"
  mesh_name = aws_appmesh_mesh.it.name
  tags      = local.tags

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_route" "it" {
  name                = "route"
  mesh_name           = aws_appmesh_mesh.it.name
  virtual_router_name = aws_appmesh_virtual_router.it.name

  spec {
    priority = 10

    http_route {
      match {
        prefix = "/"
        method = "POST"
        scheme = "http"

        header {
          name = "x-side"

          match {
            prefix = "b"
          }
        }

        header {
          name   = "x-not"
          invert = true

          match {
            range {
              start = 1
              end   = 10
            }
          }
        }
      }

      retry_policy {
        http_retry_events = ["server-error", "gateway-error"]
        tcp_retry_events  = ["connection-error"]
        max_retries       = 2

        per_retry_timeout {
          unit  = "s"
          value = 5
        }
      }

      timeout {
        per_request {
          unit  = "s"
          value = 20
        }
      }

      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.it.name
          weight       = local.weight
        }
      }
    }
  }
}

resource "aws_appmesh_virtual_service" "it" {
  name      = "app.everything.local"
  mesh_name = aws_appmesh_mesh.it.name
  tags      = local.tags

  spec {
    provider {
      virtual_router {
        virtual_router_name = aws_appmesh_virtual_router.it.name
      }
    }
  }
}

resource "aws_appmesh_virtual_gateway" "it" {
  name      = "gateway"
  mesh_name = aws_appmesh_mesh.it.name

  spec {
    listener {
      port_mapping {
        port     = 9080
        protocol = "http"
      }

      health_check {
        protocol            = "http"
        path                = "/health"
        healthy_threshold   = 2
        unhealthy_threshold = 2
        timeout_millis      = 2000
        interval_millis     = var.changed ? 7000 : 5000
      }
    }

    logging {
      access_log {
        file {
          path = "/dev/stdout"
        }
      }
    }
  }
}

resource "aws_appmesh_gateway_route" "it" {
  name                 = "gateway-route"
  mesh_name            = aws_appmesh_mesh.it.name
  virtual_gateway_name = aws_appmesh_virtual_gateway.it.name

  spec {
    http_route {
      match {
        prefix = var.changed ? "/changed" : "/"
      }

      action {
        target {
          virtual_service {
            virtual_service_name = aws_appmesh_virtual_service.it.name
          }
        }
      }
    }
  }
}

resource "aws_service_discovery_http_namespace" "it" {
  name        = "everything-http"
  description = "for DiscoverInstances"
  tags        = local.tags
}

resource "aws_service_discovery_private_dns_namespace" "it" {
  name        = "everything.local"
  description = "of this machine"
  vpc         = "vpc-1"
  tags        = local.tags
}

resource "aws_service_discovery_public_dns_namespace" "it" {
  name = "everything.example.com"
  tags = local.tags
}

resource "aws_service_discovery_service" "it" {
  name        = "app"
  description = "changed: ${var.changed}"
  tags        = local.tags

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.it.id
    routing_policy = "MULTIVALUE"

    dns_records {
      ttl  = var.changed ? 20 : 10
      type = "A"
    }
  }

  health_check_custom_config {
    failure_threshold = 1
  }
}

resource "aws_ecs_capacity_provider" "it" {
  name = "everything"
  tags = local.tags

  auto_scaling_group_provider {
    auto_scaling_group_arn         = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:0:autoScalingGroupName/it"
    managed_termination_protection = "DISABLED"

    managed_scaling {
      status                    = "ENABLED"
      target_capacity           = 80
      minimum_scaling_step_size = 1
      maximum_scaling_step_size = 10
    }
  }
}

resource "aws_ecs_cluster" "it" {
  name               = "everything"
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
  tags               = local.tags

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = 100
  }

  setting {
    name  = "containerInsights"
    value = var.changed ? "enabled" : "disabled"
  }
}

resource "aws_ecs_task_definition" "it" {
  family                   = "everything"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  tags                     = local.tags

  container_definitions = jsonencode([{
    name         = "app"
    image        = "example/app:1"
    essential    = true
    environment  = [{ name = "LEVEL", value = "info" }]
    portMappings = [{ containerPort = 8080, hostPort = 8080, protocol = "tcp" }]
  }])
}

resource "aws_ecs_service" "it" {
  name                               = "everything"
  cluster                            = aws_ecs_cluster.it.id
  task_definition                    = aws_ecs_task_definition.it.arn
  desired_count                      = 0
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = var.changed ? 50 : 100
  tags                               = local.tags

  deployment_circuit_breaker {
    enable   = true
    rollback = var.changed
  }

  network_configuration {
    subnets         = ["subnet-1", "subnet-2"]
    security_groups = ["sg-1"]
  }

  service_registries {
    registry_arn = aws_service_discovery_service.it.arn
  }
}

data "aws_ecs_cluster" "it" {
  cluster_name = aws_ecs_cluster.it.name
}

data "aws_ecs_service" "it" {
  service_name = aws_ecs_service.it.name
  cluster_arn  = aws_ecs_cluster.it.arn
}

data "aws_ecs_task_definition" "it" {
  task_definition = aws_ecs_task_definition.it.family
}

data "aws_ecs_container_definition" "it" {
  task_definition = aws_ecs_task_definition.it.arn
  container_name  = "app"
}

output "read" {
  value = {
    aws_ecs_cluster              = data.aws_ecs_cluster.it.status
    aws_ecs_service              = data.aws_ecs_service.it.desired_count
    aws_ecs_task_definition      = data.aws_ecs_task_definition.it.status
    aws_ecs_container_definition = data.aws_ecs_container_definition.it.environment["LEVEL"]
  }
}
