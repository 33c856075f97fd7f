# A side is a virtual node, a task definition and an ECS service. It exists while it is active.
#
# No request is lost if a side is created in the order node, role, ECS service, route, and removed
# in the order route, ECS service, node. `create_before_destroy` reverses a removal, so that the
# route drops a side before the side is destroyed; `depends_on` gives weight to a side only after it
# has started.

locals {
  sides = {
    for side, it in {
      blue  = { active = var.blue_is_active, weight = var.blue_weight, image = var.app_image_blue }
      green = { active = var.green_is_active, weight = var.green_weight, image = var.app_image_green }
    } : side => it if it.active
  }

  node_arns = [for side in sort(keys(local.sides)) : aws_appmesh_virtual_node.side[side].arn]
}

resource "aws_appmesh_virtual_node" "side" {
  for_each  = local.sides
  name      = "${var.app_name}-${each.key}"
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
          ECS_SERVICE_NAME = "${var.name}-${var.app_name}-${each.key}"
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

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_ecs_task_definition" "side" {
  for_each                 = local.sides
  family                   = "${var.name}-${var.app_name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_cpu
  memory                   = var.task_memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  container_definitions = templatefile("${path.module}/containers.json.tpl", {
    app_image   = each.value.image
    app_port    = var.app_port
    app_memory  = var.app_memory
    envoy_image = var.envoy_image
    xray_image  = var.xray_image
    resource    = "mesh/${var.name}/virtualNode/${aws_appmesh_virtual_node.side[each.key].name}"
    log_group   = aws_cloudwatch_log_group.app.name
    region      = data.aws_region.current.name
    prefix      = each.key
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

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_ecs_service" "side" {
  for_each              = local.sides
  name                  = "${var.name}-${var.app_name}-${each.key}"
  cluster               = aws_ecs_cluster.main.id
  task_definition       = aws_ecs_task_definition.side[each.key].arn
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

  depends_on = [aws_iam_role_policy.envoy]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_appmesh_route" "app" {
  name                = var.app_name
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
        dynamic "weighted_target" {
          for_each = local.sides

          content {
            virtual_node = aws_appmesh_virtual_node.side[weighted_target.key].name
            # A single side gets all requests, whatever its weight.
            weight = length(local.sides) == 1 ? 1 : weighted_target.value.weight
          }
        }
      }
    }
  }

  depends_on = [aws_ecs_service.side]
}
