data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "gateway" {
  name_prefix        = "${substr(var.name, 0, 20)}-gateway-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "gateway" {
  name = "envoy"
  role = aws_iam_role.gateway.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "appmesh:StreamAggregatedResources"
      Resource = [aws_appmesh_virtual_gateway.this.arn]
    }]
  })
}

module "sidecar" {
  source = "../sidecar"

  resource      = "mesh/${aws_appmesh_mesh.this.name}/virtualGateway/${aws_appmesh_virtual_gateway.this.name}"
  image         = var.envoy_image
  xds_endpoint  = var.xds_endpoint
  xds_ca        = var.xds_ca
  agent         = var.agent
  app_container = ""
  task_cpu      = 256
  environment   = var.gateway_environment

  log_configuration = var.log_group == "" ? null : {
    logDriver = "awslogs"
    options = {
      awslogs-group         = var.log_group
      awslogs-region        = data.aws_region.current.name
      awslogs-stream-prefix = "gateway"
    }
  }
}

resource "aws_ecs_task_definition" "gateway" {
  family                   = "${var.name}-gateway"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = var.execution_role_arn
  task_role_arn            = aws_iam_role.gateway.arn

  container_definitions = jsonencode([
    for container in module.sidecar.containers : merge(jsondecode(container), {
      portMappings = [{ containerPort = var.gateway_port, hostPort = var.gateway_port, protocol = "tcp" }]
    })
  ])

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_ecs_service" "gateway" {
  name                  = "${var.name}-gateway"
  cluster               = var.cluster
  task_definition       = aws_ecs_task_definition.gateway.arn
  desired_count         = var.gateway_count
  launch_type           = "FARGATE"
  platform_version      = var.platform_version
  wait_for_steady_state = var.wait_for_steady_state

  network_configuration {
    subnets          = var.subnets
    security_groups  = var.security_groups
    assign_public_ip = var.assign_public_ip
  }

  dynamic "load_balancer" {
    for_each = aws_lb_target_group.gateway

    content {
      target_group_arn = load_balancer.value.arn
      container_name   = "envoy"
      container_port   = var.gateway_port
    }
  }

  depends_on = [aws_iam_role_policy.gateway, aws_lb_listener.gateway]
}
