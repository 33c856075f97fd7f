resource "aws_appmesh_mesh" "main" {
  name = local.name

  spec {
    egress_filter {
      type = "ALLOW_ALL"
    }
  }
}

resource "aws_service_discovery_private_dns_namespace" "main" {
  name        = "${var.environment}.local"
  description = "the services of the mesh"
  vpc         = aws_vpc.main.id
}

resource "aws_service_discovery_service" "front" {
  name = "front"

  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.main.id

    dns_records {
      ttl  = 10
      type = "A"
    }

    routing_policy = "MULTIVALUE"
  }

  health_check_custom_config {
    failure_threshold = 1
  }
}

resource "aws_service_discovery_service" "web" {
  for_each = local.sides
  name     = "web-${each.key}"

  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.main.id

    dns_records {
      ttl  = 10
      type = "A"
    }

    routing_policy = "MULTIVALUE"
  }

  health_check_custom_config {
    failure_threshold = 1
  }
}

resource "aws_appmesh_virtual_node" "front" {
  name      = "front"
  mesh_name = aws_appmesh_mesh.main.id

  spec {
    backend {
      virtual_service {
        virtual_service_name = aws_appmesh_virtual_service.web.name
      }
    }

    listener {
      port_mapping {
        port     = var.app_port
        protocol = "http"
      }
    }

    service_discovery {
      aws_cloud_map {
        service_name   = aws_service_discovery_service.front.name
        namespace_name = aws_service_discovery_private_dns_namespace.main.name
      }
    }
  }
}

resource "aws_appmesh_virtual_node" "web" {
  for_each  = local.sides
  name      = "web-${each.key}"
  mesh_name = aws_appmesh_mesh.main.id

  spec {
    listener {
      port_mapping {
        port     = var.app_port
        protocol = "http"
      }

      health_check {
        protocol            = "http"
        path                = "/health"
        healthy_threshold   = 2
        unhealthy_threshold = 2
        timeout_millis      = 2000
        interval_millis     = 5000
      }
    }

    service_discovery {
      aws_cloud_map {
        service_name   = aws_service_discovery_service.web[each.key].name
        namespace_name = aws_service_discovery_private_dns_namespace.main.name

        attributes = {
          ECS_SERVICE_NAME = "web-${each.key}"
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

resource "aws_appmesh_virtual_router" "web" {
  name      = "web"
  mesh_name = aws_appmesh_mesh.main.id

  spec {
    listener {
      port_mapping {
        port     = var.app_port
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_route" "web" {
  name                = "web"
  mesh_name           = aws_appmesh_mesh.main.id
  virtual_router_name = aws_appmesh_virtual_router.web.name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      retry_policy {
        http_retry_events = ["server-error", "gateway-error"]
        max_retries       = 2

        per_retry_timeout {
          unit  = "s"
          value = 5
        }
      }

      action {
        dynamic "weighted_target" {
          for_each = local.sides

          content {
            virtual_node = aws_appmesh_virtual_node.web[weighted_target.key].name
            weight       = weighted_target.value.weight
          }
        }
      }
    }
  }
}

resource "aws_appmesh_virtual_service" "web" {
  name      = "web.${var.environment}.local"
  mesh_name = aws_appmesh_mesh.main.id

  spec {
    provider {
      virtual_router {
        virtual_router_name = aws_appmesh_virtual_router.web.name
      }
    }
  }
}
