# A side is a virtual node, a task definition and an ECS service.

resource "aws_appmesh_virtual_node" "side" {
  provider  = aws.mesh
  for_each  = local.sides
  name      = local.nodes[each.key]
  mesh_name = var.mesh_name

  spec {
    dynamic "backend" {
      for_each = var.backends

      content {
        virtual_service {
          virtual_service_name = backend.value
        }
      }
    }

    listener {
      port_mapping {
        port     = var.port
        protocol = var.protocol
      }

      health_check {
        protocol            = var.protocol
        path                = var.protocol == "grpc" ? null : var.health_check_path
        healthy_threshold   = 2
        unhealthy_threshold = 2
        timeout_millis      = 2000
        interval_millis     = 5000
      }
    }

    service_discovery {
      aws_cloud_map {
        namespace_name = var.namespace.name
        service_name   = aws_service_discovery_service.this.name
        attributes     = { ECS_SERVICE_NAME = local.services[each.key] }
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

module "sidecar" {
  source   = "../sidecar"
  for_each = local.sides

  resource          = "mesh/${var.mesh_name}/virtualNode/${aws_appmesh_virtual_node.side[each.key].name}"
  app_ports         = [var.port]
  cpu               = var.envoy_cpu
  task_cpu          = var.cpu
  app_cpu           = try(jsondecode(var.container).cpu, null)
  image             = var.envoy_image
  xds_endpoint      = var.xds_endpoint
  xds_ca            = var.xds_ca
  agent             = var.agent
  environment       = var.envoy_environment
  tracing           = var.tracing
  log_configuration = local.log_configuration
}

resource "aws_ecs_task_definition" "side" {
  for_each                 = local.sides
  family                   = local.families[each.key]
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = var.execution_role_arn
  task_role_arn            = aws_iam_role.task.arn

  container_definitions = jsonencode(concat(
    [merge(
      {
        name         = "app"
        image        = each.value.image
        essential    = true
        cpu          = module.sidecar[each.key].app_cpu
        portMappings = [{ containerPort = var.port, hostPort = var.port, protocol = "tcp" }]
        dependsOn    = module.sidecar[each.key].depends_on
      },
      local.log_configuration == null ? {} : { logConfiguration = local.log_configuration },
      jsondecode(var.container),
    )],
    [for container in module.sidecar[each.key].containers : jsondecode(container)],
  ))

  proxy_configuration {
    type           = "APPMESH"
    container_name = module.sidecar[each.key].proxy_container
    properties     = module.sidecar[each.key].proxy_properties
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_ecs_service" "side" {
  for_each              = local.sides
  name                  = local.services[each.key]
  cluster               = var.cluster
  task_definition       = aws_ecs_task_definition.side[each.key].arn
  desired_count         = var.desired_count
  launch_type           = "FARGATE"
  platform_version      = var.platform_version
  wait_for_steady_state = var.wait_for_steady_state

  network_configuration {
    subnets          = var.subnets
    security_groups  = var.security_groups
    assign_public_ip = var.assign_public_ip
  }

  service_registries {
    registry_arn = aws_service_discovery_service.this.arn
  }

  depends_on = [aws_iam_role_policy.envoy]

  lifecycle {
    create_before_destroy = true
  }
}
