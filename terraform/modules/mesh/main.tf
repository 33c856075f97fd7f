# A mesh, the namespace in which its tasks are found, and a gateway on ECS.

data "aws_region" "current" {}

resource "aws_appmesh_mesh" "this" {
  provider = aws.mesh
  name     = var.name

  spec {
    egress_filter {
      type = var.egress
    }
  }
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name = var.namespace == "" ? "${var.name}.local" : var.namespace
  vpc  = var.vpc_id
}

resource "aws_appmesh_virtual_gateway" "this" {
  provider  = aws.mesh
  name      = "gateway"
  mesh_name = aws_appmesh_mesh.this.name

  spec {
    listener {
      port_mapping {
        port     = var.gateway_port
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

resource "aws_appmesh_gateway_route" "this" {
  provider             = aws.mesh
  for_each             = var.gateway_routes
  name                 = each.key == "/" ? "root" : replace(trim(each.key, "/"), "/[^A-Za-z0-9_-]/", "-")
  mesh_name            = aws_appmesh_mesh.this.name
  virtual_gateway_name = aws_appmesh_virtual_gateway.this.name

  spec {
    http_route {
      match {
        prefix = each.key
      }

      action {
        target {
          virtual_service {
            virtual_service_name = each.value
          }
        }
      }
    }
  }
}
