terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "3.39.0"
    }
  }
}
variable "endpoint" { type = string }
variable "max" {
  type    = number
  default = 4
}
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_get_ec2_platforms      = true
  max_retries                 = 2
  endpoints {
    ecs                    = var.endpoint
    applicationautoscaling = var.endpoint
    cloudwatch             = var.endpoint
    ec2                    = var.endpoint
    iam                    = var.endpoint
    servicediscovery       = var.endpoint
    route53                = var.endpoint
    cloudwatchevents       = var.endpoint
    sqs                    = var.endpoint
    sts                    = var.endpoint
  }
}
resource "aws_ecs_cluster" "c" { name = "c" }
resource "aws_ecs_task_definition" "t" {
  family                = "t"
  container_definitions = jsonencode([{ name = "app", image = "example/web:1", cpu = 64, memory = 64, essential = true }])
}
resource "aws_ecs_service" "s" {
  name            = "s"
  cluster         = aws_ecs_cluster.c.id
  task_definition = aws_ecs_task_definition.t.arn
  desired_count   = 0
  lifecycle { ignore_changes = [desired_count] }
}
data "aws_caller_identity" "me" {}
resource "aws_appautoscaling_target" "t" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.c.name}/${aws_ecs_service.s.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  role_arn           = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/ecsAutoscaleRole"
  min_capacity       = 0
  max_capacity       = var.max
}
resource "aws_appautoscaling_policy" "up" {
  name               = "up"
  service_namespace  = aws_appautoscaling_target.t.service_namespace
  resource_id        = aws_appautoscaling_target.t.resource_id
  scalable_dimension = aws_appautoscaling_target.t.scalable_dimension
  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 60
    metric_aggregation_type = "Maximum"
    step_adjustment {
      metric_interval_lower_bound = 0
      metric_interval_upper_bound = 10
      scaling_adjustment          = 1
    }
    step_adjustment {
      metric_interval_lower_bound = 10
      scaling_adjustment          = 2
    }
  }
}
resource "aws_appautoscaling_policy" "down" {
  name               = "down"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.t.service_namespace
  resource_id        = aws_appautoscaling_target.t.resource_id
  scalable_dimension = aws_appautoscaling_target.t.scalable_dimension
  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 60
    metric_aggregation_type = "Maximum"
    step_adjustment {
      metric_interval_upper_bound = 0
      scaling_adjustment          = -1
    }
  }
}
resource "aws_appautoscaling_policy" "track" {
  name               = "track"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.t.service_namespace
  resource_id        = aws_appautoscaling_target.t.resource_id
  scalable_dimension = aws_appautoscaling_target.t.scalable_dimension
  target_tracking_scaling_policy_configuration {
    target_value     = 40
    disable_scale_in = true
    customized_metric_specification {
      metric_name = "Waiting"
      namespace   = "Shop"
      statistic   = "Average"
      dimensions {
        name  = "q"
        value = "a"
      }
    }
  }
}
resource "aws_cloudwatch_metric_alarm" "high" {
  alarm_name          = "high"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  evaluation_periods  = 2
  metric_name         = "CPUUtilization"
  namespace           = "AWS/ECS"
  period              = 60
  statistic           = "Maximum"
  threshold           = 85
  dimensions          = { ClusterName = "c", ServiceName = "s" }
  alarm_actions       = [aws_appautoscaling_policy.up.arn]
  ok_actions          = [aws_appautoscaling_policy.down.arn]
}
resource "aws_appautoscaling_scheduled_action" "night" {
  name               = "night"
  service_namespace  = aws_appautoscaling_target.t.service_namespace
  resource_id        = aws_appautoscaling_target.t.resource_id
  scalable_dimension = aws_appautoscaling_target.t.scalable_dimension
  schedule           = "cron(0 22 * * ? *)"
  timezone           = "Europe/Berlin"
  scalable_target_action {
    min_capacity = 0
    max_capacity = 1
  }
}
resource "aws_vpc" "v" { cidr_block = "10.0.0.0/16" }
resource "aws_service_discovery_private_dns_namespace" "n" {
  name = "d.local"
  vpc  = aws_vpc.v.id
}
data "aws_route53_zone" "n" {
  zone_id = aws_service_discovery_private_dns_namespace.n.hosted_zone
}
data "aws_route53_zone" "by_name" {
  name         = "d.local."
  private_zone = true
  depends_on   = [aws_service_discovery_private_dns_namespace.n]
}
resource "aws_sqs_queue" "q" { name = "q" }
resource "aws_cloudwatch_event_rule" "r" {
  name          = "r"
  event_pattern = jsonencode({ source = ["aws.ecs"], "detail-type" = ["ECS Task State Change"] })
}
resource "aws_cloudwatch_event_target" "q" {
  rule = aws_cloudwatch_event_rule.r.name
  arn  = aws_sqs_queue.q.arn
}
output "zone" { value = [data.aws_route53_zone.n.name, data.aws_route53_zone.by_name.zone_id] }
