resource "aws_appmesh_mesh" "this" {
  name = local.name
  tags = local.tags

  spec {
    egress_filter {
      type = "DROP_ALL"
    }
  }
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name = local.zone
  vpc  = aws_vpc.this.id
}

resource "aws_service_discovery_service" "this" {
  for_each = var.services
  name     = each.key

  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.this.id

    dns_records {
      ttl  = 60
      type = "A"
    }

    dns_records {
      ttl  = 60
      type = "SRV"
    }
  }
}

resource "aws_appmesh_virtual_node" "this" {
  for_each  = var.services
  name      = each.key
  mesh_name = aws_appmesh_mesh.this.name
  tags      = local.tags

  spec {
    dynamic "backend" {
      for_each = each.value.backends

      content {
        virtual_service {
          virtual_service_name = "${backend.value}.${local.zone}"
        }
      }
    }

    listener {
      port_mapping {
        port     = each.value.port
        protocol = "http"
      }

      timeout {
        http {
          per_request {
            unit  = "s"
            value = 30
          }
        }
      }
    }

    service_discovery {
      dns {
        hostname = "${each.key}.${local.zone}"
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

resource "aws_appmesh_virtual_service" "this" {
  for_each  = var.services
  name      = "${each.key}.${local.zone}"
  mesh_name = aws_appmesh_mesh.this.name

  spec {
    provider {
      virtual_node {
        virtual_node_name = aws_appmesh_virtual_node.this[each.key].name
      }
    }
  }
}
