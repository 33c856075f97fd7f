data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "task" {
  name_prefix         = "task-"
  assume_role_policy  = data.aws_iam_policy_document.tasks.json
  managed_policy_arns = ["arn:aws:iam::aws:policy/AWSAppMeshEnvoyAccess"]

  inline_policy {
    name = "logs"
    policy = jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "*"
      }]
    })
  }
}

resource "aws_cloudwatch_log_group" "task" {
  for_each          = toset(["gateway", "app"])
  name              = "/${var.name}/${each.key}"
  retention_in_days = 1
}

locals {
  logs = { for kind, group in aws_cloudwatch_log_group.task : kind => {
    logDriver = "awslogs"
    options = {
      awslogs-group         = group.name
      awslogs-region        = "us-east-1"
      awslogs-stream-prefix = kind
    }
  } }

  live = {
    command     = ["CMD-SHELL", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"]
    retries     = 3
    timeout     = 10
    interval    = 5
    startPeriod = 10
  }
}

resource "aws_ecs_task_definition" "gateway" {
  family             = "${var.name}-gateway"
  execution_role_arn = aws_iam_role.task.arn
  task_role_arn      = aws_iam_role.task.arn
  network_mode       = "awsvpc"
  cpu                = 256
  memory             = 512

  container_definitions = jsonencode([{
    name             = "envoy"
    image            = local.envoy_image
    essential        = true
    cpu              = 0
    memory           = 500
    environment      = [{ name = "APPMESH_RESOURCE_ARN", value = aws_appmesh_virtual_gateway.default.arn }]
    portMappings     = [{ containerPort = 9080, hostPort = 9080, protocol = "tcp" }]
    healthCheck      = local.live
    logConfiguration = local.logs["gateway"]
  }])
}

resource "aws_ecs_service" "gateway" {
  name                               = "gateway"
  cluster                            = aws_ecs_cluster.default.name
  task_definition                    = aws_ecs_task_definition.gateway.arn
  desired_count                      = 2
  enable_execute_command             = true
  deployment_minimum_healthy_percent = 0
  health_check_grace_period_seconds  = 60

  capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.default.name
    weight            = 1
  }

  network_configuration {
    subnets         = [aws_subnet.private.id]
    security_groups = [aws_security_group.tasks.id]
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.gateway.arn
    container_name   = "envoy"
    container_port   = 9080
  }

  service_registries {
    registry_arn = aws_service_discovery_service.node["gateway"].arn
  }

  depends_on = [aws_lb_listener.gateway]
}

resource "aws_ecs_task_definition" "app" {
  for_each                 = local.versions
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["EC2"]
  execution_role_arn       = aws_iam_role.task.arn
  task_role_arn            = aws_iam_role.task.arn
  network_mode             = "awsvpc"

  container_definitions = jsonencode([
    {
      name             = "web"
      image            = "example/web:${each.value.tag}"
      essential        = true
      memory           = 256
      portMappings     = [{ containerPort = 80, protocol = "tcp" }]
      dependsOn        = [{ containerName = "envoy", condition = "HEALTHY" }]
      logConfiguration = local.logs["app"]
    },
    {
      name              = "envoy"
      image             = local.envoy_image
      essential         = true
      user              = "1337"
      memoryReservation = 128
      environment = [
        { name = "APPMESH_RESOURCE_ARN", value = aws_appmesh_virtual_node.app[each.key].arn },
        { name = "APPMESH_XDS_ENDPOINT", value = "" },
        { name = "ENABLE_ENVOY_STATS_TAGS", value = "1" },
      ]
      healthCheck      = local.live
      logConfiguration = local.logs["app"]
    },
  ])

  proxy_configuration {
    type           = "APPMESH"
    container_name = "envoy"

    properties = {
      AppPorts         = 80
      EgressIgnoredIPs = "169.254.170.2,169.254.169.254"
      IgnoredUID       = 1337
      ProxyEgressPort  = 15001
      ProxyIngressPort = 15000
    }
  }

  placement_constraints {
    type       = "memberOf"
    expression = "attribute:ecs.os-type == linux"
  }
}

resource "aws_ecs_service" "app" {
  for_each        = local.versions
  name            = "app-${each.key}"
  cluster         = aws_ecs_cluster.default.name
  task_definition = aws_ecs_task_definition.app[each.key].arn
  desired_count   = each.value.count
  launch_type     = "EC2"

  ordered_placement_strategy {
    type  = "spread"
    field = "attribute:ecs.availability-zone"
  }

  network_configuration {
    subnets         = [aws_subnet.private.id]
    security_groups = [aws_security_group.tasks.id]
  }

  service_registries {
    registry_arn = aws_service_discovery_service.node[each.key].arn
  }

  depends_on = [aws_ecs_service.gateway]
}

resource "aws_ecs_task_definition" "agent" {
  family = "${var.name}-cloudwatch-agent"

  container_definitions = jsonencode([{
    name      = "agent"
    image     = "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest"
    essential = true
    memory    = 128
  }])
}

resource "aws_ecs_service" "agent" {
  name                = "cloudwatch-agent"
  cluster             = aws_ecs_cluster.default.id
  task_definition     = aws_ecs_task_definition.agent.arn
  launch_type         = "EC2"
  scheduling_strategy = "DAEMON"
}
