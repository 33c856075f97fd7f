resource "aws_service_discovery_service" "this" {
  name = var.name

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

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_appmesh_virtual_gateway" "this" {
  count     = var.gateway ? 1 : 0
  name      = var.name
  mesh_name = var.mesh

  spec {
    listener {
      port_mapping {
        port     = var.port
        protocol = "http"
      }

      connection_pool {
        http {
          max_connections      = 1000
          max_pending_requests = 1000
        }
      }
    }
  }
}

resource "aws_appmesh_gateway_route" "this" {
  for_each             = var.gateway ? var.routes : {}
  name                 = each.key
  mesh_name            = var.mesh
  virtual_gateway_name = aws_appmesh_virtual_gateway.this[0].name

  spec {
    http_route {
      match {
        prefix = each.value
      }

      action {
        target {
          virtual_service {
            virtual_service_name = var.virtual_services[each.key]
          }
        }
      }
    }
  }
}

resource "aws_appmesh_virtual_node" "this" {
  count     = var.gateway ? 0 : 1
  name      = var.name
  mesh_name = var.mesh

  spec {
    listener {
      port_mapping {
        port     = var.port
        protocol = "http"
      }

      health_check {
        protocol            = "http"
        path                = "/health"
        healthy_threshold   = 2
        unhealthy_threshold = 3
        timeout_millis      = 2000
        interval_millis     = 5000
      }

      timeout {
        http {
          idle {
            unit  = "s"
            value = 60
          }
        }
      }
    }

    service_discovery {
      aws_cloud_map {
        namespace_name = var.namespace.name
        service_name   = aws_service_discovery_service.this.name
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

locals {
  resource = var.gateway ? aws_appmesh_virtual_gateway.this[0].arn : aws_appmesh_virtual_node.this[0].arn
}

output "node_name" {
  value = element(concat(aws_appmesh_virtual_node.this.*.name, [""]), 0)
}
