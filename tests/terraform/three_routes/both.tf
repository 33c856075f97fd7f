# The route for when both sides are active: one of three that replace one another, and nothing puts
# their going and coming in an order.

locals {
  node_arns = concat(aws_appmesh_virtual_node.blue[*].arn, aws_appmesh_virtual_node.green[*].arn)
}

resource "aws_appmesh_route" "both" {
  count               = var.blue_is_active && var.green_is_active ? 1 : 0
  name                = "${var.app_name}-both"
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
          weight       = var.blue_weight
        }

        weighted_target {
          virtual_node = aws_appmesh_virtual_node.green[0].name
          weight       = var.green_weight
        }
      }
    }
  }
}
