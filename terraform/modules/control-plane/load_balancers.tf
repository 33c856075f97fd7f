# A network load balancer passes TLS through to the replicas, for the API and for Envoys. Envoys and
# replicas ping each other every 10 s, far below the 350 s after which it forgets a connection.

locals {
  targets = concat(
    [for group in aws_lb_target_group.network : { arn = group.arn, port = group.port }],
    [for group in aws_lb_target_group.application : { arn = group.arn, port = group.port }],
  )

  listeners = var.load_balancer == null ? {} : { api = local.api_port, xds = local.xds_port }
}

resource "aws_lb" "network" {
  count                            = var.load_balancer == null ? 0 : 1
  name                             = substr(var.name, 0, 32)
  load_balancer_type               = "network"
  internal                         = var.load_balancer.internal
  subnets                          = var.load_balancer.subnets
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.deletion_protection
}

resource "aws_lb_target_group" "network" {
  for_each             = local.listeners
  name                 = "${substr(var.name, 0, 28)}-${each.key}"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  port                 = each.value
  protocol             = "TCP"
  deregistration_delay = var.stream_drain + 15

  # Of either port: whether the replica answers. Not whether it is ready: ECS replaces what is not
  # healthy here, and while the database is away none is ready, but all go on serving Envoys.
  health_check {
    protocol            = "HTTPS"
    port                = local.api_port
    path                = "/_teal/health"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  depends_on = [aws_lb.network]
}

resource "aws_lb_listener" "network" {
  for_each          = local.listeners
  load_balancer_arn = aws_lb.network[0].arn
  port              = each.value
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.network[each.key].arn
  }
}

# An application load balancer for people: the page, with a certificate of ACM, and a login of its own
# where the bundle has an oidc.json (docs/listening.md).

resource "aws_lb" "application" {
  count                      = var.api_load_balancer == null ? 0 : 1
  name                       = "${substr(var.name, 0, 27)}-page"
  load_balancer_type         = "application"
  internal                   = var.api_load_balancer.internal
  subnets                    = var.api_load_balancer.subnets
  security_groups            = var.api_load_balancer.security_groups
  idle_timeout               = 120
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
}

resource "aws_lb_target_group" "application" {
  count                = var.api_load_balancer == null ? 0 : 1
  name                 = "${substr(var.name, 0, 27)}-page"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  port                 = local.api_port
  protocol             = "HTTPS"
  deregistration_delay = 30

  health_check {
    protocol            = "HTTPS"
    path                = "/_teal/health"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  depends_on = [aws_lb.application]
}

resource "aws_lb_listener" "application" {
  count             = var.api_load_balancer == null ? 0 : 1
  load_balancer_arn = aws_lb.application[0].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.api_load_balancer.certificate_arn

  dynamic "default_action" {
    for_each = var.api_load_balancer.oidc == null ? [] : [var.api_load_balancer.oidc]

    content {
      type  = "authenticate-oidc"
      order = 1

      authenticate_oidc {
        authorization_endpoint = default_action.value.authorization_endpoint
        client_id              = default_action.value.client_id
        client_secret          = default_action.value.client_secret
        issuer                 = default_action.value.issuer
        token_endpoint         = default_action.value.token_endpoint
        user_info_endpoint     = default_action.value.user_info_endpoint
      }
    }
  }

  default_action {
    type             = "forward"
    order            = var.api_load_balancer.oidc == null ? null : 2
    target_group_arn = aws_lb_target_group.application[0].arn
  }
}

resource "aws_security_group" "this" {
  name        = var.name
  description = "Replicas of the control plane ${var.name}"
  vpc_id      = var.vpc_id

  ingress {
    description = "API and Envoys"
    from_port   = local.api_port
    to_port     = local.xds_port
    protocol    = "tcp"
    cidr_blocks = var.client_cidr_blocks
    self        = true
  }

  egress {
    description = "AWS, the database, the other replicas"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
