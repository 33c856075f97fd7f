# A service with a blue and a green side behind one route.
#
# Terraform owns the weights: the four steps of a release change `blue` and `green`.
# In the module bluegreen-service-rollouts, of the same addresses, `teal deploy` owns them.
#
# No request is lost if a side is created in the order node, role, ECS service, route, and removed in
# the order route, ECS service, node. `create_before_destroy` reverses a removal, so that the route
# drops a side before the side is destroyed; `depends_on` gives weight to a side only after it has
# started.

data "aws_region" "current" {}

locals {
  declared = { blue = var.blue, green = var.green }
  sides    = { for side, it in local.declared : side => it if it.is_active }
  names    = { for side, word in var.side_names : side => "${var.name}-${word}" }
  nodes    = merge(local.names, var.names.virtual_nodes)
  services = merge(local.names, var.names.ecs_services)
  families = merge(local.names, var.names.families)
  hostname = var.hostname == "" ? "${var.name}.${var.namespace.name}" : var.hostname

  log_configuration = var.log_group == "" ? null : {
    logDriver = "awslogs"
    options = {
      awslogs-group         = var.log_group
      awslogs-region        = data.aws_region.current.name
      awslogs-stream-prefix = var.name
    }
  }
}

resource "aws_appmesh_virtual_router" "this" {
  provider  = aws.mesh
  name      = var.name
  mesh_name = var.mesh_name

  spec {
    listener {
      port_mapping {
        port     = var.port
        protocol = var.protocol
      }
    }
  }
}

resource "aws_appmesh_virtual_service" "this" {
  provider  = aws.mesh
  name      = local.hostname
  mesh_name = var.mesh_name

  spec {
    provider {
      virtual_router {
        virtual_router_name = aws_appmesh_virtual_router.this.name
      }
    }
  }
}

resource "aws_service_discovery_service" "this" {
  name = coalesce(var.names.cloud_map_service, var.name)

  dns_config {
    namespace_id   = var.namespace.id
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
