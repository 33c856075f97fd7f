# The blue side as users of App Mesh wrote it, and the route for when it is alone. The green side is
# the same with its own name (tests/support/programs/terraform.py writes it). The rest is examples/terraform's.

resource "aws_appmesh_virtual_node" "blue" {
  count     = var.blue_is_active ? 1 : 0
  name      = "${var.app_name}-blue"
  mesh_name = aws_appmesh_mesh.main.name

  spec {
    listener {
      port_mapping {
        port     = var.app_port
        protocol = "http"
      }

      health_check {
        protocol            = "http"
        path                = var.healthcheck_path
        healthy_threshold   = 2
        unhealthy_threshold = 2
        timeout_millis      = 2000
        interval_millis     = 5000
      }
    }

    service_discovery {
      aws_cloud_map {
        namespace_name = aws_service_discovery_private_dns_namespace.main.name
        service_name   = aws_service_discovery_service.app.name

        attributes = {
          ECS_SERVICE_NAME = "${var.name}-${var.app_name}-blue"
        }
      }
    }

    logging {
      access_log {
        file {
          path = "/dev/stdout"
        }
      }
    }
  }
}

resource "aws_ecs_task_definition" "blue" {
  count                    = var.blue_is_active ? 1 : 0
  family                   = "${var.name}-${var.app_name}-blue"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_cpu
  memory                   = var.task_memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  container_definitions = templatefile("${path.module}/containers.json.tpl", {
    app_image   = var.app_image_blue
    app_port    = var.app_port
    app_memory  = var.app_memory
    envoy_image = var.envoy_image
    xray_image  = var.xray_image
    resource    = "mesh/${var.name}/virtualNode/${aws_appmesh_virtual_node.blue[0].name}"
    log_group   = aws_cloudwatch_log_group.app.name
    region      = data.aws_region.current.name
    prefix      = "blue"
  })

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

resource "aws_ecs_service" "blue" {
  count                 = var.blue_is_active ? 1 : 0
  name                  = "${var.name}-${var.app_name}-blue"
  cluster               = aws_ecs_cluster.main.id
  task_definition       = aws_ecs_task_definition.blue[0].arn
  desired_count         = var.desired_count
  launch_type           = "FARGATE"
  platform_version      = var.platform_version
  wait_for_steady_state = var.wait_for_steady_state

  network_configuration {
    subnets          = aws_subnet.public[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }

  service_registries {
    registry_arn = aws_service_discovery_service.app.arn
  }

  lifecycle {
    ignore_changes = [task_definition]
  }
}

resource "aws_appmesh_route" "blue" {
  count               = var.blue_is_active && !var.green_is_active ? 1 : 0
  name                = "${var.app_name}-blue"
  mesh_name           = aws_appmesh_mesh.main.name
  virtual_router_name = aws_appmesh_virtual_router.app.name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      retry_policy {
        tcp_retry_events = ["connection-error"]
        max_retries      = 1

        per_retry_timeout {
          unit  = "s"
          value = 1
        }
      }

      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.blue[0].name
          weight       = 1
        }
      }
    }
  }
}
