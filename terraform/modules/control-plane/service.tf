# Its replicas. Fargate spreads them over the zones of the subnets.

resource "aws_ecs_service" "this" {
  count                             = var.autoscaling == null ? 1 : 0
  name                              = var.name
  cluster                           = var.cluster
  task_definition                   = aws_ecs_task_definition.this.arn
  desired_count                     = var.replicas
  launch_type                       = "FARGATE"
  platform_version                  = var.platform_version
  propagate_tags                    = "SERVICE"
  wait_for_steady_state             = var.wait_for_steady_state
  health_check_grace_period_seconds = length(local.targets) == 0 ? null : 300

  network_configuration {
    subnets          = var.subnets
    security_groups  = concat([aws_security_group.this.id], var.security_groups)
    assign_public_ip = var.assign_public_ip
  }

  dynamic "load_balancer" {
    for_each = local.targets

    content {
      target_group_arn = load_balancer.value.arn
      container_name   = "teal"
      container_port   = load_balancer.value.port
    }
  }

  dynamic "service_registries" {
    for_each = aws_service_discovery_service.this

    content {
      registry_arn = service_registries.value.arn
    }
  }

  depends_on = [
    aws_iam_role_policy.task, aws_iam_role_policy.execution,
    aws_lb_listener.network, aws_lb_listener.application,
  ]

  lifecycle {
    precondition {
      condition     = var.replicas < 2 || length(var.subnets) > 1
      error_message = "Several replicas in one subnet are all gone with its zone: give subnets of two zones or more."
    }
  }
}

# The same, whose count is automatic scaling's: `ignore_changes` can depend on no variable.
resource "aws_ecs_service" "scaled" {
  count                             = var.autoscaling == null ? 0 : 1
  name                              = "${var.name}-scaled"
  cluster                           = var.cluster
  task_definition                   = aws_ecs_task_definition.this.arn
  desired_count                     = var.autoscaling.min
  launch_type                       = "FARGATE"
  platform_version                  = var.platform_version
  propagate_tags                    = "SERVICE"
  wait_for_steady_state             = var.wait_for_steady_state
  health_check_grace_period_seconds = length(local.targets) == 0 ? null : 300

  network_configuration {
    subnets          = var.subnets
    security_groups  = concat([aws_security_group.this.id], var.security_groups)
    assign_public_ip = var.assign_public_ip
  }

  dynamic "load_balancer" {
    for_each = local.targets

    content {
      target_group_arn = load_balancer.value.arn
      container_name   = "teal"
      container_port   = load_balancer.value.port
    }
  }

  dynamic "service_registries" {
    for_each = aws_service_discovery_service.this

    content {
      registry_arn = service_registries.value.arn
    }
  }

  depends_on = [
    aws_iam_role_policy.task, aws_iam_role_policy.execution,
    aws_lb_listener.network, aws_lb_listener.application,
  ]

  lifecycle {
    ignore_changes = [desired_count]

    precondition {
      condition     = length(var.subnets) > 1
      error_message = "Several replicas in one subnet are all gone with its zone: give subnets of two zones or more."
    }
  }
}

resource "aws_appautoscaling_target" "this" {
  count              = var.autoscaling == null ? 0 : 1
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${element(split("/", var.cluster), length(split("/", var.cluster)) - 1)}/${aws_ecs_service.scaled[0].name}"
  min_capacity       = var.autoscaling.min
  max_capacity       = var.autoscaling.max
}

resource "aws_appautoscaling_policy" "this" {
  count              = var.autoscaling == null ? 0 : 1
  name               = "${var.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.autoscaling.cpu
    scale_in_cooldown  = 600
    scale_out_cooldown = 60

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_service_discovery_service" "this" {
  count = var.discovery == null ? 0 : 1
  name  = var.name

  dns_config {
    namespace_id   = var.discovery.id
    routing_policy = "MULTIVALUE"

    dns_records {
      ttl  = 10
      type = "A"
    }
  }

  health_check_custom_config {
    failure_threshold = 1
  }
}
