resource "aws_ecs_cluster" "this" {
  name = local.name
  tags = local.tags
}

resource "aws_iam_role" "execution" {
  name                 = "${local.name}-execution"
  path                 = "/ecs/"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Action    = "sts:AssumeRole"
      Effect    = "Allow"
      Principal = { Service = ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"] }
    }]
  })
}

resource "aws_iam_policy" "task" {
  name = "${local.name}-task"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["appmesh:StreamAggregatedResources", "secretsmanager:GetSecretValue"]
      Resource = [for node in aws_appmesh_virtual_node.this : node.arn]
    }]
  })
}

resource "aws_iam_role_policy_attachment" "task" {
  for_each = {
    own       = aws_iam_policy.task.arn
    execution = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
  }

  role       = aws_iam_role.execution.name
  policy_arn = each.value
}

resource "aws_secretsmanager_secret" "key" {
  name                    = "${local.name}/api-key"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "key" {
  secret_id     = aws_secretsmanager_secret.key.id
  secret_string = jsonencode({ key = "secret" })
}

resource "aws_ecs_task_definition" "this" {
  for_each                 = var.services
  family                   = "${local.name}-${each.key}"
  requires_compatibilities = ["EC2", "FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  task_role_arn            = aws_iam_role.execution.arn
  execution_role_arn       = aws_iam_role.execution.arn

  container_definitions = <<JSON
[
  {
    "name": "${each.key}",
    "image": "${each.value.image}:${local.versions[each.key]}",
    "essential": true,
    "memory": 512,
    "memoryReservation": 256,
    "portMappings": [{ "containerPort": ${each.value.port} }],
    "environment": [
      { "name": "BACKEND", "value": "http://${try(each.value.backends[0], "none")}.${local.zone}:8080/" }
    ],
    "secrets": [
      { "name": "API_KEY", "valueFrom": "${aws_secretsmanager_secret_version.key.arn}:key::" }
    ],
    "dependsOn": [{ "containerName": "envoy", "condition": "HEALTHY" }],
    "logConfiguration": {
      "logDriver": "awslogs",
      "options": {
        "awslogs-group": "${aws_cloudwatch_log_group.this[each.key].name}",
        "awslogs-region": "${local.region}",
        "awslogs-stream-prefix": "app"
      }
    }
  },
  {
    "name": "envoy",
    "image": "840364872350.dkr.ecr.${local.region}.amazonaws.com/aws-appmesh-envoy:v1.15.1.0-prod",
    "essential": true,
    "memory": 512,
    "user": "1337",
    "environment": [
      { "name": "APPMESH_VIRTUAL_NODE_NAME", "value": "mesh/${aws_appmesh_mesh.this.name}/virtualNode/${aws_appmesh_virtual_node.this[each.key].name}" }
    ],
    "healthCheck": {
      "command": ["CMD-SHELL", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"],
      "interval": 5,
      "timeout": 2,
      "retries": 3
    }
  }
]
JSON

  proxy_configuration {
    type           = "APPMESH"
    container_name = "envoy"

    properties = {
      AppPorts         = each.value.port
      EgressIgnoredIPs = "169.254.170.2,169.254.169.254"
      IgnoredUID       = "1337"
      ProxyEgressPort  = 15001
      ProxyIngressPort = 15000
    }
  }

  tags = local.tags
}

data "aws_ecs_task_definition" "newest" {
  for_each        = var.services
  task_definition = aws_ecs_task_definition.this[each.key].family
}

resource "aws_ecs_service" "this" {
  for_each             = var.services
  name                 = each.key
  cluster              = aws_ecs_cluster.this.arn
  task_definition      = "${aws_ecs_task_definition.this[each.key].family}:${max(aws_ecs_task_definition.this[each.key].revision, data.aws_ecs_task_definition.newest[each.key].revision)}"
  desired_count        = each.value.count
  launch_type          = "FARGATE"
  platform_version     = "1.4.0"
  force_new_deployment = true

  health_check_grace_period_seconds = 120

  network_configuration {
    subnets          = [for subnet in aws_subnet.this : subnet.id]
    security_groups  = [aws_default_security_group.this.id]
    assign_public_ip = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.service[each.key].arn
    container_name   = each.key
    container_port   = each.value.port
  }

  service_registries {
    registry_arn = aws_service_discovery_service.this[each.key].arn
    port         = each.value.port
  }

  tags       = local.tags
  depends_on = [aws_lb_listener_rule.service, aws_appmesh_virtual_service.this]
}
