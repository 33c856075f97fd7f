# A service that scales by CPU, memory and requests behind a load balancer, with a step policy by
# an alarm, a schedule, and notifications; a worker without a load balancer in the same cluster.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "3.39.0"
    }
  }
}

provider "aws" {
  region = "ap-northeast-1"
}

variable "stage" {
  type    = string
  default = "stg"
}

variable "release" {
  type    = string
  default = "1.0"
}

variable "min_capacity" {
  type    = number
  default = 1
}

variable "max_capacity" {
  type    = number
  default = 4
}

locals {
  prefix = "media-${var.stage}"
  zones  = ["ap-northeast-1a", "ap-northeast-1c"]
}

resource "aws_vpc" "vpc" {
  cidr_block           = "10.5.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = {
    Name = local.prefix
  }
}

resource "aws_subnet" "subnet" {
  count             = length(local.zones)
  vpc_id            = aws_vpc.vpc.id
  cidr_block        = "10.5.${count.index}.0/24"
  availability_zone = local.zones[count.index]
}

resource "aws_security_group" "all" {
  vpc_id      = aws_vpc.vpc.id
  description = "inside"

  ingress {
    from_port = 0
    to_port   = 65535
    protocol  = "tcp"
    self      = true
  }
}

module "alb" {
  source  = "./alb"
  prefix  = local.prefix
  vpc     = aws_vpc.vpc.id
  subnets = aws_subnet.subnet[*].id
  groups  = [aws_security_group.all.id]
}

module "api" {
  source       = "./service"
  name         = "api"
  prefix       = local.prefix
  image        = "registry.example.com/web:${var.release}"
  cluster      = aws_ecs_cluster.cluster
  mesh         = aws_appmesh_mesh.mesh.name
  namespace    = aws_service_discovery_private_dns_namespace.namespace
  subnets      = aws_subnet.subnet[*].id
  groups       = [aws_security_group.all.id]
  target_group = module.alb.target_group
  scaling = {
    min = var.min_capacity
    max = var.max_capacity
  }

  depends_on = [module.alb]
}

module "worker" {
  source    = "./service"
  name      = "worker"
  prefix    = local.prefix
  image     = "registry.example.com/web:${var.release}"
  cluster   = aws_ecs_cluster.cluster
  mesh      = aws_appmesh_mesh.mesh.name
  namespace = aws_service_discovery_private_dns_namespace.namespace
  subnets   = aws_subnet.subnet[*].id
  groups    = [aws_security_group.all.id]
  scaling   = null
}

resource "aws_ecs_cluster" "cluster" {
  name = local.prefix
}

resource "aws_appmesh_mesh" "mesh" {
  name = local.prefix
}

resource "aws_service_discovery_private_dns_namespace" "namespace" {
  name = "${var.stage}.media"
  vpc  = aws_vpc.vpc.id
}

resource "aws_sns_topic" "alerts" {
  name = "${local.prefix}-alerts"
}

resource "aws_sns_topic_subscription" "mail" {
  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "https"
  endpoint  = "https://hooks.example.com/alerts"
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  alarm_name          = "${local.prefix}-unhealthy-hosts"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  metric_name         = "UnHealthyHostCount"
  namespace           = "AWS/ApplicationELB"
  period              = 60
  statistic           = "Maximum"
  threshold           = 0
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  treat_missing_data  = "notBreaching"

  dimensions = {
    LoadBalancer = module.alb.suffix
    TargetGroup  = module.alb.target_group.arn_suffix
  }
}

resource "aws_cloudwatch_dashboard" "main" {
  dashboard_name = local.prefix

  dashboard_body = jsonencode({
    widgets = [{
      type   = "metric"
      x      = 0
      y      = 0
      width  = 12
      height = 6
      properties = {
        metrics = [["AWS/ECS", "CPUUtilization", "ServiceName", "api", "ClusterName", local.prefix]]
        period  = 60
        stat    = "Average"
        region  = "ap-northeast-1"
        title   = "CPU"
      }
    }]
  })
}

resource "aws_cloudwatch_event_rule" "stopped" {
  name = "${local.prefix}-stopped-tasks"

  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Task State Change"]
    detail        = { lastStatus = ["STOPPED"] }
  })
}

resource "aws_cloudwatch_event_target" "stopped" {
  rule      = aws_cloudwatch_event_rule.stopped.name
  target_id = "sns"
  arn       = aws_sns_topic.alerts.arn
}

output "dns_name" {
  value = module.alb.dns_name
}
