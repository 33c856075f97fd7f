resource "aws_s3_bucket" "access_logs" {
  bucket        = "${local.name}-alb-logs"
  acl           = "private"
  force_destroy = true
}

data "aws_elb_service_account" "main" {}

resource "aws_s3_bucket_policy" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = data.aws_elb_service_account.main.arn }
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.access_logs.arn}/*"
    }]
  })
}

resource "aws_alb" "main" {
  name            = "${local.name}-alb"
  subnets         = aws_subnet.public.*.id
  security_groups = [aws_security_group.lb.id]
  idle_timeout    = 400

  access_logs {
    bucket  = aws_s3_bucket_policy.access_logs.bucket
    prefix  = "alb"
    enabled = true
  }
}

resource "aws_alb_target_group" "app" {
  name                 = "${local.name}-front"
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = aws_vpc.main.id
  target_type          = "ip"
  deregistration_delay = 10

  health_check {
    healthy_threshold   = "2"
    interval            = "5"
    protocol            = "HTTP"
    matcher             = "200"
    timeout             = "3"
    path                = "/health"
    unhealthy_threshold = "2"
  }
}

resource "aws_alb_listener" "front_end" {
  load_balancer_arn = aws_alb.main.id
  port              = "80"
  protocol          = "HTTP"

  default_action {
    target_group_arn = aws_alb_target_group.app.id
    type             = "forward"
  }
}

resource "aws_alb_listener_rule" "robots" {
  listener_arn = aws_alb_listener.front_end.arn
  priority     = 100

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "User-agent: *\nDisallow: /"
      status_code  = "200"
    }
  }

  condition {
    path_pattern {
      values = ["/robots.txt"]
    }
  }
}

output "dns_name" {
  value = aws_alb.main.dns_name
}

output "paths" {
  value = ["/", "/robots.txt"]
}
