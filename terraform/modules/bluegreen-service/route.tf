# One route, updated in place: there is no moment without a route.

locals {
  weights = { for side, it in local.sides : side => it.weight }
  targets = { for side, weight in local.weights : aws_appmesh_virtual_node.side[side].name => weight }

  # By default that of App Mesh.
  timeout_seconds = var.timeout_seconds > 0 ? var.timeout_seconds : 15
}

resource "aws_appmesh_route" "this" {
  provider            = aws.mesh
  name                = coalesce(var.names.route, var.name)
  mesh_name           = var.mesh_name
  virtual_router_name = aws_appmesh_virtual_router.this.name

  spec {
    dynamic "http_route" {
      for_each = var.protocol == "http" ? [1] : []

      content {
        match {
          prefix = "/"
        }

        action {
          dynamic "weighted_target" {
            for_each = local.targets

            content {
              virtual_node = weighted_target.key
              weight       = weighted_target.value
            }
          }
        }

        dynamic "retry_policy" {
          for_each = var.retries > 0 ? [1] : []

          content {
            tcp_retry_events = ["connection-error"]
            max_retries      = var.retries

            # That of a request: a try that takes long is not sent again, but would end here.
            per_retry_timeout {
              unit  = "s"
              value = local.timeout_seconds
            }
          }
        }

        dynamic "timeout" {
          for_each = var.timeout_seconds > 0 ? [1] : []

          content {
            per_request {
              unit  = "s"
              value = var.timeout_seconds
            }
          }
        }
      }
    }

    dynamic "http2_route" {
      for_each = var.protocol == "http2" ? [1] : []

      content {
        match {
          prefix = "/"
        }

        action {
          dynamic "weighted_target" {
            for_each = local.targets

            content {
              virtual_node = weighted_target.key
              weight       = weighted_target.value
            }
          }
        }

        dynamic "retry_policy" {
          for_each = var.retries > 0 ? [1] : []

          content {
            tcp_retry_events = ["connection-error"]
            max_retries      = var.retries

            # That of a request: a try that takes long is not sent again, but would end here.
            per_retry_timeout {
              unit  = "s"
              value = local.timeout_seconds
            }
          }
        }

        dynamic "timeout" {
          for_each = var.timeout_seconds > 0 ? [1] : []

          content {
            per_request {
              unit  = "s"
              value = var.timeout_seconds
            }
          }
        }
      }
    }

    dynamic "grpc_route" {
      for_each = var.protocol == "grpc" ? [1] : []

      content {
        match {}

        action {
          dynamic "weighted_target" {
            for_each = local.targets

            content {
              virtual_node = weighted_target.key
              weight       = weighted_target.value
            }
          }
        }

        dynamic "retry_policy" {
          for_each = var.retries > 0 ? [1] : []

          content {
            tcp_retry_events = ["connection-error"]
            max_retries      = var.retries

            # That of a request: a try that takes long is not sent again, but would end here.
            per_retry_timeout {
              unit  = "s"
              value = local.timeout_seconds
            }
          }
        }

        dynamic "timeout" {
          for_each = var.timeout_seconds > 0 ? [1] : []

          content {
            per_request {
              unit  = "s"
              value = var.timeout_seconds
            }
          }
        }
      }
    }
  }

  depends_on = [aws_ecs_service.side]

  lifecycle {
    precondition {
      condition     = length(local.sides) > 0
      error_message = "Both sides are off: set is_active of blue or green."
    }

    precondition {
      condition     = alltrue([for it in local.declared : it.is_active || it.weight == 0])
      error_message = "A side that is not active has weight: set its weight to 0 first, and is_active to false in the next apply."
    }

    precondition {
      condition     = sum(concat([0], values(local.weights))) > 0
      error_message = "No active side has weight: no request would be answered."
    }
  }
}
