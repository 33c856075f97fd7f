locals {
  by_requests = var.load_balancer == null ? false : var.load_balancer.type == "application"
  encrypted   = var.load_balancer == null ? false : var.load_balancer.certificate_arn != null
}

resource "aws_lb" "gateway" {
  count              = var.load_balancer == null ? 0 : 1
  name               = "${substr(var.name, 0, 24)}-gateway"
  load_balancer_type = var.load_balancer.type
  internal           = var.load_balancer.internal
  subnets            = var.load_balancer.subnets
  security_groups    = local.by_requests ? var.load_balancer.security_groups : null
}

resource "aws_lb_target_group" "gateway" {
  count                = var.load_balancer == null ? 0 : 1
  name                 = "${substr(var.name, 0, 24)}-gateway"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  port                 = var.gateway_port
  protocol             = local.by_requests ? "HTTP" : "TCP"
  deregistration_delay = 30

  # Whatever the gateway answers, it works: its routes may know no such path.
  dynamic "health_check" {
    for_each = local.by_requests ? [var.load_balancer.health_check_path] : []

    content {
      path                = health_check.value
      matcher             = "200-499"
      interval            = 10
      timeout             = 5
      healthy_threshold   = 2
      unhealthy_threshold = 2
    }
  }

  depends_on = [aws_lb.gateway]
}

resource "aws_lb_listener" "gateway" {
  count             = var.load_balancer == null ? 0 : 1
  load_balancer_arn = aws_lb.gateway[0].arn
  port              = var.load_balancer.port
  protocol          = local.by_requests ? (local.encrypted ? "HTTPS" : "HTTP") : (local.encrypted ? "TLS" : "TCP")
  certificate_arn   = var.load_balancer.certificate_arn
  ssl_policy        = local.encrypted ? "ELBSecurityPolicy-TLS13-1-2-2021-06" : null

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.gateway[0].arn
  }
}
