variable "name" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "subnets" {
  type = list(string)
}

variable "target_groups" {
  type    = any
  default = []
}

variable "http_tcp_listeners" {
  type    = any
  default = []
}

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-alb-"
  vpc_id      = var.vpc_id
}

resource "aws_security_group_rule" "this" {
  for_each = {
    ingress = { port = 80, protocol = "tcp" }
    egress  = { port = 0, protocol = "-1" }
  }

  type              = each.key
  security_group_id = aws_security_group.this.id
  from_port         = each.value.port
  to_port           = each.value.port
  protocol          = each.value.protocol
  cidr_blocks       = ["0.0.0.0/0"]
}

resource "aws_lb" "this" {
  name_prefix                      = substr(var.name, 0, 6)
  load_balancer_type               = "application"
  internal                         = false
  security_groups                  = [aws_security_group.this.id]
  subnets                          = var.subnets
  idle_timeout                     = 60
  enable_cross_zone_load_balancing = false
  enable_deletion_protection       = false
  enable_http2                     = true
  ip_address_type                  = "ipv4"
  drop_invalid_header_fields       = false

  dynamic "access_logs" {
    for_each = []

    content {
      bucket = "none"
    }
  }

  timeouts {
    create = "10m"
    update = "10m"
    delete = "10m"
  }
}

resource "aws_lb_target_group" "main" {
  count                         = length(var.target_groups)
  name_prefix                   = lookup(var.target_groups[count.index], "name_prefix", null)
  vpc_id                        = var.vpc_id
  port                          = lookup(var.target_groups[count.index], "backend_port", null)
  protocol                      = upper(lookup(var.target_groups[count.index], "backend_protocol", "HTTP"))
  target_type                   = lookup(var.target_groups[count.index], "target_type", "ip")
  deregistration_delay          = lookup(var.target_groups[count.index], "deregistration_delay", 10)
  slow_start                    = lookup(var.target_groups[count.index], "slow_start", null)
  load_balancing_algorithm_type = lookup(var.target_groups[count.index], "load_balancing_algorithm_type", null)

  dynamic "health_check" {
    for_each = [lookup(var.target_groups[count.index], "health_check", {})]

    content {
      enabled             = lookup(health_check.value, "enabled", null)
      interval            = lookup(health_check.value, "interval", null)
      path                = lookup(health_check.value, "path", null)
      port                = lookup(health_check.value, "port", null)
      healthy_threshold   = lookup(health_check.value, "healthy_threshold", null)
      unhealthy_threshold = lookup(health_check.value, "unhealthy_threshold", null)
      timeout             = lookup(health_check.value, "timeout", null)
      protocol            = lookup(health_check.value, "protocol", null)
      matcher             = lookup(health_check.value, "matcher", null)
    }
  }

  depends_on = [aws_lb.this]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "frontend_http_tcp" {
  count             = length(var.http_tcp_listeners)
  load_balancer_arn = aws_lb.this.arn
  port              = var.http_tcp_listeners[count.index]["port"]
  protocol          = var.http_tcp_listeners[count.index]["protocol"]

  dynamic "default_action" {
    for_each = [var.http_tcp_listeners[count.index]]

    content {
      type             = lookup(default_action.value, "action_type", "forward")
      target_group_arn = aws_lb_target_group.main[lookup(default_action.value, "target_group_index", count.index)].id
    }
  }
}

output "dns_name" {
  value = concat(aws_lb.this.*.dns_name, [""])[0]
}

output "target_group_arns" {
  value = aws_lb_target_group.main.*.arn
}
