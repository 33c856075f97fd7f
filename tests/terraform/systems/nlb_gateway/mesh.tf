resource "aws_appmesh_mesh" "default" {
  name = var.name
}

resource "aws_service_discovery_private_dns_namespace" "apps" {
  name = "apps.${var.name}"
  vpc  = aws_vpc.default.id
}

resource "aws_service_discovery_service" "node" {
  for_each = merge({ gateway = null }, local.versions)
  name     = each.key

  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.apps.id

    dns_records {
      ttl  = 10
      type = "A"
    }
  }
}

resource "aws_appmesh_virtual_gateway" "default" {
  name      = "gateway"
  mesh_name = aws_appmesh_mesh.default.id

  spec {
    listener {
      port_mapping {
        port     = 9080
        protocol = "http"
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

resource "aws_appmesh_gateway_route" "default" {
  name                 = "all"
  mesh_name            = aws_appmesh_mesh.default.id
  virtual_gateway_name = aws_appmesh_virtual_gateway.default.name

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

resource "aws_appmesh_virtual_service" "app" {
  name      = "app"
  mesh_name = aws_appmesh_mesh.default.id

  spec {
    provider {
      virtual_router {
        virtual_router_name = aws_appmesh_virtual_router.app.name
      }
    }
  }
}

resource "aws_appmesh_virtual_router" "app" {
  name      = "app"
  mesh_name = aws_appmesh_mesh.default.id

  spec {
    listener {
      port_mapping {
        port     = 80
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_route" "app" {
  name                = "app"
  mesh_name           = aws_appmesh_mesh.default.id
  virtual_router_name = aws_appmesh_virtual_router.app.name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.app["stable"].name
          weight       = local.versions.stable.weight
        }

        weighted_target {
          virtual_node = aws_appmesh_virtual_node.app["canary"].name
          weight       = local.versions.canary.weight
        }
      }
    }
  }
}

resource "aws_appmesh_virtual_node" "app" {
  for_each  = local.versions
  name      = "app-${each.key}"
  mesh_name = aws_appmesh_mesh.default.id

  spec {
    listener {
      port_mapping {
        port     = 80
        protocol = "http"
      }

      health_check {
        protocol            = "http"
        path                = "/"
        healthy_threshold   = 2
        unhealthy_threshold = 2
        timeout_millis      = 2000
        interval_millis     = 5000
      }
    }

    service_discovery {
      aws_cloud_map {
        namespace_name = aws_service_discovery_private_dns_namespace.apps.name
        service_name   = each.key
      }
    }
  }
}
