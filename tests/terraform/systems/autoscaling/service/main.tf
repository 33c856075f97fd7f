variable "name" {
  type = string
}

variable "prefix" {
  type = string
}

variable "image" {
  type = string
}

variable "cluster" {
  type = any
}

variable "mesh" {
  type = string
}

variable "namespace" {
  type = any
}

variable "subnets" {
  type = list(string)
}

variable "groups" {
  type = list(string)
}

variable "target_group" {
  default = null
}

variable "scaling" {
  type = object({ min = number, max = number })
}

data "aws_region" "this" {}

resource "aws_cloudwatch_log_group" "this" {
  name = "/${var.prefix}/${var.name}"
}

resource "aws_iam_role" "this" {
  name               = "${var.prefix}-${var.name}"
  assume_role_policy = data.aws_iam_policy_document.assume.json
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

data "aws_iam_policy_document" "permissions" {
  source_json = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "appmesh:StreamAggregatedResources", Resource = aws_appmesh_virtual_node.this.arn }]
  })

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
}

resource "aws_iam_role_policy" "this" {
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.permissions.json
}

resource "aws_service_discovery_service" "this" {
  name = var.name

  dns_config {
    namespace_id   = var.namespace.id
    routing_policy = "WEIGHTED"

    dns_records {
      ttl  = 5
      type = "A"
    }
  }

  health_check_custom_config {
    failure_threshold = 1
  }
}

resource "aws_appmesh_virtual_node" "this" {
  name      = var.name
  mesh_name = var.mesh

  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }

      connection_pool {
        http {
          max_connections      = 200
          max_pending_requests = 50
        }
      }

      outlier_detection {
        max_server_errors    = 10
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
    }

    service_discovery {
      dns {
        hostname = "${aws_service_discovery_service.this.name}.${var.namespace.name}"
      }
    }
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = "${var.prefix}-${var.name}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.this.arn
  task_role_arn            = aws_iam_role.this.arn

  container_definitions = jsonencode([
    {
      name         = var.name
      image        = var.image
      cpu          = 192
      memory       = 512
      essential    = true
      portMappings = [{ containerPort = 8080, hostPort = 8080 }]
      stopTimeout  = 30
      dependsOn    = [{ containerName = "envoy", condition = "HEALTHY" }]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = aws_cloudwatch_log_group.this.name
          "awslogs-region"        = data.aws_region.this.name
          "awslogs-stream-prefix" = "app"
        }
      }
    },
    {
      name              = "envoy"
      image             = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.27.3.0-prod"
      cpu               = 64
      memoryReservation = 256
      essential         = true
      user              = "1337"
      environment       = [{ name = "APPMESH_RESOURCE_ARN", value = aws_appmesh_virtual_node.this.arn }]
      healthCheck = {
        command     = ["CMD-SHELL", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"]
        interval    = 5
        timeout     = 2
        retries     = 3
        startPeriod = 10
      }
    },
  ])

  proxy_configuration {
    type           = "APPMESH"
    container_name = "envoy"

    properties = {
      AppPorts         = "8080"
      EgressIgnoredIPs = "169.254.170.2,169.254.169.254"
      IgnoredUID       = "1337"
      ProxyEgressPort  = "15001"
      ProxyIngressPort = "15000"
    }
  }
}

resource "aws_ecs_service" "this" {
  name            = var.name
  cluster         = var.cluster.id
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = 1
  launch_type     = "FARGATE"

  network_configuration {
    subnets         = var.subnets
    security_groups = var.groups
  }

  dynamic "load_balancer" {
    for_each = var.target_group[*]

    content {
      target_group_arn = load_balancer.value.arn
      container_name   = var.name
      container_port   = 8080
    }
  }

  service_registries {
    registry_arn = aws_service_discovery_service.this.arn
  }

  lifecycle {
    ignore_changes = [desired_count]
  }
}
