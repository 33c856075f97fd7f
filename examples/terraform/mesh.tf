resource "aws_appmesh_mesh" "main" {
  name = var.name
}

resource "aws_appmesh_virtual_router" "app" {
  name      = var.app_name
  mesh_name = aws_appmesh_mesh.main.name

  spec {
    listener {
      port_mapping {
        port     = var.app_port
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_virtual_service" "app" {
  name      = "${var.app_name}.${aws_service_discovery_private_dns_namespace.main.name}"
  mesh_name = aws_appmesh_mesh.main.name

  spec {
    provider {
      virtual_router {
        virtual_router_name = aws_appmesh_virtual_router.app.name
      }
    }
  }
}
