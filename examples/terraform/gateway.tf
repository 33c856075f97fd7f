# The entry to the mesh from outside.

resource "aws_appmesh_virtual_gateway" "edge" {
  name      = "edge"
  mesh_name = aws_appmesh_mesh.main.name

  spec {
    listener {
      port_mapping {
        port     = var.gateway_port
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_gateway_route" "all" {
  name                 = "all"
  mesh_name            = aws_appmesh_mesh.main.name
  virtual_gateway_name = aws_appmesh_virtual_gateway.edge.name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      action {
        target {
          virtual_service {
            virtual_service_name = aws_appmesh_virtual_service.app.name
          }
        }
      }
    }
  }
}

resource "aws_ecs_task_definition" "edge" {
  family                   = "${var.name}-edge"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  container_definitions = jsonencode([{
    name              = "envoy"
    image             = var.envoy_image
    essential         = true
    user              = "1337"
    memoryReservation = 256
    environment = [
      { name = "APPMESH_RESOURCE_ARN", value = "mesh/${var.name}/virtualGateway/${aws_appmesh_virtual_gateway.edge.name}" },
      # In place of a load balancer: the gateway also listens on this address of the machine.
      { name = "TEAL_PUBLISH_ADDRESS", value = "127.0.0.1" },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.gateway.name
        awslogs-region        = data.aws_region.current.name
        awslogs-stream-prefix = "edge"
      }
    }
  }])
}

resource "aws_ecs_service" "edge" {
  name                  = "${var.name}-edge"
  cluster               = aws_ecs_cluster.main.id
  task_definition       = aws_ecs_task_definition.edge.arn
  desired_count         = 1
  launch_type           = "FARGATE"
  platform_version      = var.platform_version
  wait_for_steady_state = var.wait_for_steady_state

  network_configuration {
    subnets          = aws_subnet.public[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }
}
