resource "aws_route53_zone" "public" {
  name = var.domain
}

resource "aws_acm_certificate" "web" {
  domain_name               = var.domain
  subject_alternative_names = ["*.${var.domain}"]
  validation_method         = "DNS"
  tags                      = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = {
    for option in aws_acm_certificate.web.domain_validation_options : option.domain_name => option
  }

  allow_overwrite = true
  zone_id         = aws_route53_zone.public.zone_id
  name            = each.value.resource_record_name
  type            = each.value.resource_record_type
  records         = [each.value.resource_record_value]
  ttl             = 60
}

resource "aws_acm_certificate_validation" "web" {
  certificate_arn         = aws_acm_certificate.web.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_lb" "web" {
  name                       = local.name
  internal                   = false
  load_balancer_type         = "application"
  security_groups            = [aws_security_group.web.id, aws_default_security_group.this.id]
  subnets                    = [for subnet in aws_subnet.this : subnet.id]
  drop_invalid_header_fields = true
  enable_http2               = true
  tags                       = local.tags
}

resource "aws_route53_record" "web" {
  zone_id = aws_route53_zone.public.zone_id
  name    = var.domain
  type    = "A"

  alias {
    name                   = aws_lb.web.dns_name
    zone_id                = aws_lb.web.zone_id
    evaluate_target_health = true
  }
}

resource "aws_route53_record" "www" {
  zone_id = aws_route53_zone.public.zone_id
  name    = "www"
  type    = "CNAME"
  ttl     = 300
  records = [aws_lb.web.dns_name]
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.web.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.web.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS-1-2-2017-01"
  certificate_arn   = aws_acm_certificate_validation.web.certificate_arn

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "application/json"
      message_body = jsonencode({ message = "not found" })
      status_code  = "404"
    }
  }
}

resource "aws_lb_target_group" "service" {
  for_each    = var.services
  name        = "${local.name}-${each.key}"
  port        = each.value.port
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = aws_vpc.this.id

  deregistration_delay          = 5
  slow_start                    = 30
  load_balancing_algorithm_type = "least_outstanding_requests"

  health_check {
    path     = "/health"
    matcher  = "200-299"
    interval = 10
    timeout  = 5
  }

  stickiness {
    type    = "lb_cookie"
    enabled = false
  }

  tags = local.tags
}

resource "aws_lb_listener_rule" "service" {
  for_each     = var.services
  listener_arn = aws_lb_listener.https.arn
  priority     = each.value.path == "/*" ? 1000 : 10

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service[each.key].arn
  }

  condition {
    host_header {
      values = [var.domain, "*.${var.domain}", aws_lb.web.dns_name]
    }
  }

  condition {
    path_pattern {
      values = [each.value.path]
    }
  }
}

output "dns_name" {
  value = aws_lb.web.dns_name
}

output "paths" {
  value = ["/", "/catalog/1"]
}
