data "aws_region" "this" {}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/ecs/${var.name}"
  retention_in_days = 30
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each              = toset(["task", "execution"])
  name                  = "${var.name}-${each.key}"
  assume_role_policy    = data.aws_iam_policy_document.assume.json
  force_detach_policies = true
}

resource "aws_iam_role_policy_attachment" "envoy" {
  role       = aws_iam_role.this["task"].name
  policy_arn = "arn:aws:iam::aws:policy/AWSAppMeshEnvoyAccess"
}

locals {
  envoy = {
    name               = "envoy"
    image              = var.envoy_image
    user               = "1337"
    memory             = 256
    memory_reservation = 128
    port               = var.gateway ? var.port : null
    ulimits            = [{ name = "nofile", hardLimit = 15000, softLimit = 15000 }]
    environment = {
      APPMESH_RESOURCE_ARN             = local.resource
      APPMESH_METRIC_EXTENSION_VERSION = "1"
      ENVOY_LOG_LEVEL                  = "warning"
      ENVOY_ADMIN_ACCESS_LOG_FILE      = "/dev/null"
    }
    health_check = {
      command     = ["CMD-SHELL", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"]
      startPeriod = 10
      interval    = 5
      timeout     = 2
      retries     = 3
    }
  }
}

module "envoy" {
  source     = "../container"
  definition = local.envoy
  log_group  = aws_cloudwatch_log_group.this.name
  region     = data.aws_region.this.name
}

module "container" {
  count      = length(var.containers)
  source     = "../container"
  definition = merge(var.containers[count.index], { depends_on = [{ containerName = "envoy", condition = "HEALTHY" }] })
  log_group  = aws_cloudwatch_log_group.this.name
  region     = data.aws_region.this.name
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  task_role_arn            = aws_iam_role.this["task"].arn
  execution_role_arn       = aws_iam_role.this["execution"].arn
  container_definitions    = jsonencode(concat(module.container.*.json_map_object, [module.envoy.json_map_object]))

  dynamic "proxy_configuration" {
    for_each = var.gateway ? [] : [1]

    content {
      type           = "APPMESH"
      container_name = "envoy"

      properties = {
        AppPorts         = join(",", [var.port])
        EgressIgnoredIPs = "169.254.170.2,169.254.169.254"
        IgnoredUID       = "1337"
        IgnoredGID       = ""
        ProxyEgressPort  = 15001
        ProxyIngressPort = 15000
      }
    }
  }

  volume {
    name = "scratch"
  }
}

resource "aws_ecs_service" "this" {
  name                               = var.name
  cluster                            = var.cluster
  task_definition                    = aws_ecs_task_definition.this.arn
  desired_count                      = var.desired_count
  platform_version                   = "LATEST"
  propagate_tags                     = "TASK_DEFINITION"
  enable_ecs_managed_tags            = true
  deployment_maximum_percent         = 200
  deployment_minimum_healthy_percent = 100
  health_check_grace_period_seconds  = var.target_group_arn == null ? null : 30

  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 100
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = false
  }

  network_configuration {
    subnets          = var.subnets
    security_groups  = var.security_groups
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = compact([var.target_group_arn])

    content {
      target_group_arn = load_balancer.value
      container_name   = "envoy"
      container_port   = var.port
    }
  }

  service_registries {
    registry_arn = aws_service_discovery_service.this.arn
  }

  lifecycle {
    ignore_changes = [desired_count]
  }
}
