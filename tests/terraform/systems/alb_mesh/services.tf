resource "aws_ssm_parameter" "token" {
  name  = "/${local.name}/token"
  type  = "SecureString"
  value = "to be changed"

  lifecycle {
    ignore_changes = [value]
  }
}

locals {
  common = {
    port        = var.app_port
    region      = var.aws_region
    log_group   = aws_cloudwatch_log_group.app.name
    envoy_image = var.envoy_image
    xray_image  = var.xray_image
    token       = aws_ssm_parameter.token.arn
    backend     = "http://${aws_appmesh_virtual_service.web.name}:${var.app_port}/"
  }
}

resource "aws_ecs_task_definition" "front" {
  family                   = "${local.name}-front"
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = "256"
  memory                   = "512"

  container_definitions = templatefile("${path.module}/templates/task.json.tpl", merge(local.common, {
    name  = "front"
    image = "${local.registry}/${local.name}/front:latest"
    node  = "mesh/${aws_appmesh_mesh.main.name}/virtualNode/${aws_appmesh_virtual_node.front.name}"
  }))

  proxy_configuration {
    type           = "APPMESH"
    container_name = "envoy"

    properties = {
      AppPorts         = var.app_port
      EgressIgnoredIPs = "169.254.170.2,169.254.169.254"
      IgnoredUID       = "1337"
      ProxyEgressPort  = 15001
      ProxyIngressPort = 15000
    }
  }
}

resource "aws_ecs_service" "front" {
  name                              = "front"
  cluster                           = aws_ecs_cluster.main.id
  task_definition                   = aws_ecs_task_definition.front.arn
  desired_count                     = 2
  launch_type                       = "FARGATE"
  health_check_grace_period_seconds = 30
  enable_ecs_managed_tags           = true
  propagate_tags                    = "SERVICE"
  enable_execute_command            = true
  wait_for_steady_state             = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  deployment_controller {
    type = "ECS"
  }

  network_configuration {
    security_groups  = [aws_security_group.tasks.id]
    subnets          = aws_subnet.private.*.id
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_alb_target_group.app.id
    container_name   = "front"
    container_port   = var.app_port
  }

  service_registries {
    registry_arn = aws_service_discovery_service.front.arn
  }

  depends_on = [aws_alb_listener.front_end, aws_iam_role_policy_attachment.execution, aws_ecs_service.web]

  lifecycle {
    ignore_changes = [desired_count]
  }
}

resource "aws_ecs_task_definition" "web" {
  for_each                 = local.sides
  family                   = "${local.name}-web-${each.key}"
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512

  container_definitions = templatefile("${path.module}/templates/task.json.tpl", merge(local.common, {
    name  = "web"
    image = "${local.registry}/${local.name}/web:${each.value.tag}"
    node  = "mesh/${aws_appmesh_mesh.main.name}/virtualNode/${aws_appmesh_virtual_node.web[each.key].name}"
  }))

  proxy_configuration {
    type           = "APPMESH"
    container_name = "envoy"

    properties = {
      AppPorts           = var.app_port
      EgressIgnoredIPs   = "169.254.170.2,169.254.169.254"
      EgressIgnoredPorts = "22"
      IgnoredUID         = "1337"
      ProxyEgressPort    = 15001
      ProxyIngressPort   = 15000
    }
  }

  tags = {
    side = each.key
  }
}

resource "aws_ecs_service" "web" {
  for_each        = local.sides
  name            = "web-${each.key}"
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.web[each.key].arn
  desired_count   = 1

  capacity_provider_strategy {
    base              = 1
    capacity_provider = "FARGATE_SPOT"
    weight            = 1
  }

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  network_configuration {
    security_groups = [aws_security_group.tasks.id]
    subnets         = aws_subnet.private.*.id
  }

  service_registries {
    registry_arn   = aws_service_discovery_service.web[each.key].arn
    container_name = "web"
  }
}
